"""The short path through Django for requests of storefronts, and the id of every request."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils import translation

from widgets.http import networks, responses, throttles

GetResponse = Callable[[HttpRequest], HttpResponseBase]
_GIVEN_ID = re.compile(r"^[A-Za-z0-9_-]{8,64}\Z")


def request_id_for(given: str) -> str:
    """The caller's own id when it is harmless, else a new one."""
    return given if _GIVEN_ID.match(given) else f"req_{secrets.token_hex(8)}"


class RequestIdMiddleware:
    """Names each request (``X-Request-Id``, the caller's own when it is harmless) for errors and logs."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.request_id = request_id_for(request.headers.get("x-request-id", ""))  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        return response


class PolicyMiddleware:
    """Gives every answer that has none of its own a Content-Security-Policy: whatever has our origin could otherwise act with it.

    Pages of operators and the docs get what they need. Anything else is for programs: opened by itself, a fragment or an error is inert.
    """

    PAGES = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https: http:; media-src https: http:; "
        "font-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    INERT = "default-src 'none'; sandbox; frame-ancestors 'none'"

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        page = response.get("Content-Type", "").startswith("text/html")
        storefront = request.path_info.startswith(StorefrontMiddleware.PREFIXES)
        if not (
            settings.DEBUG and page and response.status_code >= 400
        ):  # Django's own page with the fault, styled within itself
            response.headers.setdefault(
                "Content-Security-Policy", self.PAGES if page and not storefront else self.INERT
            )
        return response


class LogInMiddleware:
    """Limits how often one client network may try a password, before it is looked at: looking takes a third of a second of a processor."""

    PATH = "/admin/login/"
    PER_MINUTE = 10

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method == "POST" and request.path_info == self.PATH:
            wait_s = throttles.log_ins.wait_s(networks.client_network(request.META), self.PER_MINUTE)
            if wait_s:
                text = "Too many attempts to log in from your network. Wait a minute and try again."
                seconds = str(max(1, round(wait_s + 0.5)))
                return HttpResponse(text, status=429, content_type="text/plain", headers={"Retry-After": seconds})
        return self.get_response(request)


class StorefrontMiddleware:
    """Serves ``/w/``, ``/embed/`` and ``/hooks/`` without sessions, cookies, CSRF and language negotiation. None of them is used
    there, and each would add a ``Vary`` header, which splits every CDN's cache.
    """

    PREFIXES = ("/w/", "/embed/", "/hooks/")

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(self.PREFIXES):
            return self.get_response(request)
        try:
            found = resolve(request.path_info)
            request.resolver_match = found
            response: HttpResponseBase = found.func(request, *found.args, **found.kwargs)
            render = getattr(response, "render", None)
            return render() if callable(render) else response
        except Resolver404:
            return responses.error_answer(request, responses.not_found("page"))
        except Exception as error:
            return responses.error_answer(request, error)


class OperatorLocaleMiddleware:
    """Shows the operators' pages in English, whatever language the browser prefers: our own texts for operators are only in
    English.

    To translate those pages, put Django's ``LocaleMiddleware`` in the place of this one for their paths, and mark their texts for
    translation.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with translation.override(settings.LANGUAGE_CODE):
            request.LANGUAGE_CODE = settings.LANGUAGE_CODE
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", settings.LANGUAGE_CODE)
        return response
