"""How a call is made: permission, sending, reading, recording, and in the worker lane waiting and sending again."""

from __future__ import annotations

import copy
import hashlib
import logging
import random
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, Self, TypeVar

from sumeru_proxy.client import arguments, costs, gate, retrying, session
from sumeru_proxy.client.account import Account
from sumeru_proxy.client.errors import (
    Limited,
    Refused,
    SumeruError,
    Unavailable,
    Unreadable,
    code_of,
)
from sumeru_proxy.client.limiter import LANES, LimitHeaders, MemoryStore, Store
from sumeru_proxy.client.reading import Notes
from sumeru_proxy.client.resource import ADMIN, CallArguments, Resource, read_answer
from sumeru_proxy.client.session import PAGE_BUDGET, REFRESH_BUDGET, WORKER_BUDGET, Budget, HttpCall, HttpReply

log = logging.getLogger(__name__)
T = TypeVar("T")
DEFAULT_WAIT_S: Final = 10.0
"""After a 429 that does not say how long."""


@dataclass(frozen=True, slots=True)
class Meta:
    """What an answer says beside its value. Limits are the upstream's own figures, None when it gave none."""

    endpoint: str
    status: int
    seconds: float
    request_id: str = ""
    x_cache: str = ""
    limit: int | None = None
    remaining: int | None = None
    reset_at: float | None = None

    @property
    def cache_hit(self) -> bool:
        """The upstream's edge answered; the call cost nothing."""
        return self.x_cache == "HIT"


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A typed value with its metadata, and notes of what its reader met."""

    value: T
    meta: Meta
    notes: Notes = field(default_factory=Notes)


@dataclass(frozen=True, slots=True)
class Observed:
    """One try, for metrics: nothing of it names a shop, a query or a credential. ``error``: the error class, empty for success.

    ``meta.status`` is 0 when there was no answer (``sent`` tells whether the upstream was asked at all). ``code`` is the upstream's error
    code or our reason; ``unreadable_path`` where an answer was not in the shape that we know (of a list: the first item left out).
    """

    lane: str
    meta: Meta
    error: str
    sent: bool
    code: str = ""
    unreadable_path: str = ""
    expected: str = ""
    named: bool = False
    """Whether the call was about something that a page or a shopper named."""

    @property
    def answered(self) -> bool:
        """Sumeru gave an answer: what was asked for, or its word that there is no such thing or that it is not valid."""
        about_it = self.named and self.code in ("not_found", "validation_failed", "idempotency_conflict")
        return not self.error or (self.error == "Refused" and self.sent and about_it)


@dataclass(frozen=True, slots=True)
class Lane:
    """How a lane behaves: its time budget per try, how many tries (more than one means that it sleeps in between), and whether it heeds
    the pauses for useless answers (``pauses``); jobs have pauses of their own.
    """

    budget: Budget
    attempts: int
    heeds_pauses: bool = False


LANE_HABITS: Final = {
    "page": Lane(PAGE_BUDGET, 1, heeds_pauses=True),
    "spare": Lane(PAGE_BUDGET, 1, heeds_pauses=True),
    "refresh": Lane(REFRESH_BUDGET, 1, heeds_pauses=True),
    "write": Lane(WORKER_BUDGET, 1),
    "worker": Lane(WORKER_BUDGET, retrying.ATTEMPTS),
    "index": Lane(REFRESH_BUDGET, 1, heeds_pauses=True),
    "check": Lane(REFRESH_BUDGET, 1, heeds_pauses=True),
}
"""``write`` is for writes whose row is retried by the job that owns it; ``worker`` sleeps, so never use it in a request."""
_process_store: Final = MemoryStore()


class Caller:
    """Makes calls for one account in one lane. Cheap to make; safe for threads.

    ``store`` keeps limiter and breaker (default: this process alone). ``network`` is in whose name a shop's reads are made. ``budget``
    and ``max_attempts`` replace the lane's; ``clock`` (Unix seconds), ``sleep`` and ``chance`` (random in [0, 1)) can be injected.
    ``unlock`` gives the account with its credentials where ``account`` has none yet: only a call that the limiter lets pass needs them.
    """

    def __init__(
        self,
        account: Account,
        lane: str = "page",
        store: Store | None = None,
        *,
        budget: Budget | None = None,
        max_attempts: int | None = None,
        network: str = "",
        unlock: Callable[[], Account] | None = None,
        observer: Callable[[Observed], None] | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        if lane not in LANES:
            raise ValueError(f"unknown lane {lane!r}; known: {', '.join(LANES)}")
        habits = LANE_HABITS[lane]
        self.account = account
        self.lane = lane
        self.network = network
        self._unlock = unlock
        self.budget = budget or habits.budget
        self.max_attempts = max_attempts or habits.attempts
        self.heeds_pauses = habits.heeds_pauses
        self.heeds_breaker = True
        self.patience_s = 0.0
        self._store = store if store is not None else _process_store
        self._observer = observer
        self._clock, self._sleep, self._chance = clock, sleep, chance

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.account.host} {self.lane}>"

    def watched_by(self, observer: Callable[[Observed], None]) -> Self:
        """The same caller with another observer."""
        twin = copy.copy(self)
        twin._observer = observer
        return twin

    def in_lane(self, lane: str) -> Self:
        """The same caller in another lane, with that lane's habits."""
        twin = copy.copy(self)
        habits = LANE_HABITS[lane]
        twin.lane, twin.budget, twin.max_attempts = lane, habits.budget, habits.attempts
        return twin

    def for_a_test(self, budget: Budget | None = None, patience_s: float = 0.0) -> Self:
        """The same caller for a person's test: it tries once, and although calls failed or answers were useless before, so that what is
        said is what happens now. It waits up to ``patience_s`` for our own limits. A good answer ends the pauses of all.
        """
        twin = copy.copy(self)
        twin.heeds_pauses = twin.heeds_breaker = False
        twin.max_attempts = 1
        twin.patience_s = patience_s
        twin.budget = budget or self.budget
        return twin

    def items_at_once(self, resource: Resource[Any], most: int) -> int:
        """How many items one bulk call may ask for, ``most`` at most, as far as its cost is known. Asks the store of the limits."""
        known = gate.known_of(self._store, self._place(resource))
        return costs.items_at_once(known, self.account.scopes(resource.limit_class), most)

    def _place(self, resource: Resource[Any]) -> str:
        return f"{self.account.endpoints_key(resource.limit_class)}:{resource.name}"

    @property
    def observer(self) -> Callable[[Observed], None] | None:
        """Who is told of every try."""
        return self._observer

    def call(self, resource: Resource[T], asked: CallArguments, idempotency_key: str | None = None) -> Answer[T]:
        """One call, with the lane's tries. A write carries one Idempotency-Key through all of them (made here unless given).

        Raises Refused, Limited, Unavailable or Unreadable.
        """
        headers: tuple[tuple[str, str], ...] = ()
        if self._unlock is None or resource.limit_class == ADMIN:
            self._opened().credential(resource.limit_class)  # nothing is counted for who has none
        if resource.is_write:
            key = arguments.idempotency_key(idempotency_key) if idempotency_key is not None else str(uuid.uuid4())
            headers = (("Idempotency-Key", key),)
        request = HttpCall(
            host=self.account.host,
            method=resource.method,
            path=self.account.path_of(resource),
            query=asked.query,
            segments=asked.segments,
            headers=headers,
            credential=(),
            body=asked.body,
            endpoint=resource.name,
        )
        ambiguous = False
        attempt = 0
        answered: SumeruError | None = None
        patience_s = self.patience_s
        while True:
            attempt += 1
            failure: SumeruError
            try:
                return self._once(resource, asked, request)
            except SumeruError as error:
                failure = error
            # A later try's clear refusal does not settle what an earlier, lost answer left open.
            ambiguous = failure.ambiguous = failure.ambiguous or ambiguous
            if isinstance(failure, Limited) and not failure.status and failure.retry_after_s <= patience_s:
                patience_s -= failure.retry_after_s
                attempt -= 1
                self._sleep(failure.retry_after_s)
                continue
            verdict = retrying.decide(failure, attempt, self.max_attempts, self._chance())
            held = isinstance(failure, Unavailable) and failure.reason in ("breaker_open", "paused")
            if isinstance(verdict, retrying.GiveUp):
                # Our own word for earlier failures says less than those.
                raise answered if held and answered is not None else failure
            answered = answered if held else failure
            self._sleep(verdict.wait_s)

    def _opened(self) -> Account:
        """The account with its credentials, opened once, when they are needed."""
        if self._unlock is not None:
            self.account, self._unlock = self._unlock(), None
        return self.account

    def _once(self, resource: Resource[T], asked: CallArguments, request: HttpCall) -> Answer[T]:
        name = resource.name
        question = gate.Question(
            self._place(resource), _key_of(asked), asked.items, self.heeds_pauses, self.heeds_breaker
        )
        try:
            passed = gate.enter(
                self._store,
                self.account.scopes(resource.limit_class, self.network),
                self.account.breaker_key,
                self.lane,
                asked.cost,
                self._clock(),
                name,
                question,
            )
        except SumeruError as error:
            self._observe(Meta(name, 0, 0.0), error, asked, sent=False)
            raise
        try:
            request = replace(request, credential=self._opened().credential(resource.limit_class))
        except SumeruError:
            gate.leave(passed, LimitHeaders(cache_hit=True), not passed.probe, self._clock())
            raise
        began = time.monotonic()
        try:
            reply = session.send(request, self.budget)
        except (Unavailable, Unreadable) as error:
            gate.leave(passed, LimitHeaders(), isinstance(error, Unreadable), self._clock(), error)
            status = error.status if isinstance(error, Unavailable) else 200
            self._observe(Meta(name, status, time.monotonic() - began, error.request_id), error, asked, sent=True)
            raise
        now = self._clock()
        meta, told = _meta(name, reply, now), _told(reply, now)
        notes = Notes()
        failure = _failure(resource, reply, told, meta)
        value: Any = None
        if failure is None:
            try:
                value = read_answer(resource, reply.json, notes)
            except Unreadable as error:
                failure = error.at(name, meta.request_id)
        worked = not isinstance(failure, (Unavailable, Limited))
        gate.leave(passed, told, worked, now, failure, held=failure is None and notes.hold_something)
        self._observe(meta, failure, asked, sent=True, skipped=notes.skipped)
        if failure is not None:
            raise failure
        if notes.skipped:
            log.warning("%s: %d unreadable items left out, first at %s", name, len(notes.skipped), notes.skipped[0])
        if notes.withheld:
            log.warning("%s: not shown, since it was not given: %s", name, ", ".join(sorted(notes.withheld)))
        return Answer(value, meta, notes)

    def _observe(
        self, meta: Meta, error: SumeruError | None, asked: CallArguments, *, sent: bool, skipped: Sequence[str] = ()
    ) -> None:
        if self._observer is None:
            return
        code = error.code if isinstance(error, Refused) else error.reason if isinstance(error, Unavailable) else ""
        path, expected = (skipped[0] if skipped else ""), ""
        if isinstance(error, Unreadable):
            path, expected = error.path, error.expected
        kind = type(error).__name__ if error else ""
        try:
            self._observer(Observed(self.lane, meta, kind, sent, code, path, expected, asked.names_something))
        except Exception as fault:  # counting must never cost a page
            log.warning("observer failed: %s", type(fault).__name__)


