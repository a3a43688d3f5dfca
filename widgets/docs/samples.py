"""The code samples of the docs and the admin: pieces of the storefronts that tests run, cut out by ``python -m tests.samples``."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from django.conf import settings

from widgets.docs import npm_package
from widgets.http import embed

BASE = "https://widgets.example.com"
"""What the files write for this server's address; likewise SHOP, HASH, INTEGRITY and VERSION."""
_WORDS = re.compile(rf"{re.escape(BASE)}|\b(?:SHOP|HASH|INTEGRITY|VERSION)\b")


@cache
def text(name: str) -> str:
    """A sample as it was cut. Raises FileNotFoundError for a name that no file marks."""
    file = Path(settings.BASE_DIR) / "templates" / "docs" / "samples" / f"{name}.txt"
    return file.read_text(encoding="utf-8").rstrip("\n")


def filled(code: str, *, base: str, shop: str = "SHOP") -> str:
    """The code with this server's address (``base``, without a slash), its present builds and, where it is known, the shop's key."""
    script = embed.loader()
    words = {
        BASE: base,
        "SHOP": shop,
        "HASH": script.hash,
        "INTEGRITY": script.integrity,
        "VERSION": npm_package.package().version,
    }
    return _WORDS.sub(lambda match: words[match[0]], code)


def sample(name: str, *, base: str, shop: str = "SHOP") -> str:
    """The sample, filled in. Raises FileNotFoundError for a name that no file marks."""
    return filled(text(name), base=base, shop=shop)
