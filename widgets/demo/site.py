"""The demo shop's routes. A new page is a function, a template and a route."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path

from sumeru_proxy.sandbox.pictures import picture as drawn_picture
from widgets.demo import checkout, people, shelves
from widgets.demo.frame import ASSETS, PAGES, Visit, refusal, render_page

Action = Callable[..., HttpResponse]


def route(pattern: str, show: Action | None, take: Action | None = None) -> URLPattern:
    """A route: GET and HEAD ``show``, POST ``take``\\ s a form of one of the shop's own pages."""

    def view(request: HttpRequest, **parts: Any) -> HttpResponse:
        action = {"GET": show, "HEAD": show, "POST": take}.get(request.method or "")
        if action is None:
            return HttpResponseNotAllowed([name for name, each in (("GET", show), ("POST", take)) if each])
        # Browsers say where a form stands; what says nothing is no browser and has no cookies worth stealing.
        origin = request.headers.get("Origin")
        if action is take and origin is not None and urlsplit(origin).netloc != request.get_host():
            return refusal(403, "This form is not one of ours.")
        return action(Visit(request), **parts)

    return path(pattern, view)


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The page that says that there is no such page."""
    return render_page(Visit(request), "missing.html", {}, 404)


def asset(visit: Visit, name: str) -> HttpResponse:
    """Styles, the shop's script and the icon."""
    if name not in ASSETS:
        raise Http404
    return HttpResponse((PAGES / name).read_bytes(), ASSETS[name], headers={"Cache-Control": "public, max-age=3600"})


def picture(visit: Visit, name: str) -> HttpResponse:
    """A product's picture, from this shop's own store."""
    if name not in visit.shop.pictures:
        raise Http404
    headers = {
        "Cache-Control": "public, max-age=86400",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(drawn_picture(name.removesuffix(".svg")), "image/svg+xml; charset=utf-8", headers=headers)


def health(visit: Visit) -> HttpResponse:
    """This process answers."""
    return HttpResponse("ok\n", "text/plain", headers={"Cache-Control": "no-store"})


handler404 = missing
urlpatterns = [
    route("", shelves.home),
    route("collections/<handle>", shelves.collection),
    route("products/<handle>", shelves.product),
    route("product/<product_id>", shelves.by_id),
    route("quiz", shelves.quiz),
    route("cart", checkout.show, checkout.change),
    route("cart/add", None, checkout.add),
    route("cart/<text>", checkout.by_link),
    route("checkout", checkout.checkout),
    route("account", people.account, people.sign_in),
    route("consent", None, people.consent),
    route("media/<name>", picture),
    route("assets/<name>", asset),
    route("healthz", health),
]
