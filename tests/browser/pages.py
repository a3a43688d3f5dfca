"""The storefront's pages, and what must be there before one is judged."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.visiting import Facts, Visitor, warm, widget

PATHS = {
    "home": "/",
    "product": "/product/{product}",
    "collection": "/collections/camp",
    "quiz": "/quiz",
    "account": "/account",
    "cart": "/cart",
}
# What must be there before a page is judged.
SHOWN = {
    "home": ("rating_badge", ".sw-badge"),
    "product": ("reviews", ".sw-review"),
    "collection": ("product_feed", ".sw-card"),
    "quiz": ("quiz", ".sw-option"),
    "account": ("referral", "[part=code]"),
    "cart": ("upsell", "[part=offer]"),
}


def prepared(tab: Visitor, facts: Facts, name: str) -> str:
    """The page's path, once the visitor has what it needs: things in the cart, a customer's name."""
    root = facts["storefront"].rstrip("/")
    if name == "cart":
        tab.context.request.get(f"{root}/cart/var_1001:1")
    if name == "account":
        tab.context.request.post(f"{root}/account", form={"customer": "cus_1"})
    if name == "quiz":
        warm(facts, "quiz", quiz_id="quiz_gift")
    return PATHS[name].format(product=facts["product"])


def shown(page: Page, name: str) -> None:
    kind, part = SHOWN[name]
    place = widget(page, kind).locator(part).first
    place.scroll_into_view_if_needed()
    expect(place).to_be_visible()
