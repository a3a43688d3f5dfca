"""From what a page calls a product to Sumeru's id of it, by the shop's catalogue index: a handle, or an id of the shop's platform."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from sumeru_proxy.reading import catalogue
from sumeru_proxy.reading.reader import CHECK_AFTER_S, Pending, Unknown
from widgets.base import Frozen

_PLATFORM: Final = re.compile(r"gid://|[0-9]+\Z", re.IGNORECASE)


class ResolvedProduct(NamedTuple):
    """``params`` name the product by Sumeru's id; ``asked`` is what the page said instead. ``lacking``: why there is no id (yet)."""

    params: Frozen
    asked: Frozen
    lacking: Unknown | Pending | None


NOTHING_ELSE: Final = Frozen({})


def resolved(shop_id: int, params: Frozen) -> ResolvedProduct:
    """The parameters with the product's own id. One query at most, for what was not looked up lately; never raises."""
    product_id, handle = params.get("product_id"), params.get("product_handle")
    if product_id and _PLATFORM.match(product_id):
        found = catalogue.names(shop_id, [product_id]).get(product_id)
        if found is not None and found.product_id != product_id:
            return ResolvedProduct(_about(params, found.product_id), Frozen({"product_id": product_id}), None)
    if product_id or not handle:
        return ResolvedProduct(params, NOTHING_ELSE, None)
    found = catalogue.by_handle(shop_id, handle)
    if found is not None:
        asked = Frozen({"product_id": "", "product_handle": handle})
        return ResolvedProduct(_about(params, found.product_id), asked, None)
    index = catalogue.state(shop_id)
    catalogue.wanted(shop_id)
    return ResolvedProduct(params, NOTHING_ELSE, Unknown() if index.fresh else Pending(CHECK_AFTER_S))


def _about(params: Frozen, product_id: str) -> Frozen:
    return Frozen({**params, "product_id": product_id, "product_handle": ""})
