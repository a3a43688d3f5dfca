"""Log lines for operators: one line per event, of those that repeat one per reason and minute, and never a credential in it."""

from __future__ import annotations

import ipaddress
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sumeru_proxy import memory

# Every credential of Sumeru has a telling prefix; our own tokens are listed by theirs.
_CREDENTIAL = re.compile(
    r"\b(copt_(?:live|test)_|pk_(?:live|test)_|wsec_|sct_)[A-Za-z0-9_.-]+|(Bearer\s+)\S+|(://[^\s/:@'\"]{0,64}:)[^\s/@'\"]+(?=@)",
    re.IGNORECASE,
)


def redacted(text: str) -> str:
    """The text with everything that looks like a credential cut after its prefix."""
    return _CREDENTIAL.sub(lambda found: f"{found[1] or found[2] or found[3]}[redacted]", text)


_ADDRESS = re.compile(
    r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\w)|(?<![\w.:])[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?!\w|\.\w)"
)


def _shortened(found: re.Match[str]) -> str:
    try:
        address = ipaddress.ip_address(found[0])
    except ValueError:
        return found[0]
    if not address.is_global:
        return found[0]
    network = ipaddress.ip_network(f"{address}/{16 if address.version == 4 else 32}", strict=False)
    return f"{network.network_address}/{network.prefixlen}"


def without_addresses(text: str) -> str:
    """The text with public IP addresses cut to their network: who asked is a person."""
    return _ADDRESS.sub(_shortened, text)


class Redact(logging.Filter):
    """A second net under the rules that no credential and no whole address of a person is passed to a log call; also covers tracebacks."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keeps every record."""
        record.msg, record.args = without_addresses(redacted(record.getMessage())), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = redacted(logging.Formatter().formatException(record.exc_info))
        return True


class Line(logging.Formatter):
    """``2026-01-31T12:00:00Z WARNING sumeru_proxy.reading.reader message``, newlines escaped except in tracebacks."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)sZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """One line, so that a request cannot forge a second one."""
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")


EVERY_S: Final = 60.0
REASONS_MOST: Final = 1_000
_REPEATING: Final = ("sumeru_proxy.reading", "sumeru_proxy.client", "widgets.http", "widgets.edge")
"""What speaks of requests, whatever its level. Others are only counted where they warn: a job or a worker is one event."""
_VARYING = re.compile(r"\[?\breq_\w+\]?|(?<!shop )\b\d+(?:\.\d+)?\b|(?<=_)\d+")


@dataclass(slots=True)
class _Reason:
    """Since when (seconds), how many more came, and the last of them."""

    at: float
    more: int
    record: logging.LogRecord


class Sparse(logging.StreamHandler[Any]):
    """Writes the first line of a reason at once and counts the others of the same minute: they become one line with their number.

    A reason is a logger, a level and a message without what varies: request ids, times, numbers. That line is written with the next
    one of any reason after the minute, or at the end.
    """

    def __init__(self, stream: Any = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._clock = clock
        self._reasons: OrderedDict[tuple[str, int, str], _Reason] = OrderedDict()
        memory.register(self)

    def emit(self, record: logging.LogRecord) -> None:
        """See the class. Called with the handler's lock held."""
        now = self._clock()
        while self._reasons and (len(self._reasons) > REASONS_MOST or self._first().at <= now - EVERY_S):
            self._close_first()
        if record.levelno < logging.WARNING and not record.name.startswith(_REPEATING):
            super().emit(record)
            return
        key = reason_of(record)
        if (seen := self._reasons.get(key)) is not None:
            seen.more += 1
            seen.record = record
            return
        self._reasons[key] = _Reason(now, 0, record)
        super().emit(record)

    def _first(self) -> _Reason:
        return next(iter(self._reasons.values()))

    def _close_first(self) -> None:
        _key, reason = self._reasons.popitem(last=False)
        if reason.more:
            told = logging.makeLogRecord(reason.record.__dict__)
            told.msg, told.args = f"{told.getMessage()} (the last of {reason.more} more within {EVERY_S:.0f} s)", ()
            told.exc_info = told.exc_text = None
            super().emit(told)

    def close(self) -> None:
        """Writes what was only counted so far."""
        self.acquire()
        try:
            while self._reasons:
                self._close_first()
        finally:
            self.release()
        super().close()

    def forget(self) -> None:
        """Drop the counts."""
        self._reasons.clear()


def reason_of(record: logging.LogRecord) -> tuple[str, int, str]:
    """What makes two lines the same: logger, level, and the message without what varies."""
    return record.name, record.levelno, _VARYING.sub("#", record.getMessage())[:300]
