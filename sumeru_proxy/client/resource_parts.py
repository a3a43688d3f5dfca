"""Parts that several of the upstream's answers share: pictures, products, discounts, rewards."""

from __future__ import annotations

from decimal import Decimal

from sumeru_proxy.client import shapes
from sumeru_proxy.client.reading import Fields
from sumeru_proxy.client.values import ID_CHARS, word_of


def image_of(fields: Fields) -> shapes.Image:
    """A picture; one without a usable URL is unreadable (and so left out by its owner)."""
    return shapes.Image(
        url=fields.need_url("url"),
        width=fields.integer("width", 1, 100_000),
        height=fields.integer("height", 1, 100_000),
        alt=fields.text("alt"),
    )


def rating_of(fields: Fields) -> shapes.Rating:
    """Stars and how many reviews gave them."""
    count = fields.need_integer("count")
    return shapes.Rating(average=average_of(fields, count), count=count)


def average_of(fields: Fields, count: int) -> Decimal | None:
    """The average of so many ratings; None, and noted, when it is not there or no average of 1 to 5 stars."""
    if not count:
        fields.raw("average")
        return None
    average = fields.decimal("average", 1, 5)
    if average is None:
        fields.withhold("average")
    return average


def product_of(fields: Fields) -> shapes.Product:
    """A product as every storefront endpoint carries it."""
    return shapes.Product(
        id=fields.need_word("id"),
        handle=fields.word("handle"),
        title=fields.need_text("title"),
        url=fields.url("url"),
        price=fields.need_decimal("price"),
        currency=fields.need_currency("currency"),
        available=fields.need_flag("available"),
        vendor=fields.text("vendor"),
        image=fields.child("image", image_of),
        compare_at_price=fields.decimal("compare_at_price"),
        tags=fields.words("tags", 100),
        variant_id=fields.word("variant_id"),
        rating=fields.child("rating", rating_of),
        other_id=_other_id(fields),
    )


_OTHER_IDS = ("shopify_product_id", "shopify_id", "external_id", "platform_id")


def _other_id(fields: Fields) -> str:
    """The platform's own id: a field of an assumed name, whose absence is nothing to report."""
    for name in _OTHER_IDS:
        found = word_of(fields.raw(name), ID_CHARS)
        if found:
            return found
    return ""


def discount_of(fields: Fields) -> shapes.Discount:
    """A price reduction."""
    return shapes.Discount(kind=fields.need_word("kind", 40), value=fields.need_decimal("value"))


def reward_of(fields: Fields) -> shapes.Reward:
    """What a referral earns."""
    kind = fields.need_word("kind", 40)
    # Ten of an unknown currency are not ten of the shop's.
    unknown = fields.raw("currency") not in (None, "") and kind != "percentage"
    return shapes.Reward(
        kind=kind,
        value=fields.need_decimal("value"),
        currency=fields.need_currency("currency") if unknown else fields.currency("currency"),
        description=fields.text("description"),
    )


def picture_of(fields: Fields, name: str) -> shapes.Image | None:
    """A picture given as an object or as a bare URL; None when there is no usable one."""
    if isinstance(fields.raw(name), str):
        url = fields.url(name)
        return shapes.Image(url=url) if url else None
    return fields.child(name, image_of)


def has_data(outer: Fields) -> bool:
    """False for ``"data": null``, which says that there is none. An answer without ``data`` is no answer."""
    return not outer.is_null("data")
