"""Submissions of shoppers: ``POST /w/v1/{shop}/{widget}`` as a native form, through the loader, or as JSON.

A native form gets 303 to the page that the shopper came from (of one of the shop's origins) or to our full page; with errors, our
full page with status 422 and the entered values. The loader gets 200 and the widget, rendered again; JSON clients get 200, 202 or
422.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils.encoding import iri_to_uri
from django.utils.translation import gettext

from sumeru_proxy.client import bounded_json
from sumeru_proxy.reading.reader import Pending
from widgets.base import Frozen, Refusal, Seal, Sent, Widget
from widgets.http import forms, networks, pages, rendering, requests, responses, throttles, visitors
from widgets.http.desk import ShopDesk
from widgets.http.requests import WidgetRequest
from widgets.http.shops import ShopSettings
from widgets.i18n import texts

log = logging.getLogger(__name__)

BODY_LIMIT_BYTES = 64 * 1024
FIELDS_LIMIT = 100
DEPTH_LIMIT, VALUES_LIMIT = 8, 2_000
meter = throttles.SharedMeter("sends")
_CONTROL = ("token", "key", "return_to", "via", "visitor_id", forms.TRAP)


@dataclass(frozen=True, slots=True)
class Posted:
    """A parsed body. ``manner`` is ``form``, ``loader`` or ``json``: how the answer must look."""

    manner: str
    values: Mapping[str, Any]
    token: str
    key: str
    return_to: str
    trapped: bool
    visitor_id: str = ""


def submit(request: HttpRequest, shop: str, widget: str) -> HttpResponse:
    """Take a submission. Safe to repeat: the same key and body are done once and give the same outcome."""
    shop_settings = requests.find_shop(shop)
    check_origin(request, shop_settings)
    posted = parse(request)
    each = requests.parse(request, shop_settings, widget, request.GET)
    if each.widget.Form is None:
        raise requests.method_not_allowed("GET, HEAD, OPTIONS")
    subject = each.subject
    with texts.override(each.call.shop.texts, each.call.locale):
        try:
            network = networks.client_network(request.META)
            _brake(network, each.widget, subject)
            sent = _act_under_a_fitting_key(request, shop_settings, each, posted, subject)
            if posted.visitor_id and not posted.trapped and not sent.errors:
                _identify(request, shop_settings, posted)
            return _answer(request, shop_settings, each, posted, sent)
        except responses.Problem as problem:
            if posted.manner == "json" or problem.status in (401, 403, 404, 405, 413, 415):
                raise
            status = problem.status if problem.status >= 500 or problem.status == 429 else 422
            # What a person wrote comes back with the reason, whatever that is.
            again = _answer(request, shop_settings, each, posted, _failed(posted, {"": [_sentence(problem)]}), status)
            for name, value in problem.headers.items():
                again[name] = value
            return again


def _identify(request: HttpRequest, shop_settings: ShopSettings, posted: Posted) -> None:
    try:
        visitors.identify(request, shop_settings, posted.visitor_id, posted.values, posted.key)
    except DatabaseError as error:  # what was sent is kept already
        log.warning("shop %s: a visitor was not identified: %s", shop_settings.profile.id, type(error).__name__)


def _sentence(problem: responses.Problem) -> str:
    """A problem in words for shoppers."""
    if problem.status < 500 and problem.status != 429:
        return gettext("This could not be sent. Please check what you have entered.")
    return gettext("This could not be sent. Please wait a moment and send it again.")


def check_origin(request: HttpRequest, shop_settings: ShopSettings) -> None:
    """Raises 403 unless the request comes from a page of the shop or of this server. Servers send no Origin and pass: there are
    no cookies that could be misused.
    """
    origin = request.headers.get("origin")
    if origin is None or shop_settings.allows_origin(origin):
        return
    own = urlsplit(requests.public_base(request, shop_settings))
    if origin != f"{own.scheme}://{own.netloc}":
        raise responses.Problem(403, "forbidden", "This origin may not send to this shop.", {"what": "origin"})


def parse(request: HttpRequest) -> Posted:
    """The body as values. Raises 413 above the limit, 415 for other types, 400 for JSON that is none."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > BODY_LIMIT_BYTES or len(request.body) > BODY_LIMIT_BYTES:
        raise responses.Problem(413, "payload_too_large", "The body is too large.", {"limit_bytes": BODY_LIMIT_BYTES})
    kind = (request.content_type or "").lower()
    if kind == "application/json":
        values = _json_object(request.body)
        manner = "json"
    elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        _check_whole(request)
        if request.FILES:
            raise responses.Problem(415, "unsupported_media_type", "Files are not taken here.")
        if len(request.POST) > FIELDS_LIMIT:
            raise responses.Problem(413, "payload_too_large", "Too many fields.", {"limit_fields": FIELDS_LIMIT})
        values = {
            name: request.POST.getlist(name) if name.endswith("[]") else request.POST[name] for name in request.POST
        }
        manner = "loader" if values.get("via") == "loader" else "form"
    else:
        raise responses.Problem(
            415, "unsupported_media_type", "Send application/x-www-form-urlencoded or application/json."
        )
    text = {name: value if isinstance(value := values.get(name, ""), str) else "" for name in _CONTROL}
    return Posted(
        manner=manner,
        values={name.removesuffix("[]"): value for name, value in values.items() if name not in _CONTROL},
        token=text["token"],
        key=request.headers.get("idempotency-key", "") or text["key"],
        return_to=text["return_to"],
        trapped=bool(values.get(forms.TRAP)),
        visitor_id=text["visitor_id"],
    )


