"""Times and spans in words, for operators. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def span(seconds: float) -> str:
    """A length of time such as “3 hours, 10 minutes”; below a minute in seconds."""
    if seconds < 60:
        whole = max(1, round(seconds)) if seconds > 0 else 0
        return ngettext("%d second", "%d seconds", whole) % whole
    end = datetime(2000, 1, 1)
    try:
        return timesince(end - timedelta(seconds=seconds), end, depth=2)
    except OverflowError:
        return _("longer than can be told")


def ago(at: datetime, now: datetime) -> str:
    """“5 minutes ago”, or “just now” within a minute and for what a clock ahead of ours dated."""
    seconds = (now - at).total_seconds()
    return _("just now") if seconds < 60 else _("%s ago") % timesince(at, now, depth=1)


def until(at: datetime, now: datetime) -> str:
    """“in 5 minutes”, or “now” for what is due."""
    seconds = (at - now).total_seconds()
    return _("now") if seconds <= 0 else _("in %s") % span(seconds)


def exact(at: datetime) -> str:
    """The moment itself, in the server's time zone, UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def tag(at: datetime, words: str) -> SafeString:
    """An HTML time element: ``words``, the exact moment for pointers and programs."""
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact(at), words)
