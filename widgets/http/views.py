"""What storefronts ask: parse, call, answer. No cookies, no sessions; every error is data with a stable code."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import timezone
from rest_framework import serializers

from sumeru_proxy import accounts
from sumeru_proxy.reading.reader import Source
from widgets import registry
from widgets.base import Call, Frozen, Widget
from widgets.edge import answers as hot_answers
from widgets.http import customers, forms, parameters, rendering, responses, shops, throttles
from widgets.http.shops import Facts
from widgets.i18n import languages, texts

QUERY_LIMIT_CHARS = 4_096
BATCH_LIMIT = 60
_UP = "../../.."
"""From a widget's page to the top, whatever path of whatever host leads here: the page's own policy allows nothing else."""
_LIGHT = serializers.BooleanField()
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def reading(view: View[P]) -> View[P]:
    """A view that only reads: GET, HEAD and OPTIONS, a bounded query, a brake per client, 304 for what the client holds."""

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
        wait_s = throttles.reads.wait_s(throttles.client_address(request), settings.CLIENT_READS_PER_MINUTE)
        if wait_s:
            raise responses.limited(wait_s)
        return responses.conditional(request, view(request, *args, **kwargs))

    answer.__doc__ = view.__doc__
    return answer


def method_not_allowed(allowed: str) -> responses.Problem:
    """405 with the methods that are."""
    return responses.Problem(
        405, "method_not_allowed", "This address does not take that method.", {"allowed": allowed}, {"Allow": allowed}
    )


def find_shop(key: str) -> Facts:
    """Raises a 404 problem for unknown and inactive shops alike."""
    facts = shops.facts(key)
    if facts is None:
        raise responses.not_found("shop")
    return facts


def find_widget(facts: Facts, name: str, query: QueryDict) -> tuple[Widget, Frozen, Frozen]:
    """The widget with its validated, frozen parameters and the merchant's options. Raises problems (404, 400)."""
    widget = registry.get(name)
    if widget is None:
        raise responses.not_found("widget")
    params = parameters.params(widget, query)
    enabled, chosen = facts.placement(name, params.placement)
    if not enabled:
        raise responses.not_found("widget")
    return widget, params, parameters.options(widget, chosen)


def public_base(request: HttpRequest, facts: Facts | None = None) -> str:
    """Scheme, host and path prefix under which browsers reach this server, or a shop's widgets."""
    if facts is not None and facts.public_url:
        return facts.public_url
    return settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")


@dataclass(frozen=True, slots=True)
class Asked:
    """A validated request for one widget."""

    widget: Widget
    call: Call

    @property
    def subject(self) -> str:
        """What a form token is good for: this shop, this widget, and what the widget is about."""
        params = self.call.params
        about = params.get("product_id") or params.get("quiz_id") or self.call.customer_id
        return f"{self.call.shop.key}/{self.widget.name}/{about or ''}"


def asked(request: HttpRequest, facts: Facts, name: str, query: QueryDict) -> Asked:
    """Parse one widget request. Raises problems."""
    widget, params, options = find_widget(facts, name, query)
    locale = languages.match(params.locale, facts.profile.locale)
    page_url = f"{public_base(request, facts)}/w/v1/{facts.profile.key}/{widget.name}"
    now = timezone.now()
    customer_id = ""
    if widget.audience == "customer":
        token = _bearer(request) or params.get("customer_token", "")
        customer_id = _customer(token, facts, now.timestamp())
        # The links and the form of this private answer must prove the same, whichever way the proof came.
        params = Frozen({**params, "customer_token": token})
    if widget.guess_limit_per_minute and params.get("code"):
        name = f"{widget.name}:{throttles.client_address(request)}"
        wait_s = throttles.guesses.wait_s(name, widget.guess_limit_per_minute)
        if wait_s:
            raise responses.limited(wait_s)
    return Asked(widget, Call(facts.profile, params, options, locale, page_url, now, customer_id=customer_id))


def _bearer(request: HttpRequest) -> str:
    scheme, _space, token = request.headers.get("authorization", "").partition(" ")
    return token.strip()[:1_000] if scheme.lower() == "bearer" else ""


