"""Contrast of a shop's colours by WCAG 2.2: what may be hard to read is said, and allowed. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.utils.translation import gettext as _

from widgets.theming import tokens as theming

Colour = tuple[int, int, int]

TEXT, SHAPE = 4.5, 3.0
"""What text and what signs need at least against what is behind them (1.4.3, 1.4.11)."""
_NAMES: Mapping[str, Colour] = {
    "black": (0, 0, 0), "white": (255, 255, 255), "red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255),
    "gold": (255, 215, 0), "orange": (255, 165, 0), "yellow": (255, 255, 0), "gray": (128, 128, 128), "grey": (128, 128, 128),
    "silver": (192, 192, 192), "navy": (0, 0, 128), "teal": (0, 128, 128), "maroon": (128, 0, 0), "purple": (128, 0, 128),
    "pink": (255, 192, 203),
}  # fmt: skip
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})\Z")
_RGB = re.compile(r"rgb\(\s*(\d{1,3})\s*[, ]\s*(\d{1,3})\s*[, ]\s*(\d{1,3})\s*\)\Z")
_ON_BACKGROUND: Mapping[str, float] = {"error": TEXT, "star": SHAPE, "border": SHAPE, "focus": SHAPE}


def parse(value: str) -> Colour | None:
    """An opaque colour as red, green and blue of 0 to 255; None for anything whose look depends on more than the value."""
    value = value.strip().lower()
    if match := _HEX.match(value):
        digits = match[1] if len(match[1]) == 6 else "".join(digit * 2 for digit in match[1])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    if match := _RGB.match(value):
        red, green, blue = (min(255, int(part)) for part in match.groups())
        return red, green, blue
    return _NAMES.get(value)


def luminance(colour: Colour) -> float:
    """Relative luminance, 0 for black to 1 for white."""
    parts = (part / 255 for part in colour)
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one: Colour, other: Colour) -> float:
    """1 (equal) to 21 (black and white)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def warnings(tokens: Mapping[str, str]) -> list[str]:
    """Sentences about what may be hard to see, the worst mistakes of a theme; nothing about colours that cannot be computed.

    The page's background is not known here: black when the shop's text colour is meant for that, else white.
    """
    colours = {name: colour for name, value in tokens.items() if (colour := parse(value))}
    text = colours.get("color")
    dark = text is not None and ratio(text, _NAMES["black"]) > ratio(text, _NAMES["white"])
    background = "black" if dark else "white"
    sentences = []

    def judge(token: str, value: str, front: Colour, behind: str, back: Colour, least: float) -> None:
        contrast = ratio(front, back)
        if contrast < least:
            sentences.append(
                _("%(label)s: %(value)s on %(behind)s has a contrast of %(found)s to 1; to be seen by everybody it needs %(least)s.")
                % {
                    "label": theming.TOKENS[token].label,
                    "value": value,
                    "behind": behind,
                    "found": f"{int(contrast * 10) / 10:g}",
                    "least": f"{least:g}",
                }
            )  # fmt: skip

    if accent := colours.get("accent"):
        if "on-accent" not in tokens and (text or "color" not in tokens):
            # Text on it is then the page's own.
            own = tokens["color"] if text else "black"
            judge("on-accent", own, text or _NAMES["black"], tokens["accent"], accent, TEXT)
        elif front := colours.get("on-accent"):
            judge("on-accent", tokens["on-accent"], front, tokens["accent"], accent, TEXT)
    if tint := colours.get("tint"):
        own = tokens["color"] if text else "black"
        if text or "color" not in tokens:
            judge("color", own, text or _NAMES["black"], tokens["tint"], tint, TEXT)
    for name, least in _ON_BACKGROUND.items():
        if front := colours.get(name):
            judge(name, tokens[name], front, background, _NAMES[background], least)
    return sentences
