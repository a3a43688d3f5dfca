"""A target's error texts made fit to be stored and shown: limited in length, on one line, without personal data and credentials. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

TEXT_CHARS: Final = 240
_READ_CHARS: Final = 4_000
"""More of a target's answer is not looked at: what is kept is much shorter."""
_LEAST_NAME: Final = 3
"""Shorter names would mask syllables of ordinary words."""

# Each quantifier is bounded, so that a hostile answer costs no time.
_MASKS: Final = (
    (re.compile(r"(https?://)[^\s/@]{1,200}@"), r"\1"),
    (re.compile(r"(https?://[^\s?#]{1,500})[?#]\S{0,2000}"), r"\1?…"),
    (re.compile(r"[^\s@<>\"'(),;:=]{1,64}@[^\s@<>\"'(),;:=]{1,255}"), "[e-mail]"),
    (re.compile(r"\b(?:Bearer|Basic)\s+\S{4,500}", re.IGNORECASE), "[credential]"),
    (re.compile(r"\b[A-Za-z]{2,12}_(?:live|test)_[A-Za-z0-9]{4,200}"), "[credential]"),
    (re.compile(r"\bwsec_[A-Za-z0-9]{4,200}|\bwhsec_[A-Za-z0-9+/=]{4,200}"), "[credential]"),
    (re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b"), "[account]"),
    # Not a date, which a time may follow.
    (re.compile(r"(?<![\w.])(?!(?:19|20)\d\d-\d\d-\d\d\b)\+?[0-9](?:[ ()/.-]{0,2}[0-9]){8,17}(?![\w])"), "[number]"),
    (re.compile(r"\b(?=[A-Za-z0-9_-]{0,40}[0-9])(?=[A-Za-z0-9_-]{0,40}[A-Za-z])[A-Za-z0-9_-]{32,500}\b"), "[token]"),
)


def masked(text: str, personal: Iterable[str] = (), most: int = TEXT_CHARS) -> str:
    """``text`` without e-mail addresses, credentials, account and long numbers, queries of addresses and the ``personal`` texts
    (compared without case), on one line, at most ``most`` characters.
    """
    plain = "".join(
        " " if unicodedata.category(each)[0] in "CZ" else each
        for each in unicodedata.normalize("NFC", text[:_READ_CHARS])
    )
    for pattern, instead in _MASKS:
        plain = pattern.sub(instead, plain)
    for name in sorted({each.strip() for each in personal}, key=len, reverse=True):
        if len(name) >= _LEAST_NAME:
            plain = re.sub(
                rf"(?<!\w){re.escape(unicodedata.normalize('NFC', name))}(?!\w)", "[name]", plain, flags=re.IGNORECASE
            )
    plain = " ".join(plain.split())
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"