def _customer(token: str, facts: Facts, now: float) -> str:
    """The customer that the token proves, empty without a token. Raises a 401 problem for one that proves nothing."""
    if not token:
        return ""
    try:
        return customers.verify(token, customers.secrets_of(facts.profile.id), facts.profile.key, now)
    except customers.Unproven as error:
        raise responses.Problem(
            401,
            "unauthenticated",
            "The customer token proves nothing.",
            {"customer_token": [error.code]},
            {"WWW-Authenticate": "Bearer"},
        ) from None


def sealed(each: Asked) -> Asked:
    """The same with a form's token and key, when the widget has a form and this answer is for one visitor alone."""
    if each.widget.Form is None or not each.widget.is_private(each.call):
        return each
    return replace(each, call=replace(each.call, seal=forms.seal(each.subject)))


def _styles(request: HttpRequest, facts: Facts, widget: Widget) -> tuple[str, bool]:
    """The widget's CSS, and whether its HTML is to stand among the page's own elements (``light``). Raises a 400 problem."""
    css = rendering.styles([widget], facts.css, styled=facts.styled)
    wish = request.GET.get("light")
    if not wish:
        return css, False
    try:
        light = _LIGHT.run_validation(wish)
    except serializers.ValidationError as error:
        raise responses.invalid({"light": error.detail}) from None
    return (rendering.layered(css), True) if light else (css, False)


def _make(each: Asked, source: Source) -> rendering.Rendered:
    return rendering.render(each.widget, sealed(each).call, source)


def _tell(request: HttpRequest, facts: Facts, form: str, asked: tuple[Hashable, ...], source: Source) -> None:
    """Say what this answer was made of, so that it can be given again as long as nothing of that changed.

    Everything that the bytes depend on is here: the validated request, the shop's rows, Sumeru's copies, and the address
    under which the browser came.
    """
    key = (form, facts.profile.key, public_base(request), request.is_secure(), asked)
    request.META[hot_answers.TOLD] = hot_answers.Made(key, facts, source)


def unfinished_status(request: HttpRequest) -> int:
    """The status of an answer that is not finished: 200, or 202 for who prefers that (RFC 7240, ``respond-async``).

    Storefront servers do: their caches go by the status alone.
    """
    wishes = {each.partition(";")[0].strip().lower() for each in request.headers.get("prefer", "").split(",")}
    return 202 if "respond-async" in wishes else 200


def _finish(request: HttpRequest, made: rendering.Rendered, body: str, content_type: str) -> HttpResponse:
    if made.state == "error":
        error = made.error or {}
        raise responses.Problem(500, str(error.get("code")), str(error.get("message")))
    response = responses.finish(
        body.encode(), content_type, cache=responses.PUBLIC if made.storable else responses.NO_STORE
    )
    if made.state == "pending":
        response.status_code = unfinished_status(request)
        response["Retry-After"] = str(max(1, round(made.retry_after_s)))
    response["Content-Language"] = made.call.locale
    return response


@reading
def fragment(request: HttpRequest, shop: str, widget: str) -> HttpResponse:
    """``GET …/{widget}.html``: the widget as HTML for a page's own markup, complete without JavaScript."""
    facts = find_shop(shop)
    each = asked(request, facts, widget, request.GET)
    css, light = _styles(request, facts, each.widget)
    source = accounts.source_for(facts.profile.id)
    made = _make(each, source)
    _tell(request, facts, "html", (widget, light, repr(each.call.params)), source)
    return _finish(request, made, rendering.element(made, css, light=light), "text/html")


@reading
def data(request: HttpRequest, shop: str, widget: str) -> HttpResponse:
    """``GET …/{widget}.json``: the same HTML with the typed data that it was made of."""
    facts = find_shop(shop)
    each = asked(request, facts, widget, request.GET)
    if refusal := each.widget.unproven(each.call):
        raise refusal
    css, light = _styles(request, facts, each.widget)
    source = accounts.source_for(facts.profile.id)
    made = _make(each, source)
    _tell(request, facts, "json", (widget, light, repr(each.call.params)), source)
    return _finish(request, made, responses.to_json(rendering.payload(made, css, light=light)), "application/json")


def split_batch(query: QueryDict) -> list[tuple[str, QueryDict]]:
    """The widgets of a batch in request order. Raises a problem when there are none or too many."""
    values = query.getlist("w")
    if not values:
        raise responses.invalid({"w": ["Name at least one widget: w=reviews?product_id=…"]})
    if len(values) > BATCH_LIMIT:
        raise responses.invalid({"w": [f"At most {BATCH_LIMIT} widgets in one call."]})
    parted = [value.partition("?") for value in values]
    return [(name, QueryDict(text)) for name, _mark, text in parted]