def _check_whole(request: HttpRequest) -> None:
    """Raises 400 for a form body that is shorter than announced. Unlike JSON, half a form reads like a whole one, and a shopper
    whose connection broke sends it again.

    Raises 411 for chunked forms, whose end cannot be told from a broken connection.
    """
    if request.headers.get("transfer-encoding"):
        raise responses.Problem(411, "length_required", "Send forms with a Content-Length.")
    if len(request.body) < int(request.META.get("CONTENT_LENGTH") or 0):
        raise responses.Problem(400, "validation_failed", "The body ended too early.")


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        value = bounded_json.loads(raw, depth=DEPTH_LIMIT, values=VALUES_LIMIT)
    except bounded_json.Unbounded:
        value = None
    if not isinstance(value, dict):
        raise responses.invalid({"": ["The body is not a JSON object."]})
    return value


def _brake(network: str, widget: Widget, subject: str) -> None:
    wait_s = max(
        meter.wait_s(f"{widget.name}:{network}", widget.sends_per_minute),
        meter.wait_s(f"subject:{subject}", widget.sends_per_subject_per_minute),
    )
    if wait_s:
        raise responses.limited(wait_s)


def _act_under_a_fitting_key(
    request: HttpRequest, shop_settings: ShopSettings, each: WidgetRequest, posted: Posted, subject: str
) -> Sent:
    """As ``_act``. A person who changed the text after an answer was lost sends another text with the form's key: it gets a key of its
    own, always the same one for the same text. Programs are told of the conflict."""
    try:
        return _act(request, shop_settings, each, posted, subject)
    except responses.Problem as problem:
        if problem.status != 409 or posted.manner == "json":
            raise
        text = json.dumps([posted.key, dict(posted.values)], sort_keys=True, default=str)
        key = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
        return _act(request, shop_settings, each, replace(posted, key=key), subject)


