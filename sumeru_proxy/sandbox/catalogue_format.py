"""The catalogue format, version 1, checked. The package's docstring describes it in prose."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from sumeru_proxy.sandbox.clock import seconds_of
from sumeru_proxy.sandbox.credentials import PUBLIC_KEY_SHAPE, TOKEN_SHAPE
from sumeru_proxy.sandbox.endpoints import ALL_SCOPES

Item = dict[str, Any]
Check = Callable[[Any, str], None]


class CatalogueError(ValueError):
    """A catalogue that does not fit; the message begins with the JSON path."""


def _wrong(path: str, expected: str) -> CatalogueError:
    return CatalogueError(f"{path or 'catalogue'}: expected {expected}")


def text(value: Any, path: str) -> None:
    """Any string."""
    if not isinstance(value, str):
        raise _wrong(path, "a string")


def filled(value: Any, path: str) -> None:
    """A string that is not empty."""
    if not isinstance(value, str) or not value:
        raise _wrong(path, "a string that is not empty")


def flag(value: Any, path: str) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise _wrong(path, "true or false")


def whole(low: int, high: int = 10**9) -> Check:
    """A whole number within bounds."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise _wrong(path, f"a whole number from {low} to {high}")

    return check


def number(value: Any, path: str) -> None:
    """Any number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _wrong(path, "a number")


def money(value: Any, path: str) -> None:
    """A decimal string that is not negative."""
    try:
        good = isinstance(value, str) and Decimal(value).is_finite() and Decimal(value) >= 0
    except InvalidOperation:
        good = False
    if not good:
        raise _wrong(path, 'an amount as a decimal string such as "19.00"')


def moment(value: Any, path: str) -> None:
    """An ISO 8601 time."""
    try:
        seconds_of(value)
    except (ValueError, TypeError):
        raise _wrong(path, "an ISO 8601 time") from None


def one_of(*known: str) -> Check:
    """One of the given words."""

    def check(value: Any, path: str) -> None:
        if value not in known:
            raise _wrong(path, f"one of {', '.join(known)}")

    return check


def shape_of(pattern: Any, example: str) -> Check:
    """A string of a shape."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise _wrong(path, example)

    return check


def anything(value: Any, path: str) -> None:
    """No demand."""


def list_of(check: Check, least: int = 0) -> Check:
    """A list whose every element passes."""

    def run(value: Any, path: str) -> None:
        if not isinstance(value, list) or len(value) < least:
            raise _wrong(path, f"a list of at least {least}" if least else "a list")
        for place, inner in enumerate(value):
            check(inner, f"{path}[{place}]")

    return run


def nullable(check: Check) -> Check:
    """Null, or what passes."""

    def run(value: Any, path: str) -> None:
        if value is not None:
            check(value, path)

    return run


