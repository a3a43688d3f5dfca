"""The pages where things are looked at: the start page, collections, a product, and the quiz."""

from __future__ import annotations

import re
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from widgets.demo.frame import VISITOR, Visit, render_page
from widgets.demo.shop import Product
from widgets.demo.widget_html import Wish

PER_PAGE = 48
EVERYTHING = "all"
_RESULT = re.compile(r"([a-z_]{1,40}):([a-z]{1,20})", re.ASCII)


def _cards(visit: Visit, products: tuple[Product, ...]) -> list[dict[str, Any]]:
    text, widgets = "Reviews", visit.shop.widgets
    badges = widgets.badges([each.id for each in products], text, visit.nonce) if visit.server_html else {}
    return [
        {
            "product": each,
            "url": visit.url(each.path),
            "badge": badges.get(each.id) or widgets.bare(Wish("rating_badge", {"product_id": each.id}, text)),
        }
        for each in products
    ]


def home(visit: Visit) -> HttpResponse:
    """Everything the shop has, PER_PAGE products at a time, each with a badge."""
    products = visit.shop.products
    pages = max(1, -(-len(products) // PER_PAGE))
    number_text = visit.query.get("page", "1")
    number = int(number_text) if re.fullmatch(r"[1-9]\d{0,3}", number_text, re.ASCII) else 1
    if number > pages:
        raise Http404
    pager = [
        {"number": each, "url": visit.url("/", {"page": str(each)} if each > 1 else {}), "current": each == number}
        for each in range(1, pages + 1)
    ]
    cards = _cards(visit, products[(number - 1) * PER_PAGE : number * PER_PAGE])
    return render_page(
        visit, "home.html", {"cards": cards, "pager": pager if pages > 1 else [], "count": len(products)}
    )


def collection(visit: Visit, handle: str) -> HttpResponse:
    """A collection: the product feed with its filters and pages."""
    title = {EVERYTHING: "Everything", **dict(visit.shop.collections)}.get(handle)
    if title is None:
        raise Http404
    params = {"collection": "" if handle == EVERYTHING else handle}
    (feed,) = visit.shop.widgets.place(
        [Wish("product_feed", params, f"See all of: {title}")], visit.nonce, server_html=visit.server_html
    )
    return render_page(visit, "collection.html", {"title": title, "feed": feed})


def product(visit: Visit, handle: str) -> HttpResponse:
    """One product: badge, sets, reviews with the form, a block under test, and more from its collection."""
    shop = visit.shop
    if handle not in shop.by_handle:
        raise Http404
    item = shop.by_handle[handle]
    title = dict(shop.collections).get(item.collection, "")
    own = {"product_id": item.id}
    result = {"result": result_of(visit, "reviews")}
    wishes = {
        "badge": Wish("rating_badge", own, "Reviews"),
        "reviews": Wish("reviews", own, f"Read the reviews of {item.title}", only_server=result),
    }
    if item.id in shop.bundled:
        wishes["bundles"] = Wish("bundles", own, f"Sets with {item.title}")
    if shop.experiment:
        wishes["story"] = _experiment(visit)
    if item.collection:
        params = {"collection": item.collection, "sort": "rating", "layout": "carousel", "limit": "12"}
        wishes["related"] = Wish("product_feed", params, f"More from {title}")
    elements = shop.widgets.place(list(wishes.values()), visit.nonce, server_html=visit.server_html)
    context = {
        "product": item,
        "add_items": f"{item.variant}:1" if item.variant else "",
        "collection": title,
        "collection_url": visit.url(f"/collections/{item.collection}"),
        **dict(zip(wishes, elements, strict=True)),
    }
    return render_page(visit, "product.html", context)


def _experiment(visit: Visit) -> Wish:
    """The block under test: the control group's is the default, every other variant has one of its own."""
    variants = visit.shop.variants
    params = {
        "experiment": visit.shop.experiment,
        "visitor_id": visit.cookie(VISITOR),
        "variants": ",".join(name for name, _text in variants),
    }
    default = format_html('<p class="promise">{}</p>', variants[0][1]) if variants else SafeString()
    others = format_html_join("", '<p class="promise" slot="{}" hidden>{}</p>', variants[1:])
    return Wish("ab_experiment", params, live=True, blocks=format_html("{}{}", default, others))


def result_of(visit: Visit, widget: str) -> str:
    """What became of a form that was sent without JavaScript: ``?sumeru_result=<widget>:<outcome>``; empty when it is not this one's."""
    match = _RESULT.fullmatch(visit.query.get("sumeru_result", ""))
    return match[2] if match and match[1] == widget else ""


def by_id(visit: Visit, product_id: str) -> HttpResponse:
    """From a product's id to its page."""
    if product_id not in visit.shop.by_id:
        raise Http404
    return HttpResponseRedirect(visit.url(visit.shop.by_id[product_id].path, visit.query))


def quiz(visit: Visit) -> HttpResponse:
    """The quiz."""
    if not visit.shop.quiz:
        raise Http404
    wish = Wish("quiz", {"quiz_id": visit.shop.quiz}, "Start", live=True)
    (element,) = visit.shop.widgets.place([wish], visit.nonce, server_html=visit.server_html)
    return render_page(visit, "quiz.html", {"quiz": element})
