"""How a package that this server offers is answered: its file under its version, and the facts of the present version."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from widgets.http import responses
from widgets.http.embed import FLOATING, IMMUTABLE
from widgets.http.requests import method_not_allowed


def file_answer(
    request: HttpRequest, requested_version: str, version: str, body: bytes, content_type: str
) -> HttpResponse:
    """The build, cacheable for ever. Raises Problem 404 for every version but this one, and 405."""
    _check_method(request)
    if requested_version != version:
        raise responses.not_found("page")
    response = responses.finish(body, content_type, cache=IMMUTABLE)
    response["Content-Type"] = content_type
    return responses.conditional(request, response)


def latest_answer(request: HttpRequest, facts: dict[str, Any]) -> HttpResponse:
    """The facts of the present version as JSON that any page may read. Raises Problem 405."""
    _check_method(request)
    response = responses.json_answer(facts, cache=FLOATING)
    response["Access-Control-Allow-Origin"] = "*"
    return responses.conditional(request, response)


def _check_method(request: HttpRequest) -> None:
    if request.method not in ("GET", "HEAD"):
        raise method_not_allowed("GET, HEAD")
