"""From one widget call to finished text: inner HTML, the element around it, JSON, styles. HTML and JSON share one context."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from django.conf import settings
from django.template.loader import get_template
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from sumeru_proxy.reading.reader import Missing, Pending, Source
from widgets.base import Call, Context, Nothing, Widget
from widgets.http import responses, template_syntax
from widgets.i18n import texts

log = logging.getLogger(__name__)

State = Literal["ready", "empty", "pending", "live", "alone", "error"]
AGE_STEP_S = 60
SIZE_LIMIT_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Rendered:
    """One widget, made. ``inner`` is what stands inside the shadow root; empty unless ``ready``.

    ``age_s`` is 0 while the data is fresh, else its age in steps of AGE_STEP_S, so that equal content has equal bytes.
    """

    widget: Widget
    call: Call
    state: State
    inner: str = ""
    context: Context = field(default_factory=dict)
    json_ld: Context | None = None
    fresh: bool = True
    age_s: int = 0
    retry_after_s: float = 0.0
    error: Mapping[str, Any] | None = None

    @property
    def storable(self) -> bool:
        """Whether browsers and CDNs may keep it: only what is true for everybody, and complete."""
        return self.state in ("ready", "empty") and not self.widget.is_private(self.call)


def render(widget: Widget, call: Call, source: Source) -> Rendered:
    """Make the widget. A fault inside it becomes state ``error``, so that one widget never takes a page's others with it."""
    try:
        if call.lacking is not None:
            raise call.lacking
        with texts.override(call.shop.texts, call.locale):
            context = widget.context(call, source)
            inner = template_syntax.inert(
                get_template(widget.template).render({"w": context, "call": call, "shop": call.shop})
            )
            json_ld = widget.json_ld(call, context)
    except Nothing:
        return Rendered(widget, call, "empty", fresh=source.fresh, age_s=_age(source))
    except Missing:
        return Rendered(widget, call, "empty", fresh=source.fresh, age_s=_age(source))
    except Pending as pending:
        return Rendered(widget, call, "pending", fresh=False, retry_after_s=round(pending.retry_after_s, 1))
    except responses.Problem as problem:
        return Rendered(widget, call, "error", error={"code": problem.code, "message": problem.message}, fresh=False)
    except Exception:
        log.exception("widget %s failed for shop %s", widget.name, call.shop.id)
        return Rendered(
            widget,
            call,
            "error",
            error={"code": "internal_error", "message": "This widget could not be made."},
            fresh=False,
        )
    return Rendered(widget, call, "ready", inner.strip(), context, json_ld, fresh=source.fresh, age_s=_age(source))


def _age(source: Source) -> int:
    if source.fresh:
        return 0
    return int(source.age_s(timezone.now().timestamp())) // AGE_STEP_S * AGE_STEP_S


def _file(name: str) -> str:
    """A style sheet's text as it was built; with DEBUG the readable source, read at every call."""
    readable = Path(settings.BASE_DIR) / "static" / "widgets" / name
    return readable.read_text(encoding="utf-8").strip() if settings.DEBUG else _built(name, readable)


@cache
def _built(name: str, readable: Path) -> str:
    small = Path(settings.BASE_DIR) / "static" / "embed" / "css" / name
    return (small if small.exists() else readable).read_text(encoding="utf-8").strip()


# No picture makes a phone scroll sideways, and nothing in one review paints over another. With this and the next alone widgets can be
# used; neither is a matter of looks.
_REFLOW = ":where(img,video){max-width:100%;height:auto}:where([part=review]){overflow:clip}"
# What only a script makes true: buttons that need one.
_STATES = ".sw-acts{display:none}:host(:state(ready)) .sw-acts{display:block}"


def styles(widgets: Iterable[Widget], shop_css: str, *, styled: bool = True) -> str:
    """The CSS of these widgets: the common part, the widgets' own, then the shop's. The same set of widgets gives the same text.

    With ``styled`` False (the shop does not want our styles): only what forms and buttons need to work, and the shop's own.
    """
    widgets = list(widgets)
    if not styled:
        return _REFLOW + (_STATES if any(widget.Form for widget in widgets) else "") + shop_css
    names = sorted({name for widget in widgets for name in widget.styles})
    return "".join([_file("common.css"), *(_file(name) for name in names), shop_css])


