"""From an HTTP request to a validated one: the shop, the widget, its parameters, who asks. Every refusal is a Problem."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Concatenate, ParamSpec
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone

from sumeru_proxy import accounts
from sumeru_proxy.reading.reader import Source
from sumeru_proxy.sdk import customer_tokens
from widgets import registry
from widgets.base import Call, Frozen, Widget
from widgets.http import brakes, customers, forms, networks, parameters, resolving, responses, shops, throttles
from widgets.http.shops import ShopSettings
from widgets.i18n import languages

NETWORK_KEY, SOURCES_KEY = "sumeru.network", "sumeru.sources"
"""In ``request.META``: in whose name Sumeru is asked, and what it was asked through."""
QUERY_LIMIT_CHARS = 4_096
BATCH_LIMIT = 60
_SUBJECT_CHARS = 64
_ADDRESS_CHARS = 2_000
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def reading(view: View[P]) -> View[P]:
    """A decorator for views that only read: GET, HEAD and OPTIONS, a limit for the query's length, a rate limit for each client
    address, and 304 for a matching ``If-None-Match``.
    """

    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.method == "OPTIONS":
            response = HttpResponse(status=204)
            response["Allow"] = "GET, HEAD, OPTIONS"
            return response
        if request.method not in ("GET", "HEAD"):
            raise method_not_allowed("GET, HEAD, OPTIONS")
        if len(request.META.get("QUERY_STRING", "")) > QUERY_LIMIT_CHARS:
            raise responses.Problem(
                414, "uri_too_long", "The query is too long.", {"limit_characters": QUERY_LIMIT_CHARS}
            )
        request.encoding = "utf-8"  # whatever Content-Type a read may carry: the address alone decides
        shop_id = _shop_id(kwargs.get("shop"))
        name, network, per_minute = brakes.payer(request, shop_id)
        wait_s = throttles.reads.wait_s(name, per_minute)
        if wait_s:
            raise brakes.refusal(request, name, wait_s)
        request.META[NETWORK_KEY] = network
        cpu_began, size = time.thread_time(), 0
        try:
            response = view(request, *args, **kwargs)
            size = 0 if response.streaming else len(response.content)
        finally:
            calls = sum(source.calls for source in request.META.pop(SOURCES_KEY, ()))
            brakes.costs.charge(name, brakes.cost_of(calls, time.thread_time() - cpu_began, size), per_minute)
        return responses.conditional(request, response)

    answer.__doc__ = view.__doc__
    return answer


def by_method(read: View[P], *, post: View[P]) -> View[P]:
    """One address with two views: POST goes to ``post``, every other method to ``read``."""

    def dispatch(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        return (post if request.method == "POST" else read)(request, *args, **kwargs)

    return dispatch


def method_not_allowed(allowed: str) -> responses.Problem:
    """405 with the allowed methods."""
    return responses.Problem(
        405, "method_not_allowed", "This address does not take that method.", {"allowed": allowed}, {"Allow": allowed}
    )


def find_shop(key: str) -> ShopSettings:
    """Raises a 404 problem for unknown and inactive shops alike, and 503 while the database cannot tell."""
    try:
        shop_settings = shops.load(key)
    except shops.Unavailable:
        raise responses.unavailable("The shop cannot be looked up just now. Try again.") from None
    if shop_settings is None:
        raise responses.not_found("shop")
    return shop_settings


def find_widget(shop_settings: ShopSettings, name: str, query: QueryDict) -> tuple[Widget, Frozen, Frozen]:
    """The widget with its validated, frozen parameters and the merchant's options. Raises problems (404, 400)."""
    widget = registry.get(name)
    if widget is None:
        raise responses.not_found("widget")
    params = parameters.params(widget, query)
    if params.placement and (name, params.placement) not in shop_settings.placements:
        # Names that no merchant made are not endless addresses of one content, neither here nor in a CDN.
        params = Frozen({**params, "placement": ""})
    enabled, chosen = shop_settings.placement(name, params.placement)
    if not enabled:
        raise responses.not_found("widget")
    return widget, params, parameters.options(widget, chosen)


def source_of(request: HttpRequest, shop_settings: ShopSettings) -> Source:
    """What this request reads the shop's data from, in the name of the client's network."""
    network = request.META.get(NETWORK_KEY) or networks.client_network(request.META)
    source = accounts.source_for(shop_settings.profile.id, network)
    request.META.setdefault(SOURCES_KEY, []).append(source)
    return source


def _shop_id(key: object) -> int | None:
    """The shop's internal id, None when there is no such shop or nobody can tell."""
    try:
        shop_settings = shops.load(str(key)) if key else None
    except shops.Unavailable:
        return None
    return shop_settings.profile.id if shop_settings else None


def public_base(request: HttpRequest, shop_settings: ShopSettings | None = None) -> str:
    """Scheme, host and path prefix under which browsers reach this server; of a shop with an address of its own, that address."""
    if shop_settings is not None and shop_settings.public_url:
        return shop_settings.public_url
    return settings.PUBLIC_URL or f"{request.scheme}://{request.get_host()}"


