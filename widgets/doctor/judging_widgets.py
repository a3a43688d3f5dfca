"""Findings about each widget of a page. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from urllib.parse import urlencode

from django.utils import translation

from widgets import registry
from widgets.base import Widget
from widgets.doctor.known import ShopKnown
from widgets.doctor.page import Element, Page
from widgets.doctor.table import Finding, finding


def judged(page: Page, shop: ShopKnown | None, base: str) -> Iterator[Finding]:
    """Findings for every widget in the page's order. Sentences of fields are English, whatever language is active."""
    with translation.override("en"):
        for element in page.widgets:
            yield from _widget(element, shop, base)


def _widget(element: Element, shop: ShopKnown | None, base: str) -> Iterator[Finding]:
    if not element.type:
        yield finding("no_type", element.line, example="reviews")
        return
    widget = registry.get(element.type)
    if widget is None:
        near = difflib.get_close_matches(element.type, registry.all_widgets(), n=1, cutoff=0.4)
        example = near[0] if near else " | ".join(registry.all_widgets())
        yield finding("unknown_type", element.line, type=element.type, example=example)
        return
    known = widget.Params().fields
    fields = [_attribute(str(name)) for name in known]
    for stranger in element.strangers:
        near = difflib.get_close_matches(stranger, fields, n=1, cutoff=0.7)
        yield finding(
            "unknown_attribute",
            element.line,
            type=widget.name,
            attribute=stranger,
            known=near[0] if near else ", ".join(fields),
        )
    for name in element.params:
        if name not in known and name in registry.parameter_names():
            attribute = _attribute(name)
            yield finding(
                "unknown_attribute", element.line, type=widget.name, attribute=attribute, known=", ".join(fields)
            )
    problems = list(_parameters(widget, element))
    yield from problems
    if shop and not problems:
        placement = element.params.get("placement", "")
        if (widget.name, placement) in shop.off:
            where = f" at the placement {placement}" if placement else ""
            yield finding("switched_off", element.line, type=widget.name, where=where, name=shop.name, admin=shop.admin)
        elif (widget.name, placement) in shop.unknown_placements:
            yield finding(
                "unknown_placement",
                element.line,
                type=widget.name,
                placement=placement,
                name=shop.name,
                admin=shop.admin,
            )
        for product in products_of(element):
            if shop.products.get(product) is False:
                yield finding("unknown_product", element.line, product=product, type=widget.name)
        handle = element.params.get("product_handle", "")
        if shop.handles.get(handle) is False:
            yield finding("unknown_handle", element.line, handle=handle, type=widget.name)
    if not element.has_fallback and not element.has_server_html:
        query = urlencode(sorted(element.params.items()))
        link = f"{base}{widget.name}{'?' if query else ''}{query}"
        yield finding("no_fallback", element.line, type=widget.name, link=link)


def products_of(element: Element) -> list[str]:
    """The product ids that an element names."""
    ids = [element.params.get("product_id", ""), *element.params.get("product_ids", "").split(",")]
    return [each for each in dict.fromkeys(map(str.strip, ids)) if each]


def _attribute(name: str) -> str:
    return name.replace("_", "-")


def _parameters(widget: Widget, element: Element) -> Iterator[Finding]:
    """What the registry's own parameters say, as the server would."""
    serializer = widget.Params(data=dict(element.params))
    if serializer.is_valid():
        return
    line, errors = element.line, serializer.errors
    for name, reasons in errors.items():
        code = getattr(reasons[0], "code", "")
        if code in ("required", "blank", "null"):
            yield finding("missing_parameter", line, type=widget.name, parameter=name, attribute=_attribute(name))
        elif name not in widget.Params().fields:  # about several together: which one is missing stands in the sentence
            wanted = [str(each) for each in widget.Params().fields if str(each) in str(reasons[0])]
            missing = wanted and not any(each in element.params for each in wanted)
            if missing:
                yield finding(
                    "missing_parameter",
                    line,
                    type=widget.name,
                    parameter=" or ".join(wanted),
                    attribute=_attribute(wanted[0]),
                )
            else:
                yield finding("invalid_parameter", line, type=widget.name, why=reasons[0], **_culprit(wanted, element))
        else:
            yield finding("invalid_parameter", line, type=widget.name, why=reasons[0], **_culprit([name], element))


def _culprit(names: list[str], element: Element) -> dict[str, str]:
    name = next((each for each in names if each in element.params), names[0] if names else "params")
    return {"attribute": _attribute(name), "value": element.params.get(name, "")}
