"""What the demo shop sells: read once from Sumeru's product feed by the shop's own server, and kept with its pictures."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from babel.numbers import format_currency

from widgets.doctor import plain_http

PAGE_LIMIT = 100
_TRY_AGAIN_S = 0.5


class NoGoods(Exception):
    """The product feed could not be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Good:
    """One product. ``picture`` is an address on this shop, or an absolute one elsewhere; empty without a picture.

    ``variant`` is what a cart holds; ``amount`` is the price as a number.
    """

    id: str
    handle: str
    title: str
    vendor: str
    picture: str
    picture_alt: str
    width: int
    height: int
    price: str
    was: str
    available: bool
    tags: tuple[str, ...]
    variant: str = ""
    amount: Decimal = Decimal(0)

    @property
    def path(self) -> str:
        """Its page on this shop."""
        return f"/products/{quote(self.handle, safe='')}"


@dataclass(frozen=True, slots=True)
class Picture:
    """The bytes of a picture as Sumeru's server gave them."""

    content_type: str
    body: bytes


def good_of(item: dict[str, Any], sandbox: str, currency: str) -> Good:
    """One entry of the product feed. Raises KeyError, TypeError or ArithmeticError for one that lacks what a shop needs."""
    image = item.get("image") or {}
    code = item.get("currency") or currency

    def shown(amount: str | None) -> str:
        return money(Decimal(amount), code) if amount else ""

    return Good(
        id=item["id"],
        handle=item["handle"] or item["id"],
        title=item["title"],
        vendor=item.get("vendor") or "",
        picture=own_address(image.get("url") or "", sandbox),
        picture_alt=image.get("alt") or "",
        width=image.get("width") or 800,
        height=image.get("height") or 800,
        price=shown(item["price"]),
        was=shown(item.get("compare_at_price")),
        available=bool(item.get("available")),
        tags=tuple(item.get("tags") or ()),
        variant=item.get("variant_id") or "",
        amount=Decimal(item["price"] or 0),
    )


def money(amount: Decimal, currency: str) -> str:
    """An amount for people."""
    return str(format_currency(amount, currency, locale="en"))


def own_address(url: str, sandbox: str) -> str:
    """Where this shop serves a picture that Sumeru's server has; other web addresses stay, anything else is dropped."""
    prefix = f"{sandbox}/media/"
    if url.startswith(prefix):
        return f"/media/{quote(unquote(urlsplit(url).path.removeprefix('/media/')), safe='')}"
    return url if urlsplit(url).scheme in ("http", "https") else ""


def read_feed(sandbox: str, public_key: str, currency: str, limit_s: float, collection: str = "") -> list[Good]:
    """All products, or those of a collection, in the feed's order.

    Tries again for ``limit_s`` while Sumeru is not there, then raises NoGoods.
    """
    goods: list[Good] = []
    cursor = ""
    deadline = time.monotonic() + limit_s
    while True:
        asked = {"limit": str(PAGE_LIMIT), "collection": collection, "cursor": cursor}
        query = {name: value for name, value in asked.items() if value}
        url = f"{sandbox}/api/public/product-feed?{urlencode(query)}"
        try:
            reply = plain_http.get(url, 5.0, {"X-Public-Key": public_key, "Accept": "application/json"})
            if reply.status != 200:
                raise NoGoods(f"The product feed answered {reply.status}.")
            body = json.loads(reply.body)
            goods += [good_of(item, sandbox, currency) for item in body["data"]]
            cursor = body["pagination"]["next_cursor"] if body["pagination"]["has_next"] else ""
        except (plain_http.Unreachable, NoGoods) as problem:
            if time.monotonic() > deadline:
                raise NoGoods(str(problem)) from None
            time.sleep(_TRY_AGAIN_S)
            continue
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            raise NoGoods(f"The product feed cannot be read: {type(error).__name__}: {error}") from None
        if not cursor:
            return goods


class Stock:
    """The products by handle and id, and their pictures as far as they were fetched. Thread-safe."""

    def __init__(
        self, goods: Sequence[Good], sandbox: str, collections: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """``collections``: ids of the products of each, by its handle."""
        self.goods = tuple(goods)
        self.by_handle = {good.handle: good for good in goods}
        self.by_id = {good.id: good for good in goods}
        self.by_variant = {good.variant: good for good in goods if good.variant}
        self.collection_of = {each: handle for handle, ids in (collections or {}).items() for each in ids}
        self._sandbox = sandbox
        self._pictures: dict[str, Picture] = {}
        self._names = frozenset(
            unquote(good.picture.removeprefix("/media/")) for good in goods if good.picture.startswith("/media/")
        )

    def picture(self, name: str) -> Picture | None:
        """A product's picture, fetched on first need; None for any other name and while Sumeru's server is away."""
        if name not in self._names:
            return None
        kept = self._pictures.get(name)
        if kept is None:
            try:
                reply = plain_http.get(f"{self._sandbox}/media/{quote(name)}", 2.0)
            except plain_http.Unreachable:
                return None
            if reply.status != 200 or not reply.content_type.startswith("image/"):
                return None
            kept = self._pictures[name] = Picture(reply.content_type, reply.body)
        return kept

    def fetch_pictures(self) -> None:
        """Get all pictures in the background, so that the shop stays whole when Sumeru's server goes away."""

        def work() -> None:
            for good in self.goods:
                if good.picture.startswith("/media/"):
                    self.picture(unquote(good.picture.removeprefix("/media/")))

        threading.Thread(target=work, daemon=True, name="pictures").start()
