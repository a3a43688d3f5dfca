"""What can go wrong with a call to Sumeru: four kinds, each of which tells the caller what to do next.

No error ever holds a credential, a query value, a body or the upstream's own words: not in its text, ``args``, ``repr``,
pickled form or chain. What is carried is our own vocabulary: the endpoint's name, a status, a known code, a JSON path.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

KNOWN_CODES = frozenset(
    {
        "unauthenticated",
        "forbidden",
        "not_found",
        "method_not_allowed",
        "idempotency_conflict",
        "validation_failed",
        "rate_limited",
        "internal_error",
    }
)
"""Codes of the upstream's error model that are passed on; any other becomes ``http_<status>``."""
_REQUEST_ID = re.compile(r"req_[A-Za-z0-9]{1,48}\Z")


def code_of(value: object, status: int) -> str:
    """The upstream's error code when it is a known one, else ``http_<status>``."""
    return value if isinstance(value, str) and value in KNOWN_CODES else f"http_{status}"


def request_id_of(value: object) -> str:
    """The upstream's request id when it looks like one (``req_…``), else empty."""
    return value if isinstance(value, str) and _REQUEST_ID.match(value) else ""


class SumeruError(Exception):
    """A call to Sumeru that gave no usable answer. ``retryable``: whether the same call may succeed later unchanged.

    ``endpoint`` is the resource's name (``reviews``), ``request_id`` what Sumeru's support asks for (may be empty).
    ``ambiguous``: a write was sent, in this try or an earlier one of the same call, and may have been acted upon; only the same
    Idempotency-Key may be sent again.
    """

    retryable: ClassVar[bool] = False
    ambiguous: bool = False

    def __init__(self, text: str, *, endpoint: str = "", request_id: str = "") -> None:
        self.endpoint = endpoint
        self.request_id = request_id
        parts = (endpoint and f"{endpoint}:", text, request_id and f"[{request_id}]")
        super().__init__(" ".join(part for part in parts if part))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.args, dict(self.__dict__))


def _rebuilt(kind: type[SumeruError], args: tuple[Any, ...], state: dict[str, Any]) -> SumeruError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class Refused(SumeruError):
    """Our request or our credential is wrong, by Sumeru's own error object (4xx other than 429); sending it again changes nothing.

    ``status`` is 0 when the call was refused here and never sent; ``code`` then is ``invalid_argument``,
    ``no_credential`` or ``batch_too_large``. For an invalid argument ``field`` names it.
    """

    def __init__(
        self, *, code: str, status: int, endpoint: str = "", request_id: str = "", field: str = "", why: str = ""
    ) -> None:
        self.code = code
        self.status = status
        self.field = field
        text = f"refused ({code}, {status})" if status else f"not sent ({code})"
        if field:
            text += f": {field} {why}".rstrip()
        super().__init__(text, endpoint=endpoint, request_id=request_id)


class Limited(SumeruError):
    """Too many calls: the upstream's 429 (``status`` 429) or our own limiter before sending (``status`` 0).

    The call was not acted upon. ``retry_after_s`` is when asking again makes sense.
    """

    retryable = True

    def __init__(self, *, retry_after_s: float, status: int = 0, endpoint: str = "", request_id: str = "") -> None:
        self.retry_after_s = retry_after_s
        self.status = status
        said_by = "429 from upstream" if status else "own limit reached"
        super().__init__(f"{said_by}, retry after {retry_after_s:.1f} s", endpoint=endpoint, request_id=request_id)


class Unavailable(SumeruError):
    """No answer of Sumeru: network failure, 5xx, an answer from something else, breaker open, time budget gone.

    ``reason``: ``network``, ``timeout``, ``server_error``, ``not_sumeru`` (a redirect, not JSON, or a status
    from 400 to 499 without Sumeru's error object: a gateway's answer), ``breaker_open``, ``paused`` (nothing was sent: the last
    answers of this kind were useless, see ``pauses``).
    """

    retryable = True

    def __init__(
        self,
        *,
        reason: str,
        ambiguous: bool = False,
        status: int = 0,
        retry_after_s: float | None = None,
        endpoint: str = "",
        request_id: str = "",
    ) -> None:
        self.reason = reason
        self.ambiguous = ambiguous
        self.status = status
        self.retry_after_s = retry_after_s
        text = f"unavailable ({reason}{f', {status}' if status else ''}{', ambiguous' if ambiguous else ''})"
        super().__init__(text, endpoint=endpoint, request_id=request_id)


class Unreadable(SumeruError):
    """Sumeru answered, but not in the shape we know. ``path`` is the JSON path (``data.reviews[3].rating``; ``$``: all of it).

    A write that ended so was most likely acted upon: sending it again gives the same unreadable answer.
    """

    def __init__(self, *, path: str, expected: str = "", endpoint: str = "", request_id: str = "") -> None:
        self.path = path
        self.expected = expected
        text = f"unreadable answer at {path}" + (f" (expected {expected})" if expected else "")
        super().__init__(text, endpoint=endpoint, request_id=request_id)

    def at(self, endpoint: str, request_id: str) -> Unreadable:
        """The same error, naming the call it belongs to."""
        return Unreadable(path=self.path, expected=self.expected, endpoint=endpoint, request_id=request_id)
