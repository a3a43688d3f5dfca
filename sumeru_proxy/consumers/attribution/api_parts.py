"""The API's parts in Django REST framework's terms: who asks, what they may, how often, how pages and errors look."""

from __future__ import annotations

import json
import logging
import secrets as random_secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.core.cache import cache
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from sumeru_proxy.consumers.attribution import tokens
from sumeru_proxy.consumers.attribution.models import ReadToken

log = logging.getLogger(__name__)
RATE: Final = "120/min"
_CODES: Final = {
    400: "validation_failed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    429: "rate_limited",
}


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks: the holder of a read token, seen by the framework as a user without an account."""

    token: ReadToken
    is_authenticated: bool = True
    is_active: bool = True

    @property
    def pk(self) -> int:
        """The token's number, by which readers are told apart."""
        return self.token.pk


class BearerToken(BaseAuthentication):
    """``Authorization: Bearer attr_…``. Without it nobody is authenticated; with one that is not valid the request ends with 401."""

    def authenticate(self, request: Request) -> tuple[Any, ReadToken] | None:
        """The reader and the token's row. Raises AuthenticationFailed."""
        header = request.headers.get("Authorization", "")
        scheme, _space, token = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        row = tokens.find(token.strip())
        if row is None:
            raise exceptions.AuthenticationFailed("The token is not valid.")
        return Reader(row), row

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return 'Bearer realm="attribution"'


class MayRead(BasePermission):
    """The token's scope reaches what the view shows: ``orders`` includes ``report``."""

    message = "The token may not read this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the reader may see this view at all."""
        token = request.auth
        if not isinstance(token, ReadToken):
            return False
        return token.scope in (getattr(view, "scope", ReadToken.Scope.ORDERS), ReadToken.Scope.ORDERS)


class _Histories:
    """The shared cache for lists of times: it keeps text, no objects."""

    def get(self, key: str, default: list[float]) -> list[float]:
        stored = cache.get(key)
        return list(json.loads(stored)) if isinstance(stored, str) else default

    def set(self, key: str, times: list[float], timeout: float) -> None:
        cache.set(key, json.dumps(times), timeout)


class PerToken(SimpleRateThrottle):
    """120 requests a minute for each token, counted in the shared cache."""

    cache = _Histories()  # type: ignore[assignment]  # all of a cache that the framework asks
    scope = "attribution"
    rate = RATE

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """The token's own counter; nobody without a token gets this far."""
        token = request.auth
        return f"attribution-throttle-{token.pk}" if isinstance(token, ReadToken) else None


class OldestFirst(CursorPagination):
    """Pages by cursor in the order of time: ``limit`` (1 to 200, 50 unless given) and ``cursor``."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
    cursor_query_param = "cursor"
    ordering = ("at_ms", "pk")

    def get_paginated_response(self, data: Any) -> Response:
        """``{data, pagination: {next, previous}}`` with whole addresses."""
        links = {"next": self.get_next_link(), "previous": self.get_previous_link()}
        return Response({"data": data, "pagination": links})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The same for the API's description."""
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["data", "pagination"],
            "properties": {
                "data": schema,
                "pagination": {"type": "object", "properties": {"next": link, "previous": link}},
            },
        }


def error_body(status: int, message: str, details: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    """An error as data, in the vocabulary of all our APIs."""
    code = _CODES.get(status, "internal_error")
    return {"error": {"code": code, "message": message, "details": dict(details), "request_id": request_id}}


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Errors as data. What is not the caller's matter is logged and becomes a 500 without a word of the cause."""
    from django.core.exceptions import PermissionDenied
    from django.http import Http404

    request = context.get("request")
    request_id = str(getattr(request, "request_id", "") or f"req_{random_secrets.token_hex(8)}")
    if isinstance(error, Http404):
        error = exceptions.NotFound("There is no such thing.")
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        log.error("attribution API failed (%s)", request_id, exc_info=error)
        return Response(error_body(500, "The request could not be answered.", {}, request_id), status=500)
    headers: dict[str, str] = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    wait = getattr(error, "wait", None)
    details: dict[str, Any] = {}
    if wait:
        headers["Retry-After"] = str(int(wait) + 1)
        details["retry_after"] = int(wait) + 1
    if isinstance(error, exceptions.ValidationError):
        details = error.detail if isinstance(error.detail, dict) else {"detail": error.detail}
        message = "Some parameters are not valid."
    else:
        message = str(error.detail)
    status = error.status_code
    return Response(error_body(status, message, details, request_id), status=status, headers=headers)
