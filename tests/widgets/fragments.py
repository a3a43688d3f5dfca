"""Widget calls, and a strict reading of the HTML that they become."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from widgets.base import Call, Frozen, ShopProfile, Widget

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SHOP = ShopProfile(
    1, "shopkey", "Alpine", storefront_url="https://shop.example/", product_url="https://shop.example/products/{handle}"
)
VOID = {"input", "img", "br", "rect", "wbr"}
INLINE = {
    "a",
    "b",
    "bdi",
    "button",
    "code",
    "img",
    "input",
    "label",
    "progress",
    "rect",
    "s",
    "select",
    "slot",
    "span",
    "svg",
    "time",
    "wbr",
}


def call_of(widget: Widget, options: Mapping[str, Any] | None = None, language: str = "en", **asked: str) -> Call:
    params = widget.Params(data=asked)
    params.is_valid(raise_exception=True)
    chosen = widget.Options(data=options or {})
    chosen.is_valid(raise_exception=True)
    page_url = f"https://widgets.example/w/v1/shopkey/{widget.name}"
    return Call(SHOP, Frozen(params.validated_data), Frozen(chosen.validated_data), language, page_url, NOW)


class Page(HTMLParser):
    """Elements with attributes and text; fails on markup that is not well nested."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.stack: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert not self.stack

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._break(tag)
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.stack.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag
        self._break(tag)

    def _break(self, tag: str) -> None:
        """Other elements stand on lines of their own."""
        if tag not in INLINE:
            self.words.append("\n")

    def handle_comment(self, data: str) -> None:
        raise AssertionError("no comments")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def all(self, tag: str, **having: str) -> list[dict[str, str]]:
        wanted = {name.replace("_", "-"): value for name, value in having.items()}
        return [attrs for name, attrs in self.elements if name == tag and wanted.items() <= attrs.items()]


def assert_safe_fragment(page: Page) -> None:
    """The rules for HTML that goes into any page and through ``setHTML``."""
    for tag, attrs in page.elements:
        assert tag not in ("script", "style", "use", "iframe", "object", "embed", "link", "base", "meta")
        for name, value in attrs.items():
            assert not name.startswith("on")
            assert name not in ("style", "srcdoc", "formaction")
            # Ids live in the fragment's own root; labels and error texts need them.
            assert name != "id" or value.startswith("sw-")
            if name in ("href", "src", "action"):
                assert urlsplit(value).scheme in ("http", "https")
