"""Log lines for operators: one line per event, and never a credential in it."""

from __future__ import annotations

import logging
import re
import time

# Every credential of Sumeru has a telling prefix; our own tokens are listed by theirs.
_CREDENTIAL = re.compile(
    r"\b(copt_(?:live|test)_|pk_(?:live|test)_|wsec_|sct_)[A-Za-z0-9_.-]+|(Bearer\s+)\S+|(://[^\s/:@'\"]{0,64}:)[^\s/@'\"]+(?=@)",
    re.IGNORECASE,
)


def redacted(text: str) -> str:
    """The text with everything that looks like a credential cut after its prefix."""
    return _CREDENTIAL.sub(lambda found: f"{found[1] or found[2] or found[3]}[redacted]", text)


class Redact(logging.Filter):
    """A second net under the rule that no credential is ever passed to a log call; also covers tracebacks."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keeps every record."""
        record.msg, record.args = redacted(record.getMessage()), ()
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
