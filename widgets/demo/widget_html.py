"""Widgets in the shop's pages: tags for the loader, or finished HTML that the shop's server gets from the widget server.

A page never fails for a widget: what is not there in time is left to the loader.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from widgets.doctor import plain_http

log = logging.getLogger(__name__)

BUDGET_S = 0.8
"""What a page waits for the widget server, for all of its widgets together."""
PER_BATCH = 48
_ROOT = '<template shadowrootmode="open">'


@dataclass(frozen=True, slots=True)
class Wish:
    """A widget that a page wants. ``params`` are the API's; what is empty is left out. ``text`` is the fallback link's.

    ``live``: its content is one visitor's own. ``blocks``: trusted HTML of the page inside the element, instead of the link.
    ``token`` proves who the customer is, in the server's own request. ``only_server``: parameters that no attribute says.
    """

    type: str
    params: Mapping[str, str]
    text: str = ""
    live: bool = False
    blocks: SafeString = field(default_factory=SafeString)
    token: str = ""
    only_server: Mapping[str, str] = field(default_factory=dict)

    @property
    def attributes(self) -> dict[str, str]:
        """As the element says it."""
        params = {name.replace("_", "-"): value for name, value in self.params.items() if value}
        return params | ({"live": ""} if self.live else {})

    def query(self) -> list[tuple[str, str]]:
        """As a URL says it."""
        return [pair for pair in {**self.params, **self.only_server}.items() if pair[1]]


@dataclass(frozen=True, slots=True)
class Placed:
    """What stands in the page. ``finished``: it needs no loader; else room for it must be reserved. ``empty``: there is nothing to show."""

    html: SafeString
    finished: bool = False
    empty: bool = False

    def __str__(self) -> str:
        return self.html

    def __html__(self) -> str:
        return self.html


def tag(type_: str, attributes: Mapping[str, str], link: str, text: str, root: str = "") -> SafeString:
    """The element that the loader fills; until then, and without scripts, it is a link to the widget's own page.

    ``root`` is trusted HTML that stands before the link.
    """
    return _element(type_, attributes, format_html('{}<a href="{}">{}</a>', _safe(root), link, text))


def _element(type_: str, attributes: Mapping[str, str], inner: SafeString) -> SafeString:
    pairs = format_html_join("", ' {}="{}"', attributes.items())
    return format_html('<sumeru-widget type="{}"{}>{}</sumeru-widget>', type_, pairs, inner)


def _safe(html: str) -> SafeString:
    return mark_safe(html)  # noqa: S308 - made and escaped by the widget server or by this shop


def with_nonce(html: str, nonce: str) -> str:
    """Finished HTML whose style elements the page's Content-Security-Policy lets through.

    Only the style at the very start of a declarative shadow root gets the nonce.
    """
    return html.replace(f"{_ROOT}<style>", f'{_ROOT}<style nonce="{nonce}">')


class WidgetServer:
    """The widget server as the shop's server uses it. ``base`` is its address without a trailing slash."""

    def __init__(self, base: str, shop: str, budget_s: float = BUDGET_S) -> None:
        self.base, self.shop, self.budget_s = base, shop, budget_s

    @property
    def loader(self) -> str:
        """Address of the loader script."""
        return f"{self.base}/embed/v1.js"

    def script(self, name: str) -> str:
        """Address of another of its scripts."""
        return f"{self.base}/embed/{name}.js"

    def address(self, path: str, query: Sequence[tuple[str, str]] = ()) -> str:
        """An address of this shop's widgets."""
        return f"{self.base}/w/v1/{self.shop}/{path}" + (f"?{urlencode(query)}" if query else "")

    def bare(self, wish: Wish) -> SafeString:
        """The tag alone."""
        if wish.blocks:
            return _element(wish.type, wish.attributes, wish.blocks)
        return tag(wish.type, wish.attributes, self.address(wish.type, list(wish.params.items())), wish.text)

    def ask(self, urls: Sequence[str], tokens: Sequence[str] = ()) -> list[dict[str, Any] | None]:
        """What the server says at each address; None for what did not come whole and well within the budget. Never raises."""
        answers: list[dict[str, Any] | None] = [None] * len(urls)

        def work(place: int, url: str) -> None:
            headers = {"Accept": "application/json"}
            if tokens and tokens[place]:
                headers["Authorization"] = f"Bearer {tokens[place]}"
            try:
                reply = plain_http.get(url, self.budget_s, headers)
                body = json.loads(reply.body) if reply.status == 200 else None
            except (plain_http.Unreachable, ValueError) as problem:
                log.warning("widgets left to the loader: %s", problem)
                return
            answers[place] = body if isinstance(body, dict) else None

        # Threads that are not waited for: a server that hangs must not hold the page or the process.
        deadline = time.monotonic() + self.budget_s
        threads = [threading.Thread(target=work, args=(place, url), daemon=True) for place, url in enumerate(urls)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return list(answers)

    def place(self, wishes: Sequence[Wish], nonce: str, *, server_html: bool = True) -> list[Placed]:
        """The widgets of a page in the order of the wishes: finished, with structured data, where that is wanted and there in time."""
        if not server_html:
            return [Placed(self.bare(wish)) for wish in wishes]
        urls = [self.address(f"{wish.type}.json", wish.query()) for wish in wishes]
        answers = self.ask(urls, [wish.token for wish in wishes])
        return [self._element(wish, answer, nonce) for wish, answer in zip(wishes, answers, strict=True)]

    def _element(self, wish: Wish, answer: Mapping[str, Any] | None, nonce: str) -> Placed:
        state = answer.get("state") if answer else None
        if answer is None or state not in ("ready", "empty"):
            return Placed(self.bare(wish))
        if wish.blocks:
            style = f"<style>{answer.get('css') or ''}</style>"
            root = with_nonce(f"{_ROOT}{style}{answer.get('inner_html') or '<slot></slot>'}</template>", nonce)
            html = _element(wish.type, wish.attributes, format_html("{}{}", _safe(root), wish.blocks))
        else:
            html = _safe(with_nonce(str(answer.get("html") or ""), nonce))
        return Placed(html, finished=True, empty=state == "empty")

    def badges(self, product_ids: Sequence[str], text: str, nonce: str) -> dict[str, SafeString]:
        """Badges of many products by id, PER_BATCH in one request; what is not there now is missing."""
        ids = list(product_ids)
        parts = [ids[start : start + PER_BATCH] for start in range(0, len(ids), PER_BATCH)]
        urls = [self.address("batch", [("w", f"rating_badge?product_id={each}") for each in part]) for part in parts]
        badges: dict[str, SafeString] = {}
        for part, answer in zip(parts, self.ask(urls), strict=True):
            items = answer.get("items") if answer else None
            if answer is None or not isinstance(items, list) or len(items) != len(part):
                continue
            css = str(answer.get("css") or "")
            for product_id, item in zip(part, items, strict=True):
                if not isinstance(item, dict) or item.get("state") not in ("ready", "empty"):
                    continue
                style = f"<style>{css}</style>" if item.get("html") else ""
                root = with_nonce(f"{_ROOT}{style}{item.get('html') or ''}</template>", nonce)
                link = self.address("rating_badge", [("product_id", product_id)])
                badges[product_id] = tag("rating_badge", {"product-id": product_id}, link, text, root)
        return badges