@dataclass(frozen=True, slots=True)
class WidgetRequest:
    """A validated request for one widget."""

    widget: Widget
    call: Call

    @property
    def subject(self) -> str:
        """What a form token is valid for: this shop, this widget, and the widget's product, quiz or customer."""
        params = self.call.params
        about = (
            params.get("product_id")
            or params.get("product_handle")
            or params.get("quiz_id")
            or self.call.customer_id
            or ""
        )
        if len(about) > _SUBJECT_CHARS or not about.isascii():
            # It is signed into each token and names counters.
            about = hashlib.blake2b(about.encode(), digest_size=16).hexdigest()
        return f"{self.call.shop.key}/{self.widget.name}/{about}"


def parse(
    request: HttpRequest, shop_settings: ShopSettings, name: str, query: QueryDict, *, for_everybody: bool = False
) -> WidgetRequest:
    """Validate one widget request. Raises problems (400, 401, 404, 429).

    ``for_everybody``: the answer may be kept for others, so that who asks neither proves anything nor spends tries. What is not public
    is only named in it.
    """
    widget, params, options = find_widget(shop_settings, name, query)
    locale = languages.match(params.locale, shop_settings.profile.locale)
    if params.locale and params.locale != locale:  # endless tags, twelve languages
        params = Frozen({**params, "locale": locale})
    page_url = f"{public_base(request, shop_settings)}/w/v1/{shop_settings.profile.key}/{widget.name}"
    now = timezone.now()
    customer_id = ""
    named_only = for_everybody and widget.audience != "public"
    if widget.audience == "customer" and not named_only:
        token = _bearer(request) or params.get("customer_token", "")
        customer_id = _customer(token, shop_settings, now.timestamp())
        # The links and the form of this private answer must prove the same, whichever way the proof came.
        params = Frozen({**params, "customer_token": token})
    if widget.guess_limit_per_minute and params.get("code") and not named_only:
        name = f"{widget.name}:{networks.client_network(request.META)}"
        wait_s = throttles.guesses.wait_s(name, widget.guess_limit_per_minute)
        if wait_s:
            raise responses.limited(wait_s)
    params, asked, lacking = resolving.resolved(shop_settings.profile.id, params)
    call = Call(
        shop_settings.profile,
        params,
        options,
        locale,
        page_url,
        now,
        customer_id=customer_id,
        asked=asked,
        lacking=lacking,
    )
    if widget.Form is not None and widget.is_private(call):
        call = replace(call, came_from=storefront_page(request.headers.get("referer", ""), call, shop_settings))
    return WidgetRequest(widget, call)


def storefront_page(url: str, call: Call, shop_settings: ShopSettings) -> str:
    """The address when it is a page of one of the shop's origins, else empty. Widgets' own pages may stand there, too, and are none."""
    parts = urlsplit(url)
    known = parts.scheme in ("http", "https") and shop_settings.allows_origin(
        f"{parts.scheme}://{parts.netloc}".lower()
    )
    own = f"/w/v1/{call.shop.key}/" in parts.path
    return url if known and not own and len(url) <= _ADDRESS_CHARS else ""


def _bearer(request: HttpRequest) -> str:
    scheme, _space, token = request.headers.get("authorization", "").partition(" ")
    return token.strip()[:1_000] if scheme.lower() == "bearer" else ""


def _customer(token: str, shop_settings: ShopSettings, now: float) -> str:
    """The customer that the token proves, empty without a token. Raises a 401 problem for one that proves nothing."""
    if not token:
        return ""
    try:
        return customer_tokens.verify(
            token, customers.secrets_of(shop_settings.profile.id), shop_settings.profile.key, now
        )
    except customer_tokens.Unproven as error:
        raise responses.Problem(
            401,
            "unauthenticated",
            "The customer token proves nothing.",
            {"customer_token": [error.code]},
            {"WWW-Authenticate": "Bearer"},
        ) from None


def sealed(widget_request: WidgetRequest) -> WidgetRequest:
    """The same request with a form's token and key, when the widget has a form and the response is private."""
    if widget_request.widget.Form is None or not widget_request.widget.is_private(widget_request.call):
        return widget_request
    return replace(widget_request, call=replace(widget_request.call, seal=forms.seal(widget_request.subject)))


def unfinished_status(request: HttpRequest) -> int:
    """The status of an unfinished response: 200, or 202 when the request says ``Prefer: respond-async`` (RFC 7240).

    Storefront servers say so, because their caches look at the status only.
    """
    wishes = {
        widget_request.partition(";")[0].strip().lower()
        for widget_request in request.headers.get("prefer", "").split(",")
    }
    return 202 if "respond-async" in wishes else 200


def split_batch(query: QueryDict) -> list[tuple[str, QueryDict]]:
    """The widgets of a batch in request order. Raises a problem when there are none or too many."""
    values = query.getlist("w")
    if not values:
        raise responses.invalid({"w": ["Name at least one widget: w=reviews?product_id=…"]})
    if len(values) > BATCH_LIMIT:
        raise responses.invalid({"w": [f"At most {BATCH_LIMIT} widgets in one call."]})
    parted = [value.partition("?") for value in values]
    return [(name, QueryDict(text)) for name, _mark, text in parted]
