"""Serves the plain storefront: static files on an origin of their own, with the addresses of a running demo filled in."""

from __future__ import annotations

import contextlib
import html
import re
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from tests.browser.visiting import Facts
from tests.loader.stub_hosts import Answer, Host, Seen
from tests.widgets.demo_runs import Run, eventually
from widgets.http import embed

FOLDER = Path(__file__).parent / "plain"
PAGES = ("product", "collection", "cart", "quiz", "friends")
_INCLUDE = re.compile(r'<!--#include virtual="([^"]+)" -->')
_TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css"}


OWN_PATH = "/sumeru"


class PlainHost(Host):
    """``/product.html`` and the others. ``?coep=…`` sends that Cross-Origin-Embedder-Policy; ``product`` is shown on all pages.

    ``/own/product.html`` and the others name the widget server by OWN_PATH, from where everything is passed on to it.
    """

    def __init__(self, facts: Facts) -> None:
        self.widgets = facts["widgets"].rstrip("/")
        script = embed.loader()
        self.words = {
            "https://widgets.example.com": self.widgets,
            "SHOP": facts["shop"],
            "PRODUCT": facts["product"],
            "HASH": script.hash,
            "INTEGRITY": script.integrity,
        }
        super().__init__()

    def answer(self, seen: Seen) -> Answer:
        if seen.path.startswith(OWN_PATH + "/"):
            return self._passed_on(seen)
        own = seen.path.startswith("/own/")
        file = FOLDER / seen.path.removeprefix("/own" if own else "").removeprefix("/")
        if file.parent != FOLDER or file.suffix not in _TYPES or not file.exists():
            return Answer("", 204 if seen.path == "/favicon.ico" else 404)
        words = {**self.words, "https://widgets.example.com": OWN_PATH} if own else self.words
        text = re.sub("|".join(map(re.escape, words)), lambda found: words[found[0]], file.read_text("utf-8"))
        text = _INCLUDE.sub(self._included, text)
        wanted = parse_qs(seen.query).get("coep", [])
        headers = {"Cross-Origin-Embedder-Policy": wanted[0]} if wanted else {}
        return Answer(text, content_type=_TYPES[file.suffix], headers=headers)

    def _passed_on(self, seen: Seen) -> Answer:
        """As a reverse proxy does: the prefix taken away, method, body and type kept."""
        query = f"?{seen.query}" if seen.query else ""
        asked = urllib.request.Request(
            self.widgets + seen.path.removeprefix(OWN_PATH) + query, seen.body.encode() or None, method=seen.method
        )
        for name in ("content-type", "origin"):
            if name in seen.headers:
                asked.add_header(name, seen.headers[name])
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return self._as_it_came(answer)
        except urllib.error.HTTPError as answer:
            return self._as_it_came(answer)

    @staticmethod
    def _as_it_came(answer: Any) -> Answer:
        kept = ("Cache-Control", "Content-Security-Policy", "Vary", "ETag", "Retry-After")
        headers = {name: value for name in kept if (value := answer.headers[name])}
        return Answer(answer.read(), answer.status, answer.headers["Content-Type"], headers)

    def _included(self, found: re.Match[str]) -> str:
        """As nginx's SSI module does: the answer's body in the comment's place; nothing when there is none in time."""
        try:
            with urllib.request.urlopen(self.widgets + html.unescape(found[1]), timeout=5) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, TimeoutError):
            return ""


def allow(run: Run, facts: Facts, origin: str) -> None:
    """What an operator does in the admin: pages of this origin may show the first shop's widgets. Returns when they may."""
    (file,) = run.folder.glob("**/db.sqlite3")
    with contextlib.closing(sqlite3.connect(file, timeout=20)) as database, database:
        database.execute(
            "insert into sumeru_proxy_shoporigin (shop_id, origin) select min(id), ? from sumeru_proxy_shop", [origin]
        )
    url = f"{facts['widgets']}w/v1/{facts['shop']}/rating_badge.json?product_id={facts['product']}"
    asked = urllib.request.Request(url, headers={"Origin": origin})

    def may_read() -> bool:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return bool(answer.headers["Access-Control-Allow-Origin"])

    eventually(may_read, 10, "the new origin may read")


@contextlib.contextmanager
def own_path(run: Run, facts: Facts, url: str) -> Iterator[None]:
    """Within the block the first shop's widgets are said to be reached by this address; it begins when they say so themselves."""
    (file,) = run.folder.glob("**/db.sqlite3")
    widget = f"{facts['widgets']}w/v1/{facts['shop']}/reviews.html?product_id={facts['product']}"

    def change(to: str) -> None:
        with contextlib.closing(sqlite3.connect(file, timeout=20)) as database, database:
            database.execute(
                "update sumeru_proxy_shop set public_url = ? where id = (select min(id) from sumeru_proxy_shop)", [to]
            )

    def said() -> bool:
        with urllib.request.urlopen(widget, timeout=10) as answer:
            return url in answer.read().decode()

    change(url)
    try:
        eventually(said, 10, "links lead to the storefront's own path")
        yield
    finally:
        change("")
        eventually(lambda: not said(), 10, "links lead to the widget server again")


@contextlib.contextmanager
def plain(run: Run, facts: Facts) -> Iterator[PlainHost]:
    """The storefront, known to the demo's shop."""
    host = PlainHost(facts)
    try:
        allow(run, facts, host.origin)
        yield host
    finally:
        host.close()
