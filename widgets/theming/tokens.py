"""Theme tokens, parts and merchant CSS: what there is, what is allowed, and the CSS text that it becomes. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from widgets.theming import merchant_css

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Token:
    """One custom property. ``defaults`` are the values that our CSS falls back to, the most visible first."""

    label: Text
    changes: Text
    defaults: tuple[str, ...]
    is_colour: bool = True


_LINE = "color-mix(in srgb, currentColor 25%, transparent)"
_EDGE = "color-mix(in srgb, currentColor 55%, transparent)"
_TINT = "color-mix(in srgb, currentColor 9%, transparent)"
TOKENS: Mapping[str, Token] = MappingProxyType(
    {
        "color": Token(later("Text colour"), later("Colour of ordinary text. Empty: the page's own."), ("inherit",)),
        "accent": Token(
            later("Accent colour"),
            later("Main buttons and progress bars. Empty: a tint of the text colour."),
            (_TINT, "currentColor"),
        ),
        "on-accent": Token(
            later("Text on accent"),
            later("Text on main buttons; must be readable on the accent colour."),
            ("inherit",),
        ),
        "star": Token(
            later("Star colour"),
            later("Filled stars, for example #c46f00; they should stand out from the background by 3:1."),
            ("#d47f00",),
        ),
        "border": Token(
            later("Line colour"),
            later("Lines between reviews and around fields; fields should stand out from the background by 3:1."),
            (_LINE, _EDGE),
        ),
        "tint": Token(later("Tint"), later("Background of soft boxes, of pictures and of the histogram."), (_TINT,)),
        "error": Token(
            later("Error colour"),
            later("Sentences about what is wrong in a form."),
            ("color-mix(in srgb, #e00 60%, currentColor)",),
        ),
        "focus": Token(
            later("Focus colour"),
            later("The outline around what the keyboard has reached."),
            ("currentColor",),
        ),
        "radius": Token(later("Corner radius"), later("For example 0, 8px or 0.5rem."), ("8px",), is_colour=False),
        "font": Token(
            later("Font"),
            later("A font family, for example Georgia, serif. Empty: the page's own. Fonts are not loaded by widgets."),
            ("inherit",),
            is_colour=False,
        ),
        "gap": Token(
            later("Spacing"),
            later("Distance between parts, for example 12px or 1rem."),
            ("16px",),
            is_colour=False,
        ),
    }
)
"""Each is the custom property ``--sumeru-<token>`` on the widget's host element. Docs, admin and checks are made from this."""

SHARED_PARTS: Mapping[str, Text] = MappingProxyType(
    {
        "add": later("The button that puts something into the cart."),
        "average": later("The average as a number."),
        "before": later("The price before a reduction."),
        "button": later("The main button of a form."),
        "count": later("How many there are."),
        "error": later("A sentence about what is wrong in a form."),
        "form": later("A form."),
        "list": later("The list."),
        "name": later("A product's title."),
        "pager": later("The links to other pages."),
        "picture": later("The frame of a product's picture."),
        "price": later("What is paid."),
        "product": later("One product."),
        "progress": later("How far it has come."),
        "saving": later("What is saved."),
        "stars": later("A row of stars."),
        "title": later("The heading."),
    }
)
"""Parts that mean the same in several widgets."""


def parts(*shared: str, **own: Text) -> Mapping[str, Text]:
    """A widget's table of parts: names of ``SHARED_PARTS``, and its own ones with what they are. Raises KeyError for an unknown name."""
    return MappingProxyType({**own, **{name: SHARED_PARTS[name] for name in shared}})


CSS_LIMIT_CHARS = 20_000
_VALUE = re.compile(r"[A-Za-z0-9#%.,() '\"/+*_-]{1,120}\Z")


def token_problems(tokens: object) -> list[str]:
    """What is wrong with a shop's tokens, as sentences for the admin; empty when nothing is."""
    if not isinstance(tokens, Mapping):
        return [_("Give an object of token names and CSS values.")]
    problems = []
    for name, value in tokens.items():
        if name not in TOKENS:
            problems.append(
                _("Unknown token “%(name)s”. Known: %(known)s.") % {"name": name, "known": ", ".join(TOKENS)}
            )
        elif not isinstance(value, str) or not _VALUE.match(value) or not merchant_css.value_is_plain(value):
            problems.append(_("The value of “%s” is not a plain CSS value.") % name)
    return problems


def token_css(tokens: Mapping[str, str]) -> str:
    """The tokens as one rule on the host element; empty without tokens. Values were checked when they were saved."""
    if not tokens or token_problems(tokens):
        return ""
    rules = "".join(f"--sumeru-{name}:{tokens[name]};" for name in TOKENS if name in tokens)
    # `:where` keeps a storefront's own `sumeru-widget { --sumeru-accent: … }` stronger.
    return f":where(:host){{{rules}}}"
