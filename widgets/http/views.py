"""What storefronts ask for: HTML fragments, JSON and batches. No cookies, no sessions; every error is JSON with a stable code."""

from __future__ import annotations

from collections.abc import Hashable

from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from sumeru_proxy.reading.reader import Source
from widgets.base import Widget
from widgets.edge.answers import INPUTS_KEY, AnswerInputs
from widgets.http import rendering, requests, responses
from widgets.http.requests import WidgetRequest
from widgets.http.shops import ShopSettings

_LIGHT = serializers.BooleanField()


def _styles(request: HttpRequest, shop_settings: ShopSettings, widget: Widget) -> tuple[str, bool]:
    """The widget's CSS, and whether its HTML is to stand among the page's own elements (``light``). Raises a 400 problem."""
    css = rendering.styles([widget], shop_settings.css, styled=shop_settings.styled)
    wish = request.GET.get("light")
    if not wish:
        return css, False
    try:
        light = _LIGHT.run_validation(wish)
    except serializers.ValidationError as error:
        raise responses.invalid({"light": error.detail}) from None
    return (rendering.layered(css), True) if light else (css, False)


def make(widget_request: WidgetRequest, source: Source) -> rendering.Rendered:
    """The widget, with a form's token and key where the answer is for one visitor alone."""
    return rendering.render(widget_request.widget, requests.sealed(widget_request).call, source)


def record_inputs(
    request: HttpRequest, shop_settings: ShopSettings, form: str, validated: tuple[Hashable, ...], source: Source
) -> None:
    """Record what this response was made of, so that it can be served again until one of these inputs changes.

    Everything that the bytes depend on is recorded: the validated request, the shop's rows, Sumeru's copies, and the address
    under which the browser came. What is about nothing but products that the shop may not have is not recorded: there is no end of
    such ids.
    """
    if source.strange and not any(use.copy for use in source.used.values()):
        return
    key = (form, shop_settings.profile.key, requests.public_base(request), request.is_secure(), validated)
    request.META[INPUTS_KEY] = AnswerInputs(key, shop_settings, source)


def _finish(request: HttpRequest, rendered: rendering.Rendered, body: str, content_type: str) -> HttpResponse:
    if rendered.state == "error":
        error = rendered.error or {}
        raise responses.Problem(500, str(error.get("code")), str(error.get("message")))
    response = responses.finish(
        body.encode(), content_type, cache=responses.PUBLIC if rendered.storable else responses.NO_STORE
    )
    if rendered.state == "pending":
        response.status_code = requests.unfinished_status(request)
        response["Retry-After"] = str(max(1, round(rendered.retry_after_s)))
    response["Content-Language"] = rendered.call.locale
    return response


@requests.reading
def fragment(request: HttpRequest, shop: str, widget: str) -> HttpResponse:
    """``GET …/{widget}.html``: the widget as HTML for a page's own markup, complete without JavaScript."""
    shop_settings = requests.find_shop(shop)
    widget_request = requests.parse(request, shop_settings, widget, request.GET)
    css, light = _styles(request, shop_settings, widget_request.widget)
    source = requests.source_of(request, shop_settings)
    rendered = make(widget_request, source)
    record_inputs(request, shop_settings, "html", (widget, light, repr(widget_request.call.named)), source)
    return _finish(request, rendered, rendering.element(rendered, css, light=light), "text/html")


@requests.reading
def data(request: HttpRequest, shop: str, widget: str) -> HttpResponse:
    """``GET …/{widget}.json``: the same HTML with the typed data that it was made of."""
    shop_settings = requests.find_shop(shop)
    widget_request = requests.parse(request, shop_settings, widget, request.GET)
    if refusal := widget_request.widget.unproven(widget_request.call):
        raise refusal
    css, light = _styles(request, shop_settings, widget_request.widget)
    source = requests.source_of(request, shop_settings)
    rendered = make(widget_request, source)
    record_inputs(request, shop_settings, "json", (widget, light, repr(widget_request.call.named)), source)
    return _finish(
        request, rendered, responses.to_json(rendering.payload(rendered, css, light=light)), "application/json"
    )
