"""How values read in a shopper's language: numbers, money, dates, countries (CLDR, by Babel); a product's card, page and cart link. Pure.

Locales are BCP 47 tags; an unknown one reads as English. Results are cached, for they recur on every page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_timedelta
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_precision, get_currency_symbol
from django.utils.html import escape

from sumeru_proxy.client.shapes import Product, Rating
from widgets.base import ShopProfile
from widgets.i18n.languages import canonical

_LANGUAGE_TAG = re.compile(r"^[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}\Z")
_TERRITORY = re.compile(r"^[A-Za-z]{2}\Z")
_MINUTE_S = 60
_HOUR_S = 3600
_DAY_S = 86_400


@lru_cache(maxsize=256)
def babel_locale(tag: str) -> Locale:
    """The CLDR locale of a tag, or of its language alone, or English."""
    parts = tag.replace("-", "_").split("_")
    while parts:
        try:
            return Locale.parse("_".join(parts))
        except (ValueError, UnknownLocaleError, TypeError):
            parts.pop()
    return Locale("en")


def language_tag(tag: str) -> str:
    """A tag fit for a ``lang`` attribute in canonical case, or an empty string when it is none."""
    return canonical(tag) if _LANGUAGE_TAG.match(tag) else ""


@lru_cache(maxsize=4096)
def number(value: int | Decimal, locale: str) -> str:
    """A number with the language's grouping and decimal sign: 12,345."""
    return str(format_decimal(value, locale=babel_locale(locale)))


def tenths(value: Decimal) -> Decimal:
    """Rounded half up to one decimal place, as ratings are shown."""
    return value.quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)


def rating(value: Rating) -> dict[str, Any]:
    """A product's stars as every context holds them: ``average`` in tenths, None when there is none or it is not known."""
    has_rating = value.count > 0 and value.average is not None
    return {"average": tenths(value.average) if has_rating and value.average else None, "count": value.count}


@lru_cache(maxsize=1024)
def average(value: Decimal, locale: str) -> str:
    """An average of stars, always with one decimal place: 4.0."""
    return str(format_decimal(tenths(value), format="0.0", locale=babel_locale(locale)))


@lru_cache(maxsize=4096)
def money(amount: Decimal, currency: str, locale: str) -> str:
    """An amount in a currency (ISO 4217) with the currency's own number of decimals: $1,234.50.

    An unknown currency code is shown as it is. Raises nothing.
    """
    try:
        return str(format_currency(amount, currency, locale=babel_locale(locale)))
    except (InvalidOperation, ValueError):
        return f"{amount} {currency}"


def currency_symbol(currency: str, locale: str) -> str:
    """€, kr, zł; the code itself when there is none."""
    return str(get_currency_symbol(currency, locale=babel_locale(locale)))


def share(percentage: Decimal, locale: str) -> str:
    """A percentage as it was given, without rounding: 12.5%."""
    return str(format_percent(percentage / 100, locale=babel_locale(locale), decimal_quantization=False))


