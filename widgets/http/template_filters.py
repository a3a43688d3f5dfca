"""Filters and functions of the widgets' templates. Those that depend on language take ``call`` or its locale."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from html import escape
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext

from widgets.base import Call
from widgets.http import responses
from widgets.i18n import formatting, languages, texts

FOLD_CHARS = 1_200
"""A longer text is shown up to about FOLD_AT_CHARS; the rest unfolds without a script."""
FOLD_AT_CHARS = 700
_PARAGRAPHS = re.compile(r"\n\s*\n+")
_ENDS = re.compile(r"(?:\n\s*\n|(?<=[.!?…؟])\s|[。！？]|\s)")


def number(value: int | Decimal, call: Call) -> str:
    """12,345"""
    return formatting.number(value, call.formats)


def average(value: Decimal, call: Call) -> str:
    """4.5"""
    return formatting.average(value, call.formats)


def json(value: object) -> str:
    """JSON for an attribute, which the template then escapes."""
    return responses.to_json(value)


def when(moment: datetime, call: Call) -> SafeString:
    """How long ago, as a ``time`` element that also holds the exact moment and, on hover, the date."""
    day, ago = formatting.day(moment, call.formats), formatting.ago(moment, call.now, call.formats)
    exact = moment.isoformat(timespec="seconds")
    return mark_safe(  # noqa: S308 - escaped
        f'<time class="sw-soft" datetime="{exact}" title="{escape(day)}">{escape(ago)}</time>'
    )


def ends(moment: datetime, call: Call) -> SafeString:
    """Ends in 25 minutes, with the exact moment. Only for answers that no cache keeps."""
    return format_html(
        '<time datetime="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        gettext("Ends %(ahead)s") % {"ahead": formatting.ahead(moment, call.now, call.formats)},
    )


def star_count(rating: int, call: Call) -> str:
    """5 stars"""
    return _counted("star", rating, call.formats, texts.voice())


def review_count(count: int, call: Call) -> str:
    """1,234 reviews"""
    return _counted("review", count, call.formats, texts.voice())


@lru_cache(maxsize=1024)
def _counted(noun: str, count: int, locale: str, _voice: Hashable) -> str:
    formatted_count = formatting.number(count, locale)
    if noun == "star":
        return ngettext("%(count)s star", "%(count)s stars", count) % {"count": formatted_count}
    return ngettext("%(count)s review", "%(count)s reviews", count) % {"count": formatted_count}


def country(code: str, call: Call) -> str:
    """A country's name; empty when unknown."""
    return formatting.country(code, call.formats)


def direction(locale: str) -> str:
    """``rtl`` or ``ltr``."""
    return languages.direction(locale)


def stars(value: int | Decimal, call: Call) -> SafeString:
    """A row of five stars, filled to the tenth, with its text alternative."""
    return _stars(value, call.formats, texts.voice())


@lru_cache(maxsize=1024)
def _stars(value: int | Decimal, locale: str, _voice: Hashable) -> SafeString:
    value = Decimal(value)
    formatted_rating = formatting.number(formatting.tenths(value), locale)
    return format_html(
        '<svg class="sw-stars" part="stars" role="img" aria-label="{}" viewBox="0 0 100 20" width="100" height="20" fill="#bbb">'
        '<rect width="100" height="20"/><rect class="sw-on" width="{}" height="20" fill="#a60"/></svg>',
        gettext("%(rating)s out of 5 stars") % {"rating": formatted_rating},
        star_width(value),
    )


def star_width(value: Decimal) -> str:
    """How far a row of stars 100 units wide is filled. Each star is 16 units wide and stands 2 from the edges of its fifth."""
    value = min(max(formatting.tenths(value), Decimal(0)), Decimal(5))
    whole = int(value)
    filled = whole * 20 + (2 + (value - whole) * 16 if value > whole else 0)
    return format(Decimal(filled).normalize(), "f")


def bar(share: int) -> SafeString:
    """A bar filled to ``share`` percent; decoration, the number stands beside it."""
    return _bar(share)


@lru_cache(maxsize=101)
def _bar(share: int) -> SafeString:
    return format_html(
        '<svg class="sw-bar" aria-hidden="true" viewBox="0 0 100 8" width="100" height="8" fill="#bbb" preserveAspectRatio="none">'
        '<rect width="100" height="8"/><rect class="sw-on" width="{}" height="8" fill="#a60"/></svg>',
        min(max(share, 0), 100),
    )


def _blocks(text: str) -> str:
    paragraph_texts = (part.strip() for part in _PARAGRAPHS.split(text.replace("\r\n", "\n").replace("\r", "\n")))
    return "".join(f"<p>{escape(part).replace(chr(10), '<br>')}</p>" for part in paragraph_texts if part)


def fold(text: str) -> tuple[str, str]:
    """A text in two: what is shown, and what unfolds (empty for a text of up to FOLD_CHARS). Cut at a paragraph, sentence or word."""
    if len(text) <= FOLD_CHARS:
        return text, ""
    best = (0, FOLD_AT_CHARS)
    for found in _ENDS.finditer(text, FOLD_AT_CHARS // 2, FOLD_AT_CHARS):
        rank = 3 if "\n" in found.group() and found.group().count("\n") > 1 else 1
        if rank == 1 and (found.group() in "。！？" or text[found.start() - 1] in ".!?…؟"):
            rank = 2
        if (rank, found.end()) > best:
            best = (rank, found.end())
    return text[: best[1]], text[best[1] :]


def paragraphs(text: str) -> SafeString:
    """Plain text as escaped paragraphs; single line breaks are kept."""
    return mark_safe(_blocks(text))  # noqa: S308 - _blocks escapes every piece


def folded(text: str) -> SafeString:
    """As ``paragraphs``; the rest of a very long text stands in a ``details`` element."""
    visible, rest = fold(text)
    if not rest:
        return paragraphs(text)
    return format_html(
        '{}<details class="sw-more"><summary>{}</summary>{}</details>',
        paragraphs(visible),
        gettext("Read more"),
        paragraphs(rest),
    )


def carried(call: Call, *own: str) -> SafeString:
    """The hidden fields of a GET form on the widget's page: every parameter of the call but ``own``, see ``Call.carried``."""
    return mark_safe(  # noqa: S308 - escaped
        "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in call.carried(*own)
        )
    )


FILTERS: Mapping[str, Callable[..., Any]] = {
    "average": average,
    "bar": bar,
    "country": country,
    "direction": direction,
    "ends": ends,
    "folded": folded,
    "json": json,
    "number": number,
    "paragraphs": paragraphs,
    "review_count": review_count,
    "star_count": star_count,
    "stars": stars,
    "when": when,
}
GLOBALS: Mapping[str, Callable[..., Any]] = {"carried": carried}
