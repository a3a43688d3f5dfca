"""The catalogues' pictures: SVG files of ``drawings/`` in tones that follow from the name.

``camp-mug-1002`` is a product, ``photo-camp-mug-1002-7-1`` a shopper's snapshot of it. Any name gives a picture: what names no
collection of ``palettes.json`` or no drawing gets one by its digest.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "drawings"
_SCENES = 4
_ITEM = re.compile(r'<g id="item">.*</g>', re.DOTALL)


@cache
def _drawing(name: str) -> str:
    return (FOLDER / f"{name}.svg").read_text(encoding="utf-8")


@cache
def _palettes() -> dict[str, Any]:
    palettes: dict[str, Any] = json.loads((FOLDER / "palettes.json").read_bytes())
    return palettes


@cache
def drawings() -> frozenset[str]:
    """The names of the things that can be drawn."""
    return frozenset(path.stem for path in FOLDER.glob("*.svg") if not path.stem.startswith("photo-"))


@lru_cache(maxsize=2_000)
def picture(name: str) -> bytes:
    """An 800 x 800 SVG as UTF-8, the same for the same name."""
    if not name.startswith("photo-"):
        return _product(name).encode()
    scene = _drawing(f"photo-{_digest(name)[0] % _SCENES + 1}")
    item = _ITEM.search(_product("-".join(name.split("-")[1:4])))
    return scene.replace('<g id="item"/>', item[0] if item else "").encode()


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "replace")).digest()


def _product(name: str) -> str:
    digest, parts, palettes = _digest(name), name.split("-"), _palettes()
    collections = palettes["collections"]
    palette = collections.get(parts[0]) or collections[sorted(collections)[digest[2] % len(collections)]]
    drawing = _drawing(next((part for part in parts if part in drawings()), palette["drawing"]))
    backgrounds, colours = palette["backgrounds"], palette["colours"]
    tones = colours[digest[1] % len(colours)] + backgrounds[digest[0] % len(backgrounds)]
    by_drawn_tone = dict(zip(palettes["drawn_in"], tones, strict=True))
    return re.sub("#[0-9a-f]{6}", lambda match: by_drawn_tone.get(match[0], match[0]), drawing)
