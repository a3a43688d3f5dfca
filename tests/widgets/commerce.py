"""Made-up products, a source that gives what a test tells it, and the fragment that a widget makes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.template.loader import render_to_string
from django.utils import translation

from sumeru_proxy.client.shapes import Image, Product, Rating
from sumeru_proxy.reading.reader import Query
from tests.widgets.fragments import Page, assert_safe_fragment, call_of
from widgets.base import Context, Widget

HOSTILE = "</p></bdi><script>alert(1)</script>\" onmouseover='x' \u202e{{ call.shop }}{% now %}<!-- &amp;"
PICTURE = Image("https://cdn.example/a.jpg", 800, 600, "On a table")


def product(number: int, price: str = "10.00", **changes: Any) -> Product:
    """Product number so and so: ``prd_1`` of variant ``var_1`` at 10 EUR, in stock."""
    values = {"image": PICTURE, "variant_id": f"var_{number}", **changes}
    plain = Product(f"prd_{number}", f"thing-{number}", f"Thing {number}", "", Decimal(price), "EUR", available=True)
    return replace(plain, **values)


class Answers:
    """A source with one upstream method, given as a function of its arguments; remembers what was read."""

    def __init__(
        self, answer: Callable[[dict[str, Any]], Any] | Any, stock: Mapping[str, Product | None] | None = None
    ):
        self.answer = answer
        self.stock = stock or {}
        self.reads: list[dict[str, Any]] = []
        self.wanted: list[Query] = []
        self.fresh = True
        self.shop_id = 1

    def get(self, wanted: Query) -> Any:
        self.wanted.append(wanted)
        arguments: dict[str, Any] = dict(wanted.arguments)
        self.reads.append(arguments)
        value = self.answer(arguments) if callable(self.answer) else self.answer
        if isinstance(value, Exception):
            raise value
        return value

    def load(self, wanted: Query) -> Any:
        return self.answer if wanted in self.wanted else None

    def preload(self, queries: Iterable[Query]) -> None:
        """Nothing is slow here."""

    def products(
        self, ids: Sequence[str], fresh_s: float = 300.0, *, behind: bool = False
    ) -> dict[str, Product | None]:
        return {each: self.stock[each] for each in ids if each in self.stock}

    def ratings(self, shown: Mapping[str, Product | None]) -> dict[str, Rating]:
        return {each: product.rating for each, product in shown.items() if product and product.rating}


def made(
    widget: Widget, source: Answers, options: Mapping[str, Any] | None = None, language: str = "en", **asked: str
) -> tuple[Context, Page, str]:
    """The context, the fragment read strictly, and its HTML."""
    call = call_of(widget, options, language, **asked)
    with translation.override("en"):
        context = widget.context(call, source)  # type: ignore[arg-type]
        html = render_to_string(widget.template, {"w": context, "call": call, "shop": call.shop})
    page = Page(html)
    assert_safe_fragment(page)
    assert json.dumps(context, cls=DjangoJSONEncoder)
    return context, page, html


def adds(page: Page) -> list[tuple[dict[str, Any], str]]:
    """The add-to-cart links: the event's detail and the address."""
    return [(json.loads(attrs["data-add"]), attrs["href"]) for attrs in page.all("a", part="add")]