def _act(request: HttpRequest, shop_settings: ShopSettings, each: WidgetRequest, posted: Posted, subject: str) -> Sent:
    """The outcome of the submission. A bot that filled the honeypot field is told that all went well, and nothing is stored."""
    assert each.widget.Form is not None  # noqa: S101 - the caller looked
    if isinstance(each.call.lacking, Pending):
        raise responses.unavailable("The product is not known yet. Try again.")
    if each.call.lacking is not None:
        raise responses.not_found("product")
    if posted.trapped:
        log.info("shop %s: %s: a script filled the trap", shop_settings.profile.id, each.widget.name)
        return Sent(outcome="pending")
    if not forms.fits_key(posted.key):
        return _failed(posted, {"": [gettext("The form is incomplete. Please load the page again.")]}, code="key")
    try:
        forms.check(posted.token, subject, soonest_s=each.widget.soonest_s)
    except forms.Stale:
        return _failed(posted, {"": [gettext("This form was open for very long. Please send it again.")]})
    except forms.Refused:
        return _failed(posted, {"": [gettext("This could not be sent. Please wait a moment and send it again.")]})
    form = each.widget.Form(data=posted.values)
    if not form.is_valid():
        return _failed(posted, form.errors)
    try:
        forms.spend(posted.token, posted.key, each.widget.sends_per_token)
    except forms.Stale:
        return _failed(posted, {"": [gettext("This form was open for very long. Please send it again.")]})
    try:
        return each.widget.submit(
            each.call,
            Frozen(form.validated_data),
            posted.key,
            ShopDesk(shop_settings.profile.id, networks.client_network(request.META)),
            requests.source_of(request, shop_settings),
        )
    except Refusal as refusal:
        return _failed(posted, refusal.errors)


def _failed(posted: Posted, errors: Mapping[str, Sequence[Any]], code: str = "") -> Sent:
    return Sent(
        values=posted.values,
        errors={name: [str(each) for each in texts] for name, texts in errors.items()},
        outcome=code,
    )


def _answer(
    request: HttpRequest,
    shop_settings: ShopSettings,
    each: WidgetRequest,
    posted: Posted,
    sent: Sent,
    status: int = 422,
) -> HttpResponse:
    if posted.manner == "json":
        return _json_answer(sent)
    if not sent.errors and posted.manner == "form":
        response = HttpResponse(status=303)
        response["Location"] = landing(each, shop_settings, posted.return_to, sent)
        response["Cache-Control"] = responses.NO_STORE
        return response
    # The same key while the input may still be sent; a new token, so that a stale one does not stay stale.
    seal = forms.seal(each.subject)
    key = posted.key if forms.fits_key(posted.key) and sent.errors else seal.key
    came_from = requests.storefront_page(posted.return_to, each.call, shop_settings)
    again = replace(each, call=replace(each.call, sent=sent, seal=Seal(seal.token, key), came_from=came_from))
    made = rendering.render(again.widget, again.call, requests.source_of(request, shop_settings))
    if posted.manner == "loader":
        return responses.json_answer(rendering.item(made))
    return pages.page_answer(request, shop_settings, again, made, status=status)


def _json_answer(sent: Sent) -> HttpResponse:
    if sent.errors:
        raise responses.Problem(422, "validation_failed", "Some fields are not valid.", dict(sent.errors))
    done = sent.outcome != "accepted"
    return responses.json_answer({"status": sent.outcome, "data": dict(sent.data)}, status=200 if done else 202)


def landing(each: WidgetRequest, shop_settings: ShopSettings, return_to: str, sent: Sent) -> str:
    """The address that a native form's shopper is sent to: the storefront page when it belongs to the shop, else our full page."""
    parts = urlsplit(return_to)
    if parts.scheme in ("http", "https") and shop_settings.allows_origin(f"{parts.scheme}://{parts.netloc}".lower()):
        # The page's own query stays as it is written, also what has no value.
        pairs = [pair for pair in parts.query.split("&") if pair and pair.partition("=")[0] != "sumeru_result"]
        query = "&".join([*pairs, urlencode({"sumeru_result": f"{each.widget.name}:{sent.outcome}"})])
        place = (parts.scheme, parts.netloc, parts.path, query, parts.fragment or each.widget.name)
        return iri_to_uri(urlunsplit(place))
    return each.widget.landing(each.call, sent)
