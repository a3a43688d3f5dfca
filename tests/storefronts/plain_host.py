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
from urllib.parse import parse_qs

from tests.browser.visiting import Facts
from tests.loader.stub_hosts import Answer, Host, Seen
from tests.widgets.demo_runs import Run, eventually
from widgets import embed

FOLDER = Path(__file__).parent / "plain"
PAGES = ("product", "collection", "cart", "quiz", "friends")
_INCLUDE = re.compile(r'<!--#include virtual="([^"]+)" -->')
_TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css"}


class PlainHost(Host):
    """``/product.html`` and the others. ``?coep=…`` sends that Cross-Origin-Embedder-Policy; ``product`` is shown on all pages."""

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
        file = FOLDER / seen.path.removeprefix("/")
        if file.parent != FOLDER or file.suffix not in _TYPES or not file.exists():
            return Answer("", 204 if seen.path == "/favicon.ico" else 404)
        text = re.sub("|".join(map(re.escape, self.words)), lambda found: self.words[found[0]], file.read_text("utf-8"))
        text = _INCLUDE.sub(self._included, text)
        wanted = parse_qs(seen.query).get("coep", [])
        headers = {"Cross-Origin-Embedder-Policy": wanted[0]} if wanted else {}
        return Answer(text, content_type=_TYPES[file.suffix], headers=headers)

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
def plain(run: Run, facts: Facts) -> Iterator[PlainHost]:
    """The storefront, known to the demo's shop."""
    host = PlainHost(facts)
    try:
        allow(run, facts, host.origin)
        yield host
    finally:
        host.close()