def shape(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    """An object with these fields; fields of other names are left alone."""

    def run(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise _wrong(path, "an object")
        dot = f"{path}." if path else ""
        for name, check in required.items():
            if name not in value:
                raise CatalogueError(f"{dot}{name}: is missing")
            check(value[name], f"{dot}{name}")
        for name, check in (optional or {}).items():
            if name in value:
                check(value[name], f"{dot}{name}")

    return run


IMAGE = shape({"url": filled}, {"width": nullable(whole(1)), "height": nullable(whole(1)), "alt": nullable(text)})
DISCOUNT = shape({"kind": one_of("percentage", "fixed_amount", "fixed_price"), "value": money})
TOKEN = shape(
    {
        "id": filled,
        "token": shape_of(TOKEN_SHAPE, "copt_live_ or copt_test_ and 32 letters or digits"),
        "name": text,
        "scopes": list_of(one_of(*ALL_SCOPES)),
        "plan": one_of("free", "starter", "pro", "agency"),
    }
)
PRODUCT = shape(
    {
        "id": filled,
        "handle": filled,
        "title": text,
        "url": filled,
        "price": money,
        "currency": filled,
        "available": flag,
    },
    {
        "image": nullable(IMAGE),
        "compare_at_price": nullable(money),
        "tags": list_of(text),
        "collections": list_of(filled),
        "variant_id": nullable(text),
        "vendor": nullable(text),
    },
)
MEDIA = shape({"type": one_of("image", "video"), "url": filled, "thumb_url": filled}, {"alt": nullable(text)})
REVIEW = shape(
    {"id": filled, "product_id": filled, "rating": whole(1, 5), "created_at": moment},
    {
        "title": nullable(text),
        "body": nullable(text),
        "author": shape({"name": text}, {"verified_buyer": flag, "country": nullable(text)}),
        "locale": nullable(text),
        "variant_title": nullable(text),
        "helpful_count": whole(0),
        "media": list_of(MEDIA),
        "reply": nullable(shape({"body": text}, {"created_at": nullable(moment)})),
        "status": one_of("published", "pending"),
    },
)
CUSTOMER = shape({"id": filled, "email": text, "first_name": text, "last_name": text, "created_at": moment})
TOUCHPOINT = shape({"id": filled, "channel": text, "occurred_at": moment, "weight": anything})
ATTRIBUTION = shape({"order_id": filled, "model": filled, "revenue": money, "touchpoints": list_of(TOUCHPOINT)})
LINE = shape({"id": filled, "product_id": nullable(filled), "title": text, "quantity": whole(1), "price": money})
ORDER = shape(
    {
        "id": filled,
        "number": text,
        "created_at": moment,
        "updated_at": moment,
        "currency": filled,
        "total_price": money,
        "customer": nullable(shape({"id": nullable(filled)})),
        "line_items": list_of(LINE),
    },
    {"attributions": list_of(ATTRIBUTION)},
)
BUNDLE = shape(
    {
        "id": filled,
        "title": text,
        "items": list_of(shape({"product_id": filled, "quantity": whole(1)}), 1),
        "discount": DISCOUNT,
    },
    {"description": text, "shown_on": list_of(filled)},
)
UPSELL_RULE = shape(
    {"product_ids": list_of(filled, 1), "reason": text},
    {
        "if_product_ids": list_of(filled),
        "if_collections": list_of(filled),
        "discount": nullable(DISCOUNT),
        "max_share_of_cart": number,
    },
)
OPTION = shape({"id": filled, "label": text}, {"image": nullable(IMAGE), "points": shape({}), "next": nullable(filled)})
QUESTION = shape(
    {"id": filled, "text": text, "kind": one_of("single", "multiple"), "options": list_of(OPTION, 1)},
    {"next": nullable(filled)},
)
QUIZ = shape(
    {"id": filled, "title": text, "questions": list_of(QUESTION, 1)}, {"reason": text, "results_limit": whole(1)}
)
VARIANT = shape({"name": filled, "weight": whole(0)}, {"payload": shape({})})
EXPERIMENT = shape({"name": filled, "variants": list_of(VARIANT, 1)})
NUDGE = shape(
    {"id": filled, "kind": one_of("free_shipping", "discount_tier", "low_stock", "message"), "message": text},
    {
        "threshold": nullable(money),
        "min_total": nullable(money),
        "min_items": whole(0),
        "cta": nullable(shape({"label": text, "url": text})),
        "expires_after_s": nullable(whole(1)),
    },
)
REFERRAL = shape(
    {}, {"reward": nullable(shape({"kind": filled, "value": money})), "share_url": filled, "claimed": list_of(filled)}
)
SHOP = shape(
    {
        "domain": filled,
        "currency": filled,
        "public_key": shape_of(PUBLIC_KEY_SHAPE, "pk_live_ and 16 to 64 letters or digits"),
        "products": list_of(PRODUCT),
    },
    {
        "name": text,
        "origins": list_of(filled),
        "tokens": list_of(TOKEN),
        "auto_publish": flag,
        "collections": list_of(shape({"handle": filled, "title": text})),
        "reviews": list_of(REVIEW),
        "customers": list_of(CUSTOMER),
        "orders": list_of(ORDER),
        "bundles": list_of(BUNDLE),
        "upsell_rules": list_of(UPSELL_RULE),
        "quizzes": list_of(QUIZ),
        "experiments": list_of(EXPERIMENT),
        "nudges": list_of(NUDGE),
        "referral": REFERRAL,
    },
)


def _unique(items: list[Item], name: str, path: str) -> None:
    seen: set[str] = set()
    for place, item in enumerate(items):
        if item[name] in seen:
            raise CatalogueError(f"{path}[{place}].{name}: {item[name]!r} occurs twice")
        seen.add(item[name])


def _quiz_ends(quiz: Item, path: str) -> None:
    """A jump may only lead forward, so that every quiz ends."""
    order = [question["id"] for question in quiz["questions"]]
    for place, question in enumerate(quiz["questions"]):
        for jump in [question.get("next"), *(option.get("next") for option in question["options"])]:
            if jump and jump != "end" and jump not in order[place + 1 :]:
                raise CatalogueError(f"{path}.questions[{place}]: next {jump!r} is no later question")


def check_catalogue(value: Any) -> Item:
    """``value`` itself when it is a catalogue of version 1. Raises CatalogueError naming the JSON path."""
    shape({"version": anything, "shops": list_of(SHOP, 1)})(value, "")
    if value["version"] != 1:
        raise CatalogueError("version: only 1 is known")
    _unique(value["shops"], "domain", "shops")
    _unique(value["shops"], "public_key", "shops")
    for place, shop in enumerate(value["shops"]):
        path = f"shops[{place}]"
        for name in ("products", "reviews", "customers", "orders", "bundles", "quizzes", "nudges"):
            _unique(shop.get(name) or [], "id", f"{path}.{name}")
        for number_, quiz in enumerate(shop.get("quizzes") or []):
            _quiz_ends(quiz, f"{path}.quizzes[{number_}]")
        for number_, experiment in enumerate(shop.get("experiments") or []):
            if not any(variant["weight"] for variant in experiment["variants"]):
                raise CatalogueError(f"{path}.experiments[{number_}].variants: one weight must be above 0")
        customers = {customer["id"] for customer in shop.get("customers") or []}
        for number_, customer_id in enumerate((shop.get("referral") or {}).get("claimed") or []):
            if customer_id not in customers:
                raise CatalogueError(f"{path}.referral.claimed[{number_}]: no such customer")
    tokens = [token for shop in value["shops"] for token in shop.get("tokens") or []]
    if len({token["token"] for token in tokens}) != len(tokens):
        raise CatalogueError("shops: two tokens are the same")
    return dict(value)