def _key_of(asked: CallArguments) -> str:
    """A short name of what is asked; nothing of it can be read back."""
    text = repr((asked.query, asked.segments, asked.body))
    return hashlib.blake2s(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _failure(resource: Resource[Any], reply: HttpReply, told: LimitHeaders, meta: Meta) -> SumeruError | None:
    status, request_id, name = reply.status, meta.request_id, resource.name
    if status < 300:
        return None
    if status == 429:
        return Limited(retry_after_s=told.refused_s or DEFAULT_WAIT_S, status=429, endpoint=name, request_id=request_id)
    # 408 and 425 speak of the connection, not of what was asked.
    if status >= 500 or status in (408, 425):
        return Unavailable(
            reason="server_error",
            ambiguous=resource.is_write,
            status=status,
            retry_after_s=retrying.parse_retry_after(reply.headers.get("retry-after"), time.time()),
            endpoint=name,
            request_id=request_id,
        )
    if not isinstance(_error_of(reply).get("code"), str):
        # A gateway's page, whatever its status, says nothing about the thing that was asked for.
        return Unavailable(
            reason="not_sumeru", ambiguous=resource.is_write, status=status, endpoint=name, request_id=request_id
        )
    return Refused(
        code=code_of(_error_of(reply).get("code"), status), status=status, endpoint=name, request_id=request_id
    )


def _error_of(reply: HttpReply) -> dict[str, Any]:
    error = reply.json.get("error") if isinstance(reply.json, dict) else None
    return error if isinstance(error, dict) else {}


def _number(text: str | None, most: int) -> int | None:
    clean = (text or "").strip()
    return min(int(clean), most) if clean.isascii() and clean.isdecimal() and len(clean) <= 18 else None


def _meta(name: str, reply: HttpReply, now: float) -> Meta:
    reset_at = _number(reply.headers.get("x-ratelimit-reset"), 10**12)
    said = reply.headers.get("x-cache", "").strip().upper()
    return Meta(
        endpoint=name,
        status=reply.status,
        seconds=reply.seconds,
        request_id=reply.request_id,
        x_cache=said if said in ("HIT", "MISS") else "",
        limit=_number(reply.headers.get("x-ratelimit-limit"), 10**9),
        remaining=_number(reply.headers.get("x-ratelimit-remaining"), 10**9),
        reset_at=float(reset_at) if reset_at is not None else None,
    )


def _told(reply: HttpReply, now: float) -> LimitHeaders:
    meta = _meta("", reply, now)
    told = LimitHeaders(meta.limit, meta.remaining, meta.reset_at, None, reply.status == 200 and meta.cache_hit)
    if reply.status != 429:
        return told
    details = _error_of(reply).get("details")
    said = details.get("retry_after") if isinstance(details, dict) else None
    wait_s = retrying.parse_retry_after(reply.headers.get("retry-after"), now)
    if wait_s is None and isinstance(said, (int, float, str)):
        wait_s = retrying.parse_retry_after(str(said)[:40], now)
    if wait_s is None and meta.reset_at is not None:
        wait_s = min(max(meta.reset_at - now, 1.0), 60.0)
    return replace(told, refused_s=wait_s or DEFAULT_WAIT_S)
