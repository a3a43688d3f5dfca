"""The storefront pages that ``page`` looks at, and the hosts that they come from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.faults.running_site import Site, Web
from tests.loader.stub_hosts import Answer, Seen
from tests.pages.between import Between

RESERVED = (Path(__file__).resolve().parents[1] / "storefronts" / "plain" / "shop.css").read_text(encoding="utf-8")
PRODUCT = "prd_21"
BADGES = [f"prd_{number}" for number in range(21, 69)]
SEVEN: tuple[tuple[str, str], ...] = (
    ("rating_badge", f"product_id={PRODUCT}"),
    ("reviews", "product_id=prd_1"),
    ("bundles", "product_id=prd_1"),
    ("upsell", "product_ids=prd_1&cart_total=40&currency=EUR"),
    ("quiz", "quiz_id=quiz_1"),
    ("cart_nudge", "cart_id=c1&cart_total=20&currency=EUR"),
    ("product_feed", "limit=8"),
)
ONE = (("reviews", "product_id=prd_1"),)


def tag(widget: str, query: str) -> str:
    """The element as a storefront writes it."""
    attributes = re.sub(r"([a-z_]+)=([^&]*)&?", lambda found: f' {found[1].replace("_", "-")}="{found[2]}"', query)
    live = " live" if widget in ("upsell", "cart_nudge") else ""
    return f'<sumeru-widget type="{widget}"{attributes}{live}><a href="/all">{widget}</a></sumeru-widget>'


def document(body: str, script: str, head: str = "") -> str:
    """A page that reserves room as the admin says it."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Shop</title>{head}<style>{RESERVED}</style>{script}</head>"
        f"<body><main><h1>Shop</h1>{body}<p>The end.</p></main></body></html>"
    )


@dataclass
class Shop:
    """What the pages are made from."""

    place: Site
    web: Web

    def script(self, origin: str) -> str:
        """The loader's tag, from this origin."""
        return f'<script async crossorigin src="{origin}/embed/v1.js" data-shop="{self.place.key}"></script>'

    def html(self, widgets: tuple[tuple[str, str], ...], language: str = "en") -> str:
        """Server HTML of widgets, as a storefront's server gets it."""
        parts = []
        for widget, query in widgets:
            answer = self.web.get(f"/w/v1/{self.place.key}/{widget}.html?{query}&locale={language}")
            if answer.status != 200:
                raise RuntimeError(f"{widget}: {answer.status}")
            parts.append(answer.body.decode())
        return "".join(parts)


class Storefront(Between):
    """The shop's own origin: its ``pages`` by path, and the widget server's paths passed on, as a reverse proxy does."""

    def __init__(self, port: int) -> None:
        self.pages: dict[str, str] = {}
        super().__init__(port)

    def answer(self, seen: Seen) -> Answer:
        if seen.path.startswith(("/embed/", "/w/")):
            return super().answer(seen)
        page = self.pages.get(seen.path)
        return Answer(page, headers={"Cache-Control": "no-store"}) if page else Answer("", 404)
