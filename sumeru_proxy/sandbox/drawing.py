"""Pictures drawn on request: ``camp-mug-1002`` is a product, ``photo-camp-mug-1002-7-1`` a shopper's snapshot of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from sumeru_proxy.sandbox.drawing_shapes import SHAPES, Paint

SIZE = 800

# Per collection: two background tones, then main tones to choose from.
_SCENES: dict[str, tuple[tuple[tuple[str, str], ...], tuple[str, ...]]] = {
    "packs": (
        (("#e9efe3", "#c3d2b6"), ("#e6ecee", "#b9cbd2"), ("#f4ead8", "#dfc9a3")),
        ("#4d6b4f", "#37566b", "#a8552f", "#6b5a3e", "#5b4b6b"),
    ),
    "camp": (
        (("#fbeedd", "#f0cfa4"), ("#f3e6df", "#dcb8a6"), ("#e8eeec", "#bcd0cb")),
        ("#b5482f", "#2f5d62", "#3f4a5a", "#c7882f", "#66795b"),
    ),
    "layers": (
        (("#e6edf5", "#b8cbe0"), ("#eee7f0", "#cdbcd6"), ("#eef0e4", "#cfd6b4")),
        ("#3c5a86", "#7a4a62", "#5f7355", "#b06a3b", "#494f5c"),
    ),
    "home": (
        (("#f8eae6", "#e8c4b8"), ("#f5efe0", "#e0d0a8"), ("#e9ecec", "#c3cfcf")),
        ("#b8705a", "#8a7440", "#5d7a78", "#94506a", "#70705c"),
    ),
    "paper": (
        (("#f4f1ea", "#d9d0bd"), ("#e8ecf2", "#bfcbdc")),
        ("#2c3e5c", "#7c3b3b", "#3f5b4a", "#8a6a2f"),
    ),
}
_FALLBACK_SHAPES = {"packs": "backpack", "camp": "mug", "layers": "sweater", "home": "cushion", "paper": "notebook"}


@dataclass(frozen=True, slots=True)
class _Choice:
    collection: str
    shape: str
    digest: bytes

    @property
    def background(self) -> tuple[str, str]:
        tones = _SCENES[self.collection][0]
        return tones[self.digest[0] % len(tones)]

    @property
    def main(self) -> str:
        tones = _SCENES[self.collection][1]
        return tones[self.digest[1] % len(tones)]


def _choice(name: str) -> _Choice:
    digest = hashlib.sha256(name.encode("utf-8", "replace")).digest()
    parts = name.split("-")
    collection = parts[0] if parts[0] in _SCENES else sorted(_FALLBACK_SHAPES)[digest[2] % len(_FALLBACK_SHAPES)]
    shape = next((part for part in parts if part in SHAPES), _FALLBACK_SHAPES[collection])
    return _Choice(collection, shape, digest)


def mixed(colour: str, other: str, share: float) -> str:
    """``colour`` with ``share`` (0 to 1) of ``other`` in it, as ``#rrggbb``."""
    channels = (
        round(int(colour[at : at + 2], 16) * (1 - share) + int(other[at : at + 2], 16) * share) for at in (1, 3, 5)
    )
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def _paint(main: str) -> Paint:
    return Paint(main, mixed(main, "#10141c", 0.32), mixed(main, "#ffffff", 0.28), mixed(main, "#ffffff", 0.72))


@lru_cache(maxsize=2_000)
def picture(name: str) -> bytes:
    """An 800 x 800 SVG as UTF-8."""
    content = _photo(name) if name.startswith("photo-") else _product(name)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" width="{SIZE}" height="{SIZE}">'
    return f"{head}{content}</svg>".encode()


def _product(name: str) -> str:
    choice = _choice(name)
    light, deep = choice.background
    spot_x, spot_y = 300 + choice.digest[3] % 200, 320 + choice.digest[4] % 90
    return (
        f'<defs><linearGradient id="b" x1="0" y1="0" x2=".35" y2="1"><stop stop-color="{light}"/>'
        f'<stop offset="1" stop-color="{deep}"/></linearGradient></defs>'
        '<rect width="800" height="800" fill="url(#b)"/>'
        f'<circle cx="{spot_x}" cy="{spot_y}" r="290" fill="#fff" opacity=".28"/>'
        f'<ellipse cx="400" cy="672" rx="230" ry="26" fill="{mixed(deep, "#10141c", 0.5)}" opacity=".28"/>'
        f"{SHAPES[choice.shape](_paint(choice.main))}"
    )


def _photo(name: str) -> str:
    """A shopper's snapshot: something in front of hills, or on a table by a window."""
    digest = hashlib.sha256(name.encode("utf-8", "replace")).digest()
    skies = (("#bcd9ea", "#f3e9d6"), ("#f3c9a5", "#f7e6cf"), ("#a9bfd6", "#e6ddec"), ("#c9dfd0", "#f5f2dc"))
    sky, haze = skies[digest[0] % len(skies)]
    subject = _choice("-".join(name.split("-")[1:4]))
    sun_x, turn, far = 120 + digest[3] * 2, digest[4] % 13 - 6, 330 + digest[5] % 60
    near = mixed("#5d7a55", "#7b6a4a", digest[6] / 255)
    hills = (
        f'<path d="M0 {far} C160 {far - 120} 260 {far + 40} 420 {far - 50} S680 {far - 140} 800 {far - 10} V800 H0Z" '
        f'fill="{mixed(near, sky, 0.6)}"/>'
        f'<path d="M0 {far + 110} C200 {far + 20} 380 {far + 150} 560 {far + 70} S740 {far + 40} 800 {far + 80} V800 H0Z" '
        f'fill="{mixed(near, sky, 0.3)}"/><path d="M0 {far + 230} Q400 {far + 150} 800 {far + 240} V800 H0Z" fill="{near}"/>'
    )
    item = SHAPES[subject.shape](_paint(subject.main))
    return (
        f'<defs><linearGradient id="s" x1="0" y1="0" x2="0" y2="1"><stop stop-color="{sky}"/>'
        f'<stop offset=".6" stop-color="{haze}"/></linearGradient></defs><rect width="800" height="800" fill="url(#s)"/>'
        f'<circle cx="{sun_x}" cy="170" r="64" fill="#fff6dc" opacity=".9"/>{hills}'
        '<ellipse cx="400" cy="722" rx="200" ry="22" fill="#1c2418" opacity=".3"/>'
        f'<g transform="translate(80 152) rotate({turn} 320 500) scale(.8)">{item}</g>'
    )
