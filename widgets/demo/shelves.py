"""The pages where things are looked at: the start page, collections, a product, and the quiz."""

from __future__ import annotations

import re
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from widgets.demo import cookies
from widgets.demo.frame import Shop, missing, page
from widgets.demo.goods import Good
from widgets.demo.visits import Answer, Visit
from widgets.demo.widget_html import Wish

PER_PAGE = 48
EVERYTHING = "all"
_RESULT = re.compile(r"([a-z_]{1,40}):([a-z]{1,20})", re.ASCII)


def _cards(shop: Shop, visit: Visit, goods: tuple[Good, ...]) -> list[dict[str, Any]]:
    text = "Reviews"
    made = {}
    if visit.server_html:
        made = shop.widgets.badges([good.id for good in goods], text, visit.nonce)
    return [
        {
            "good": good,
            "url": visit.url(good.path),
            "badge": made.get(good.id) or shop.widgets.bare(Wish("rating_badge", {"product_id": good.id}, text)),
        }
        for good in goods
    ]


def home(shop: Shop, visit: Visit, _name: str) -> Answer:
    """Everything the shop has, PER_PAGE products at a time, each with a badge."""
    goods = shop.stock.goods
    pages = max(1, -(-len(goods) // PER_PAGE))
    asked = visit.query.get("page", "1")
    number = int(asked) if re.fullmatch(r"[1-9]\d{0,3}", asked) else 1
    if number > pages:
        return missing(shop, visit)
    shown = goods[(number - 1) * PER_PAGE : number * PER_PAGE]
    pager = [
        {"number": each, "url": visit.url("/", {"page": str(each)} if each > 1 else {}), "current": each == number}
        for each in range(1, pages + 1)
    ]
    context = {"cards": _cards(shop, visit, shown), "pager": pager if pages > 1 else [], "count": len(goods)}
    return page(shop, visit, "home.html", context)


def collection(shop: Shop, visit: Visit, handle: str) -> Answer:
    """A collection: the product feed with its filters and pages."""
    title = {EVERYTHING: "Everything", **dict(shop.about.collections)}.get(handle)
    if title is None:
        return missing(shop, visit)
    params = {"collection": "" if handle == EVERYTHING else handle}
    (feed,) = shop.widgets.place(
        [Wish("product_feed", params, f"See all of: {title}")], visit.nonce, server_html=visit.server_html
    )
    return page(shop, visit, "collection.html", {"title": title, "feed": feed})


def product(shop: Shop, visit: Visit, name: str) -> Answer:
    """One product: badge, sets, reviews with the form, a block under test, and more from its collection."""
    good = shop.stock.by_handle.get(name)
    if good is None:
        return missing(shop, visit)
    titles = dict(shop.about.collections)
    handle = shop.stock.collection_of.get(good.id, "")
    wishes = {
        "badge": Wish("rating_badge", {"product_id": good.id}, "Reviews"),
        "reviews": Wish(
            "reviews",
            {"product_id": good.id},
            f"Read the reviews of {good.title}",
            only_server={"result": result_of(visit, "reviews")},
        ),
    }
    if good.id in shop.about.bundled:
        wishes["bundles"] = Wish("bundles", {"product_id": good.id}, f"Sets with {good.title}")
    if shop.about.experiment:
        wishes["story"] = _experiment(shop, visit)
    if handle:
        params = {"collection": handle, "sort": "rating", "layout": "carousel", "limit": "12"}
        wishes["related"] = Wish("product_feed", params, f"More from {titles[handle]}")
    placed = shop.widgets.place(list(wishes.values()), visit.nonce, server_html=visit.server_html)
    context = {
        "good": good,
        "add_items": f"{good.variant}:1" if good.variant else "",
        "collection": titles.get(handle, ""),
        "collection_url": visit.url(f"/collections/{handle}"),
        **dict(zip(wishes, placed, strict=True)),
    }
    return page(shop, visit, "product.html", context)


def _experiment(shop: Shop, visit: Visit) -> Wish:
    """The block under test: the control group's is the default, every other variant has one of its own."""
    variants = shop.about.variants
    params = {
        "experiment": shop.about.experiment,
        "visitor_id": shop.jar.read(visit.cookies, cookies.VISITOR),
        "variants": ",".join(name for name, _text in variants),
    }
    default = format_html('<p class="promise">{}</p>', variants[0][1]) if variants else SafeString()
    others = format_html_join("", '<p class="promise" slot="{}" hidden>{}</p>', variants[1:])
    return Wish("ab_experiment", params, live=True, blocks=format_html("{}{}", default, others))


def result_of(visit: Visit, widget: str) -> str:
    """What became of a form that was sent without JavaScript: ``?sumeru_result=<widget>:<outcome>``; empty when it is not this one's."""
    found = _RESULT.fullmatch(visit.query.get("sumeru_result", ""))
    return found[2] if found and found[1] == widget else ""


def by_id(shop: Shop, visit: Visit, name: str) -> Answer:
    """From a product's id to its page."""
    good = shop.stock.by_id.get(name)
    if good is None:
        return missing(shop, visit)
    return Answer(302, "text/plain", b"", {"Location": visit.url(good.path, visit.query)})


def quiz(shop: Shop, visit: Visit, _name: str) -> Answer:
    """The quiz."""
    if not shop.about.quiz:
        return missing(shop, visit)
    wish = Wish("quiz", {"quiz_id": shop.about.quiz}, "Start", live=True)
    (placed,) = shop.widgets.place([wish], visit.nonce, server_html=visit.server_html)
    return page(shop, visit, "quiz.html", {"quiz": placed})
