"""Addresses, amounts and words that the pages share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse

from sumeru_proxy.consumers.order_sync.document import decimal_of, digits_of
from sumeru_proxy.consumers.order_sync.engine import NAME, TEST_ORDER
from sumeru_proxy.consumers.order_sync.models import Link, OrderTarget
from sumeru_proxy.models import Shop

ORDERS: Final = "orders"
DAYS: Final = "days"
TARGETS: Final = "targets"

BADGES: Final = {
    Link.State.DUE: "waiting",
    Link.State.SENT: "ok",
    Link.State.PARKED: "failing",
    Link.State.SKIPPED: "unused",
    Link.State.ERASED: "unused",
}
ACTIONS: Final = {
    "created": "created",
    "updated": "changed",
    "cancelled": "cancelled",
    "refunded": "refund booked",
    "unchanged": "nothing to change",
    "parked": "would be parked",
    "skipped": "would be skipped",
}
FIELDS: Final = {
    "missing": "is not in the target",
    "surplus": "is only in the target",
    "state": "state",
    "currency": "currency",
    "day": "day",
    "total": "total",
    "refunded": "refunded",
}
MONEY_FIELDS: Final = ("total", "refunded")


def address(shop: Shop, slug: str, **query: object) -> str:
    """The address of a page, with what is opened on it; empty values are left out."""
    page = reverse("admin:sumeru_proxy_shop_consumer", args=[shop.pk, NAME, slug])
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{page}?{urlencode(given)}" if given else page


def money(amount: int | None, currency: str) -> str:
    """Minor units as people write them, ``1,190.00 EUR``; a dash for what is not known."""
    if amount is None:
        return "—"
    return f"{decimal_of(amount, digits_of(currency)):,} {currency}".strip()


def reason_words(link: Link) -> str:
    """Why an order is where it is, in a sentence; empty when there is nothing to say."""
    if link.state == Link.State.DUE:
        return "The worker writes it next." if link.document_text else "It is read again at Sumeru first."
    if link.state == Link.State.PARKED:
        return "It cannot be written as things are. Mend the cause at Sumeru or in the target, then send it again."
    if link.state == Link.State.SKIPPED:
        if link.reason == TEST_ORDER:
            return "It is a test order, and this target takes none."
        return f"A person left it out: {link.note}" if link.note else "A person left it out."
    if link.state == Link.State.ERASED:
        return "Its content was erased at the person’s request. Only number, day and amounts are kept."
    return ""


def path_words(path: str) -> str:
    """A field's place in a document for people: ``lines[lin_1].unit_price`` is ``lines lin_1, unit price``."""
    parts = []
    for part in path.split("."):
        name, bracket, number = part.partition("[")
        word = name.replace("_", " ")
        place = number.removesuffix("]")
        parts.append(f"{word} {int(place) + 1 if place.isdigit() else place}" if bracket else word)
    return ", ".join(parts)


def value_words(value: Any) -> str:
    """A field's value for people; a dash for none."""
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def changes(rows: Iterable[Iterable[Any]]) -> list[dict[str, str]]:
    """Rows of path, before and after, as the tables show them."""
    return [
        {"path": path_words(str(path)), "before": value_words(before), "after": value_words(after)}
        for path, before, after in rows
    ]


def targets_of(shop: Shop) -> list[OrderTarget]:
    """The shop's targets by name."""
    return list(OrderTarget.objects.filter(shop=shop).select_related("shop", "credential"))


def chosen(rows: list[OrderTarget], name: str) -> OrderTarget | None:
    """The target of this name."""
    return next((row for row in rows if row.name == name), None)


def choices(rows: list[OrderTarget], current: str) -> list[dict[str, Any]]:
    """What a list of targets offers."""
    return [{"value": row.name, "label": row.name, "chosen": row.name == current} for row in rows]


def log(request: HttpRequest, row: Model, text: str) -> None:
    """Write what a person did into the admin's history."""
    LogEntry.objects.log_actions(int(request.user.pk or 0), [row], CHANGE, change_message=text)


def number_of(values: Mapping[str, str], name: str) -> int:
    """A row's number from a query or a form; 0 for what is none."""
    text = values.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
