"""The content of a job or an event as text that is safe to read. Templates escape it like any other text."""

from __future__ import annotations

import json
import unicodedata
from contextlib import suppress

from widgets import logs

SHOWN_CHARS = 20_000
# Control and format characters (which may turn the reading direction), and halves of surrogate pairs, which no answer can encode.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _visible(character: str) -> str:
    if character == "\n" or unicodedata.category(character) not in _HIDDEN:
        return character
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"


def readable_body(text: str) -> str:
    """A JSON text, indented, at most SHOWN_CHARS long. Invisible characters are written as escapes, credentials are cut. Never raises."""
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    cut = logs.redacted(text)
    readable = "".join(map(_visible, cut[:SHOWN_CHARS]))
    return f"{readable}\n… ({len(cut) - SHOWN_CHARS} more characters)" if len(cut) > SHOWN_CHARS else readable
