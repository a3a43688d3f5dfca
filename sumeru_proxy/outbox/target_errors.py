"""What a consumer says when its side does not take something: three errors, each of which tells the outbox what to do next.

A *target* is a consumer's other side: an ERP, an endpoint, a folder of files. ``reason`` is the consumer's own stable word
(``missing_sku``), ``text`` what people read, in the target's own words where it spoke. Both are kept with the job: bounded, and with
e-mail addresses, long numbers and credentials masked; names of people that the consumer knows to be in the text belong into ``personal``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_REASON = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")


class TargetError(Exception):
    """The base of the three. Raises ValueError for a reason that is no lower-case word of up to 40 letters, digits and ``_``."""

    def __init__(self, reason: str, text: str = "", *, personal: Iterable[str] = ()) -> None:
        if not _REASON.match(reason):
            raise ValueError("a reason is a lower-case word of up to 40 letters, digits and _")
        super().__init__(reason)  # never the text: a traceback ends in a log
        self.reason = reason
        self.text = text
        self.personal = tuple(personal)


class NotMappable(TargetError):
    """This cannot be brought into the target's form: a person must change the data or the mapping. The job parks at once."""


class Refused(TargetError):
    """The target understood and said no: sending the same again changes nothing. The job parks at once."""


class TargetDown(TargetError):
    """The target cannot be reached or does not work. No attempt is counted and nothing parks for days; all jobs of the target wait
    for one probe and go on by themselves. ``retry_after_s``: seconds before which asking again makes no sense, when the target said so.
    """

    def __init__(
        self,
        retry_after_s: float = 0.0,
        text: str = "",
        *,
        reason: str = "target_down",
        personal: Iterable[str] = (),
    ) -> None:
        super().__init__(reason, text, personal=personal)
        self.retry_after_s = max(0.0, float(retry_after_s))
