"""How each of a shop's upstream endpoints answered last, kept in the shared cache for operators to see.

One entry for the last success, one for the last failure and one for the last answer that could not be read, per shop
and endpoint, so that processes never overwrite each other's news with older ones of another kind. Nothing here is
needed to serve a page: a cache that fails is ignored.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec

from sumeru_proxy.client import resources
from sumeru_proxy.reading.shared_cache import Away, cache

if TYPE_CHECKING:
    from sumeru_proxy.client.caller import Observed
    from sumeru_proxy.client.errors import SumeruError
from sumeru_proxy.memory import Memory

log = logging.getLogger(__name__)

KEEP_S = 7 * 24 * 3600
ENDPOINTS = tuple(resource.name for resource in resources.EVERY)
"""The names under which calls are noted: the methods of ``client.api.Sumeru``; any other name is kept as ``other``."""
OTHER = "other"
WRITE_EVERY_S = 5.0
"""Successes after a success are written at most this often per process."""

State = Literal["ok", "waiting", "failing", "unused"]
_SUCCESSES_LIMIT = 20_000
_written: Memory[tuple[int, str], None] = Memory(_SUCCESSES_LIMIT, WRITE_EVERY_S, clock=time.time)


class _Success(msgspec.Struct, frozen=True):
    at: float


class _Misread(msgspec.Struct, frozen=True):
    at: float
    path: str
    expected: str
    request_id: str
    left_out: bool


class _Failure(msgspec.Struct, frozen=True):
    at: float
    error: str = ""
    code: str = ""
    status: int = 0
    request_id: str = ""


N = TypeVar("N", _Success, _Failure, _Misread)


@dataclass(frozen=True, slots=True)
class Health:
    """One endpoint. Times are Unix seconds, None when there was no such outcome in the last KEEP_S.

    ``error`` is the class of the last failure (``Refused``, ``Limited``, ``Unavailable``, ``Unreadable``), ``code`` and
    ``status`` what Sumeru answered (empty, 0 when it did not), ``request_id`` Sumeru's name for that request.
    ``unreadable_at`` to ``left_out`` are about the last answer that was not in the shape we know: the JSON path, what was expected there,
    the request, and whether only items of a list were left out.
    """

    endpoint: str
    succeeded_at: float | None = None
    failed_at: float | None = None
    error: str = ""
    code: str = ""
    status: int = 0
    request_id: str = ""
    unreadable_at: float | None = None
    unreadable_path: str = ""
    expected: str = ""
    unreadable_request_id: str = ""
    left_out: bool = False

    @property
    def state(self) -> State:
        """``ok`` or ``failing`` by what came last; ``waiting`` when the last outcome was a full limit; ``unused`` without any."""
        if self.failed_at is None:
            return "unused" if self.succeeded_at is None else "ok"
        if self.succeeded_at is not None and self.succeeded_at >= self.failed_at:
            return "ok"
        return "waiting" if self.error == "Limited" else "failing"


def worst(rows: Iterable[Health]) -> State:
    """The state that needs a person most: failing before waiting before ok; unused when nothing was called."""
    states = {row.state for row in rows}
    order: tuple[State, ...] = ("failing", "waiting", "ok")
    return next((state for state in order if state in states), "unused")


def _names(shop_id: int, endpoint: str) -> tuple[str, str, str]:
    return tuple(f"health:{shop_id}:{endpoint}:{kind}" for kind in ("ok", "bad", "unread"))  # type: ignore[return-value]


def note(shop_id: int, endpoint: str, outcome: SumeruError | None = None, *, now: float | None = None) -> None:
    """Note the end of one upstream call: None for a success, else the client's error.

    Keeps class, code, status and request id, never the error's text. Costs at most one cache write; never raises, never sleeps,
    may be repeated. ``now`` is Unix seconds.
    """
    if outcome is None:
        _note_success(shop_id, endpoint, time.time() if now is None else now)
        return
    _note_failure(
        shop_id,
        endpoint,
        _Failure(
            at=time.time() if now is None else now,
            error=type(outcome).__name__,
            code=str(getattr(outcome, "code", "") or "")[:60],
            status=int(getattr(outcome, "status", 0) or 0),
            request_id=outcome.request_id[:80],
        ),
    )


def observer(shop_id: int) -> Callable[[Observed], None]:
    """The same as a client's ``observer``: notes every try of this shop's client."""

    def observe(seen: Observed) -> None:
        endpoint, now, request_id = seen.meta.endpoint, time.time(), seen.meta.request_id[:80]
        if not seen.sent and seen.error == "Unavailable":
            return  # held back because of earlier failures: those are the news
        if seen.unreadable_path:
            misread = _Misread(
                at=now,
                path=seen.unreadable_path[:200],
                expected=seen.expected[:80],
                request_id=request_id,
                left_out=not seen.error,
            )
            _note_misread(shop_id, endpoint, misread)
        if seen.answered:
            _note_success(shop_id, endpoint, now)
            return
        status = seen.meta.status
        _note_failure(
            shop_id,
            endpoint,
            _Failure(at=now, error=seen.error, code=seen.code[:60], status=status, request_id=request_id),
        )

    return observe


def _known(endpoint: str) -> str:
    return endpoint if endpoint in ENDPOINTS else OTHER


def _note_success(shop_id: int, endpoint: str, at: float) -> None:
    name = _known(endpoint)
    if _written.fresh((shop_id, name), at):
        return
    _keep(_names(shop_id, name)[0], _Success(at=at))
    _written.set((shop_id, name), None, at)


def _note_misread(shop_id: int, endpoint: str, entry: _Misread) -> None:
    name = _names(shop_id, _known(endpoint))[2]
    if _written.fresh((shop_id, name), entry.at):
        return
    _keep(name, entry)
    _written.set((shop_id, name), None, entry.at)


def _note_failure(shop_id: int, endpoint: str, entry: _Failure) -> None:
    name = _known(endpoint)
    _written.discard((shop_id, name))  # the next success is news
    _keep(_names(shop_id, name)[1], entry)


def _keep(key: str, entry: _Success | _Failure | _Misread) -> None:
    try:
        cache.set(key, msgspec.json.encode(entry), timeout=KEEP_S)
    except Away:
        pass
    except Exception as error:  # whatever the cache library raises: a note is never worth a failed call
        log.warning("health not noted: %s", type(error).__name__)


def _read(kind: type[N], stored: object) -> N | None:
    try:
        return msgspec.json.decode(stored, type=kind) if isinstance(stored, bytes) else None
    except (msgspec.MsgspecError, RecursionError, UnicodeError):  # another release's, or nobody's
        return None


def of_many(shop_ids: Iterable[int]) -> dict[int, list[Health]]:
    """The endpoints of these shops that were called in the last KEEP_S, with one question to the cache. Never raises."""
    wanted = [(shop_id, name) for shop_id in shop_ids for name in (*ENDPOINTS, OTHER)]
    found: dict[int, list[Health]] = {shop_id: [] for shop_id, _name in wanted}
    try:
        stored = cache.get_many([key for shop_id, name in wanted for key in _names(shop_id, name)])
    except Exception as error:
        log.warning("health not read: %s", type(error).__name__)
        return found
    for shop_id, name in wanted:
        good_key, bad_key, unread_key = _names(shop_id, name)
        succeeded, failed = _read(_Success, stored.get(good_key)), _read(_Failure, stored.get(bad_key))
        if succeeded is None and failed is None:
            continue
        bad = failed or _Failure(0.0)
        found[shop_id].append(
            Health(
                endpoint=name,
                succeeded_at=succeeded.at if succeeded else None,
                failed_at=bad.at if failed else None,
                error=bad.error,
                code=bad.code,
                status=bad.status,
                request_id=bad.request_id,
                **_shown(_read(_Misread, stored.get(unread_key))),
            )
        )
    return found


def _shown(misread: _Misread | None) -> dict[str, Any]:
    if misread is None:
        return {}
    return {
        "unreadable_at": misread.at,
        "unreadable_path": misread.path,
        "expected": misread.expected,
        "unreadable_request_id": misread.request_id,
        "left_out": misread.left_out,
    }


def of(shop_id: int) -> list[Health]:
    """As ``of_many``, for one shop."""
    return of_many([shop_id])[shop_id]


def forget() -> None:
    """Drop this process's memory of what it wrote, so that the next success is written at once."""
    _written.forget()
