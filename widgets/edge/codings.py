"""Content codings: which one a client prefers, and bodies in it. Scripts and widgets follow the same rule."""

from __future__ import annotations

import gzip
import re

import brotli

IDENTITY, GZIP, BR = "", "gzip", "br"
_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\Z")
_SMALLEST_BYTES = 256
"""Below this a coded body saves nothing that a packet would show."""


def preferred(header: str) -> str:
    """The coding of ours with the highest q-value, ``br`` before ``gzip`` before none (RFC 9110 §12.5.3).

    A part that is no q-value is not believed. When nothing of ours is acceptable the body goes uncoded, as §12.5.3 allows.
    """
    qualities: dict[str, float] = {}
    for part in header.lower().split(","):
        coding, *parameters = part.split(";")
        quality = 1.0
        for parameter in parameters:
            name, _mark, value = parameter.partition("=")
            if name.strip() == "q":
                quality = float(value) if _QUALITY.match(value := value.strip()) else 0.0
        qualities[coding.strip()] = quality
    others = qualities.get("*", 0.0)
    best, best_quality = IDENTITY, qualities.get("identity", 0.0)
    for coding in (GZIP, BR):
        quality = qualities.get(coding, others)
        if quality and quality >= best_quality:
            best, best_quality = coding, quality
    return best


def coded(body: bytes, coding: str) -> bytes | None:
    """The body in this coding, always the same bytes for the same body; None when that would not be shorter.

    Levels for answers that are made anew every minute: about a millisecond for 50 kB.
    """
    if len(body) < _SMALLEST_BYTES or coding == IDENTITY:
        return None
    data = brotli.compress(body, quality=5) if coding == BR else gzip.compress(body, 6, mtime=0)
    return data if len(data) < len(body) else None