def minor_units(amount: Decimal, currency: str) -> int:
    """An amount in the currency's smallest unit (cents; yen have none), rounded half up. Sums and differences are made of these."""
    return int(amount.scaleb(get_currency_precision(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def from_minor_units(units: int, currency: str) -> Decimal:
    """The amount of so many of the currency's smallest unit, with all of its decimals."""
    return Decimal(units).scaleb(-get_currency_precision(currency))


def price(units: int, currency: str, locale: str) -> dict[str, Any]:
    """Money as a context holds it: ``amount`` and ``currency`` for those who calculate, ``text`` for those who read."""
    amount = from_minor_units(units, currency)
    return {"amount": amount, "currency": currency, "text": money(amount, currency, locale)}


@lru_cache(maxsize=4096)
def _day(when: date, locale: str) -> str:
    return str(format_date(when, format="long", locale=babel_locale(locale)))


def day(when: datetime, locale: str) -> str:
    """The date in UTC, written out: March 4, 2026."""
    return _day(when.astimezone(UTC).date(), locale)


@lru_cache(maxsize=4096)
def _ago(seconds: int, locale: str) -> str:
    return str(
        format_timedelta(
            timedelta(seconds=-seconds),
            granularity="minute",
            threshold=1,
            add_direction=True,
            locale=babel_locale(locale),
        )
    )


def ago(when: datetime, now: datetime, locale: str) -> str:
    """How long ago, in the largest fitting unit: 3 weeks ago. The future counts as this minute (clocks differ)."""
    seconds = max(int((now - when).total_seconds()), _MINUTE_S)
    # A coarser step gives the same words and lets the cache hold them.
    step = _DAY_S if seconds >= 2 * _DAY_S else _HOUR_S if seconds >= 2 * _HOUR_S else _MINUTE_S
    return _ago(seconds // step * step, locale)


def ahead(when: datetime, now: datetime, locale: str) -> str:
    """How long until then, in the largest fitting unit: in 25 minutes. What is less than a minute away counts as one."""
    seconds = max(int((when - now).total_seconds()), _MINUTE_S)
    return str(
        format_timedelta(
            timedelta(seconds=seconds),
            granularity="minute",
            threshold=1,
            add_direction=True,
            locale=babel_locale(locale),
        )
    )


@lru_cache(maxsize=1024)
def country(code: str, locale: str) -> str:
    """A country's name by its ISO 3166-1 alpha-2 code; empty when there is no such country."""
    if not _TERRITORY.match(code) or code.upper() in ("ZZ", "XA", "XB"):
        return ""
    return str(babel_locale(locale).territories.get(code.upper(), ""))


def web_url(url: str) -> str:
    """The URL when it is absolute http or https, else an empty string."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.netloc else ""


def address(shop: ShopProfile, url: str) -> str:
    """An address that Sumeru gave, absolute http or https: a relative one is the storefront's. Empty when it is none."""
    try:
        return web_url(urljoin(shop.storefront_url, url)) if url else ""
    except ValueError:
        return ""


def product_url(shop: ShopProfile, product: Product) -> str:
    """The product's page on this storefront: by the shop's URL template, else the address that Sumeru knows; else empty.

    A relative address is taken relative to the storefront. Always absolute http or https.
    """
    if shop.product_url and (product.handle or "{handle}" not in shop.product_url):
        filled = shop.product_url.replace("{handle}", quote(product.handle, safe=""))
        return web_url(filled.replace("{id}", quote(product.id, safe="")))
    return address(shop, product.url)


_TITLE_CHARS = 160
_URL_CHARS = 1_000


def product_card(shop: ShopProfile, product: Product, locale: str) -> dict[str, Any]:
    """What of a product is shown wherever one is shown; part of a context.

    ``compare_at`` only when it is more than the price. ``image.alt`` is empty when it says no more than the title beside it.
    Overlong titles are cut and overlong addresses left out, so that one product cannot fill a fragment.
    """
    image, currency = product.image, product.currency
    units = minor_units(product.price, currency)
    before = minor_units(product.compare_at_price, currency) if product.compare_at_price is not None else 0
    url, picture = product_url(shop, product), address(shop, image.url) if image else ""
    alt = clipped(image.alt) if image else ""
    return {
        "product_id": product.id,
        "variant_id": product.variant_id,
        "title": clipped(product.title),
        "vendor": clipped(product.vendor),
        "url": url if len(url) <= _URL_CHARS else "",
        "image": {
            "url": picture,
            "width": image.width,
            "height": image.height,
            "alt": "" if alt.casefold() == clipped(product.title).casefold() else alt,
        }
        if image and picture and len(picture) <= _URL_CHARS
        else None,
        "price": price(units, currency, locale),
        "compare_at": price(before, currency, locale) if before > units else None,
        "available": product.available,
    }


def clipped(text: str, most_chars: int = _TITLE_CHARS) -> str:
    """The text, or as much of it as so many characters hold, with an ellipsis."""
    return text if len(text) <= most_chars else text[: most_chars - 1].rstrip() + "…"


def cart_url(shop: ShopProfile, items: Iterable[tuple[str, int]]) -> str:
    """The storefront's link that puts these variants (id, quantity) into the cart: the shop's template, else a Shopify cart permalink.

    Empty when there is no storefront to lead to. A global id (``gid://shopify/ProductVariant/42``) is written as its last part,
    which is what permalinks take.
    """
    template = shop.cart_url or "{storefront}/cart/{variants}"
    variants = ",".join(f"{quote(variant.rpartition('/')[2], safe='')}:{quantity}" for variant, quantity in items)
    filled = template.replace("{storefront}", shop.storefront_url.rstrip("/")).replace("{variants}", variants)
    return web_url(filled)


def add_to_cart(shop: ShopProfile, source: str, thing: str, items: Iterable[tuple[str, int]]) -> dict[str, Any] | None:
    """How these variants (id, quantity) get into the cart: ``detail`` of the event, and ``url``, the link for when nobody takes it.

    ``source`` is the widget, ``thing`` the id of what it offered there. The same variant twice becomes one line. None when an id is
    missing, since half an offer is none. ``url`` may be empty, see ``cart_url``.
    """
    merged: dict[str, int] = {}
    for variant, quantity in items:
        merged[variant] = merged.get(variant, 0) + quantity
    if not merged or "" in merged:
        return None
    lines: list[Mapping[str, Any]] = [
        {"variant_id": variant, "quantity": quantity} for variant, quantity in merged.items()
    ]
    return {"detail": {"items": lines, "source": source, "id": thing}, "url": cart_url(shop, merged.items())}


def coarse(amount: Decimal, currency: str) -> Decimal:
    """A cart's total rounded down to two leading digits, the second 0 or 5: 47.20 → 45, 163.90 → 150.

    It is what Sumeru is told where exactness is not needed, so that many carts share an answer and a shopper who adds a small thing
    does not cost another read. Never more than the true total.
    """
    units = minor_units(amount, currency)
    step = 5 * 10 ** max(0, len(str(units)) - 2)
    return from_minor_units(units // step * step, currency)


FRAGMENT_BYTES = 56_000
"""What the parts of one fragment may take together; with what stands around them it stays below 64 kB."""
_MARKUP_BYTES = 120


def weight_bytes(value: object) -> int:
    """About how many bytes a part of a context takes in HTML: its texts, escaped, and some markup for every object."""
    if isinstance(value, str):
        return len(escape(value).encode("utf-8", "replace"))
    if isinstance(value, Mapping):
        return _MARKUP_BYTES + sum(weight_bytes(each) for each in value.values())
    return sum(weight_bytes(each) for each in value) if isinstance(value, list) else 0


def fitting(parts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many of the parts as a fragment holds. Only texts of absurd length make that fewer than there are."""
    fitting_parts, used = [], 0
    for part in parts:
        used += weight_bytes(part)
        if used <= FRAGMENT_BYTES:
            fitting_parts.append(part)
    return fitting_parts
