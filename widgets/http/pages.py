"""A widget as a whole, accessible page: the target of links without JavaScript, and of native forms."""

from __future__ import annotations

import base64
import hashlib

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.templatetags.static import static

from widgets.http import rendering, requests, responses, views
from widgets.http.requests import WidgetRequest
from widgets.http.shops import ShopSettings
from widgets.i18n import languages, texts

_UP = "../../.."
"""From a widget's page to the top, whatever path of whatever host leads here: the page's own policy allows nothing else."""


@requests.reading
def whole_page(request: HttpRequest, shop: str, widget: str) -> HttpResponse:
    """``GET …/{widget}``: a whole, accessible page with the widget, for browsers without JavaScript."""
    try:
        shop_settings = requests.find_shop(shop)
        widget_request = requests.parse(request, shop_settings, widget, request.GET)
    except responses.Problem as problem:
        return _error_page(request, problem)
    source = requests.source_of(request, shop_settings)
    rendered = views.make(widget_request, source)
    views.record_inputs(request, shop_settings, "page", (widget, repr(widget_request.call.named)), source)
    return page_answer(request, shop_settings, widget_request, rendered)


def page_answer(
    request: HttpRequest,
    shop_settings: ShopSettings,
    widget_request: WidgetRequest,
    rendered: rendering.Rendered,
    status: int = 200,
) -> HttpResponse:
    """A rendered widget as a whole page with its own Content-Security-Policy."""
    css = rendering.styles([widget_request.widget], shop_settings.css, styled=shop_settings.styled)
    with texts.override(widget_request.call.shop.texts, widget_request.call.locale):
        html = render_to_string(
            "widgets/page.html",
            {
                "rendered": rendered,
                "element": rendering.element(rendered, css),
                "shop": shop_settings.profile,
                "lang": widget_request.call.locale,
                "dir": languages.direction(widget_request.call.locale),
                "loader": f"{_UP}/embed/v1.js",
                "script": f"{_UP}/embed/{widget_request.widget.script}.js",
                "again": widget_request.call.link(),
                "page_css": _UP + static("page.css"),
                "page_icon": _UP + static("icon.svg"),
            },
        )
    storable = rendered.storable and status == 200
    failed = 500 if rendered.state == "error" else status
    response = responses.finish(
        html.encode(), "text/html", status=failed, cache=responses.PUBLIC if storable else responses.NO_STORE
    )
    if rendered.state == "pending":
        response["Retry-After"] = str(max(1, round(rendered.retry_after_s)))
    response["Content-Language"] = widget_request.call.locale
    response["Content-Security-Policy"] = page_policy(
        [css] if css and rendered.state == "ready" else [], shop_settings.exact_origins
    )
    response["Referrer-Policy"] = "strict-origin-when-cross-origin"
    return response


def _sha256(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def page_policy(styles: list[str], origins: tuple[str, ...] = ()) -> str:
    """The page's Content-Security-Policy: our loader, our styles by hash, pictures from the web, nothing else.

    ``origins`` are the storefront's: a form sent here may be answered by the way back there, and browsers hold
    ``form-action`` against redirects, too.
    """
    style = " ".join(["'self'", *(_sha256(text) for text in styles)])
    actions = " ".join(["'self'", *origins])
    return (
        f"default-src 'none'; script-src 'self'; style-src {style}; img-src 'self' https: http:; media-src https: http:; "
        f"connect-src 'self'; form-action {actions}; base-uri 'none'; frame-ancestors 'self'"
    )


def _error_page(request: HttpRequest, problem: responses.Problem) -> HttpResponse:
    context = {
        "problem": problem,
        "details": responses.to_json(problem.details),
        "page_css": _UP + static("page.css"),
        "page_icon": _UP + static("icon.svg"),
    }
    html = render_to_string("widgets/_error.html", context)
    response = responses.finish(html.encode(), "text/html", status=problem.status)
    response["Content-Security-Policy"] = page_policy([])
    for name, value in problem.headers.items():
        response[name] = value
    return response