_HOST = re.compile(r":host\b(?:\(((?:[^()]|\([^()]*\))*)\))?")


def layered(css: str) -> str:
    """The same styles for a widget in the page's own DOM. They apply inside the widget only, and stand in a cascade layer: every
    rule of the page outside of a layer is stronger, whatever its specificity.
    """
    return (
        f"@layer sumeru{{sumeru-widget[light]{{{_HOST.sub(lambda found: '&' + (found[1] or ''), css)}}}}}"
        if css
        else ""
    )


def _attributes(call: Call) -> str:
    """The call as attributes of the element: when a page changes one of them, the loader asks for the same call with that change."""
    named = []
    for name, value in call.named.items():
        if value in (None, "", False, ()):
            continue
        text = ",".join(map(str, value)) if isinstance(value, tuple) else "1" if value is True else str(value)
        named.append(f' {name.replace("_", "-")}="{escape(text)}"')
    return "".join(named)


def json_ld_script(data: Context | None) -> str:
    """A script element of structured data, safe inside any HTML; empty without data."""
    return (
        f'<script type="application/ld+json">{template_syntax.inert_json(responses.to_json(data))}</script>'
        if data
        else ""
    )


def element(rendered: Rendered, css: str, *, light: bool = False) -> SafeString:
    """The widget as HTML of a page: the host element with a declarative shadow root, and its structured data beside it.

    Readable without JavaScript. While there is no content, the element holds only its link, and a loader on the page fills it.
    ``light`` (with ``layered`` styles) puts the content into the page's own DOM, where the page's CSS applies; content that is
    still missing comes into a shadow root.
    """
    call = rendered.call
    with texts.override(call.shop.texts, call.locale):
        link = f'<a href="{escape(call.link())}">{escape(rendered.widget.title)}</a>'
    light = light and rendered.state in ("ready", "empty")
    # Without rules there is no element, which a policy could refuse.
    style = f"<style>{css}</style>" if css and rendered.state == "ready" else ""
    if light:
        root, link = rendered.inner, ""
    elif rendered.state == "ready":
        root = f'<template shadowrootmode="open">{style}{rendered.inner}</template>'
    elif rendered.state == "empty":
        root, link = '<template shadowrootmode="open"></template>', ""
    else:
        root = ""
    # Asked for again when a page comes back from the browser's memory; a form half filled in is not.
    live = " live" if rendered.widget.is_private(call) and rendered.widget.Form is None else ""
    before, mark = (style, " light") if light else ("", "")
    opening = (
        f'<sumeru-widget type="{rendered.widget.name}"{mark}{live}{_attributes(call)} {template_syntax.HANDS_OFF}>'
    )
    text = f"{before}{template_syntax.inert(opening)}{root}{link}</sumeru-widget>{json_ld_script(rendered.json_ld)}"
    return mark_safe(text)  # noqa: S308 - made of escaped values and of templates that escape


def payload(rendered: Rendered, css: str, *, light: bool = False) -> dict[str, Any]:
    """The JSON form: the same HTML, byte for byte, and the context that it was made of, for storefronts with templates of their own."""
    return {
        "widget": rendered.widget.name,
        "state": rendered.state,
        "html": element(rendered, css, light=light),
        "inner_html": rendered.inner,
        "data": rendered.context if rendered.state == "ready" else None,
        "json_ld": rendered.json_ld,
        "css": css,
        "lang": call_language(rendered.call),
        "fresh": rendered.fresh,
        "age_s": rendered.age_s,
        **({"retry_after_s": rendered.retry_after_s} if rendered.state == "pending" else {}),
        **({"error": rendered.error} if rendered.error else {}),
    }


def item(rendered: Rendered) -> dict[str, Any]:
    """The widget's entry in a batch: only what the loader needs."""
    status = 500 if rendered.state == "error" else 200
    entry: dict[str, Any] = {"state": rendered.state, "status": status, "html": rendered.inner}
    if rendered.state == "pending":
        entry["retry_after_s"] = rendered.retry_after_s
    if rendered.error:
        entry["error"] = rendered.error
    return entry


def call_language(call: Call) -> str:
    """BCP 47 tag of the texts in this answer."""
    return call.locale
