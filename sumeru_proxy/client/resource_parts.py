"""Parts that several of the upstream's answers share: pictures, products, discounts, rewards."""

from __future__ import annotations

from sumeru_proxy.client import shapes
from sumeru_proxy.client.reading import ID_CHARS, Fields, text_of


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
    return shapes.Rating(average=fields.need_decimal("average", 0, 5), count=fields.need_integer("count"))


def product_of(fields: Fields) -> shapes.Product:
    """A product as every storefront endpoint carries it."""
    return shapes.Product(
        id=fields.need_text("id", ID_CHARS),
        handle=fields.text("handle", ID_CHARS),
        title=fields.need_text("title"),
        url=fields.url("url"),
        price=fields.need_decimal("price"),
        currency=fields.need_text("currency", 3).upper(),
        available=fields.need_flag("available"),
        vendor=fields.text("vendor"),
        image=fields.child("image", image_of),
        compare_at_price=fields.decimal("compare_at_price"),
        tags=fields.texts("tags", 100),
        variant_id=fields.text("variant_id", ID_CHARS),
        rating=fields.child("rating", rating_of),
        other_id=_other_id(fields),
    )


_OTHER_IDS = ("shopify_product_id", "shopify_id", "external_id", "platform_id")


def _other_id(fields: Fields) -> str:
    """The platform's own id: a field of an assumed name, whose absence is nothing to report."""
    for name in _OTHER_IDS:
        found = text_of(fields.raw(name), ID_CHARS)
        if found:
            return found
    return ""


def discount_of(fields: Fields) -> shapes.Discount:
    """A price reduction."""
    return shapes.Discount(kind=fields.need_text("kind", 40), value=fields.need_decimal("value"))


def reward_of(fields: Fields) -> shapes.Reward:
    """What a referral earns."""
    return shapes.Reward(
        kind=fields.need_text("kind", 40),
        value=fields.need_decimal("value"),
        currency=fields.text("currency", 3).upper(),
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