def _batch(request: HttpRequest, shop: str, *, private: bool) -> HttpResponse:
    facts = find_shop(shop)
    entries: list[Asked | responses.Problem] = []
    for name, query in split_batch(request.GET):
        try:
            entries.append(asked(request, facts, name, query))
        except responses.Problem as problem:
            entries.append(problem)
    calls = [entry for entry in entries if isinstance(entry, Asked)]
    if not private:
        calls = [entry for entry in calls if not entry.widget.is_private(entry.call)]
    source = accounts.source_for(facts.profile.id)
    for widget in {entry.widget.name: entry.widget for entry in calls}.values():
        widget.prefetch([entry.call for entry in calls if entry.widget is widget], source)
    items = []
    key: list[Hashable] = []
    storable = not private
    finished = True
    for entry in entries:
        if isinstance(entry, responses.Problem):
            body = entry.body(responses.request_id(request))["error"]
            # The id differs per request; without it equal batches have equal bytes.
            error = {name: body[name] for name in ("code", "message", "details")}
            items.append({"state": "error", "status": entry.status, "html": "", "error": error})
            finished = False
            key.append(responses.to_json(items[-1]))
        elif not private and entry.widget.is_private(entry.call):
            items.append({"state": "live", "status": 200, "html": ""})
            key.append((entry.widget.name, "live"))
        else:
            made = _make(entry, source)
            key.append((entry.widget.name, repr(entry.call.params)))
            storable = storable and made.storable
            finished = finished and made.state not in ("pending", "error")
            items.append(rendering.item(made))
    if not private:
        _tell(request, facts, "batch", tuple(key), source)
    css = rendering.styles([entry.widget for entry in calls], facts.css, styled=facts.styled) if calls else ""
    body = {"v": 1, "css": css, "items": items}
    response = responses.json_answer(body, cache=responses.PUBLIC if storable else responses.NO_STORE)
    if not finished:
        response.status_code = unfinished_status(request)
    return response


@reading
def batch(request: HttpRequest, shop: str) -> HttpResponse:
    """``GET …/batch?w=…&w=…``: many public widgets in one cacheable answer, each with its own state."""
    return _batch(request, shop, private=False)


@reading
def live(request: HttpRequest, shop: str) -> HttpResponse:
    """``GET …/live?w=…&w=…``: the same for widgets of one cart, visitor or customer; never stored."""
    return _batch(request, shop, private=True)


@reading
def page(request: HttpRequest, shop: str, widget: str) -> HttpResponse:
    """``GET …/{widget}``: a whole accessible page with the widget; where links lead when there is no JavaScript."""
    try:
        facts = find_shop(shop)
        each = asked(request, facts, widget, request.GET)
    except responses.Problem as problem:
        return _error_page(request, problem)
    source = accounts.source_for(facts.profile.id)
    made = _make(each, source)
    _tell(request, facts, "page", (widget, repr(each.call.params)), source)
    return page_answer(request, facts, each, made)


def page_answer(
    request: HttpRequest, facts: Facts, each: Asked, made: rendering.Rendered, status: int = 200
) -> HttpResponse:
    """A made widget as a whole page with its own Content-Security-Policy."""
    css = rendering.styles([each.widget], facts.css, styled=facts.styled)
    with texts.override(each.call.shop.texts, each.call.locale):
        html = render_to_string(
            "widgets/page.html",
            {
                "made": made,
                "element": rendering.element(made, css),
                "shop": facts.profile,
                "lang": each.call.locale,
                "dir": languages.direction(each.call.locale),
                "loader": f"{_UP}/embed/v1.js",
                "script": f"{_UP}/embed/{each.widget.script}.js",
                "again": each.call.link(),
                "page_css": _UP + static("page.css"),
                "page_icon": _UP + static("icon.svg"),
            },
        )
    storable = made.storable and status == 200
    failed = 500 if made.state == "error" else status
    response = responses.finish(
        html.encode(), "text/html", status=failed, cache=responses.PUBLIC if storable else responses.NO_STORE
    )
    if made.state == "pending":
        response["Retry-After"] = str(max(1, round(made.retry_after_s)))
    response["Content-Language"] = each.call.locale
    response["Content-Security-Policy"] = page_policy(
        [css] if css and made.state == "ready" else [], facts.exact_origins
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
    return response
