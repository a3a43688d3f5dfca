"""``/docs/client/``: each call of the typed client in Python and in plain HTTP, made from the client's own resources."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from sumeru_proxy.client import resources
from sumeru_proxy.client.resource import ADMIN, CallArguments, Resource
from sumeru_proxy.client.session import HttpCall
from widgets.docs import python_package
from widgets.http.requests import public_base

HOST = "https://api.sumeru.systems"
_LIMITS = {
    "public_reads": "100 a minute",
    "writes": "20 a minute",
    "pixel": "1,000 events a minute",
    "admin": "by plan",
}


@dataclass(frozen=True, slots=True)
class ClientExample:
    """One call: ``python`` is an expression with ``sumeru`` in it; ``http`` the same as a command line for curl."""

    python: str
    resource: Resource[object]
    arguments: CallArguments

    @property
    def limit(self) -> str:
        """Which of Sumeru's limits counts it."""
        return _LIMITS[self.resource.limit_class]

    def http(self, host: str = HOST) -> str:
        """The command line; the key and the token are read from the environment."""
        resource, arguments = self.resource, self.arguments
        call = HttpCall(host, resource.method, resource.path, query=arguments.query, segments=arguments.segments)
        word = (
            '-H "Authorization: Bearer $TOKEN"' if resource.limit_class == ADMIN else '-H "X-Public-Key: $PUBLIC_KEY"'
        )
        parts = ["curl -sS", word]
        if resource.is_write:
            parts = ["curl -sS -X " + resource.method, word, '-H "Idempotency-Key: $(uuidgen)"']
            parts += [
                "-H 'Content-Type: application/json'",
                "-d " + shlex.quote(json.dumps(arguments.body, ensure_ascii=False)),
            ]
        return " \\\n  ".join([*parts, shlex.quote(call.url())])


EXAMPLES = tuple(
    ClientExample(
        resource.example.python(resource.name),
        resource,
        resource.ask(*resource.example.positional, **resource.example.named),
    )
    for resource in resources.EVERY
)


def client_page(request: HttpRequest) -> HttpResponse:
    """``GET /docs/client/``."""
    rows = [{"example": each, "http": each.http()} for each in EXAMPLES]
    context = {"rows": rows, "base": public_base(request), "wheel": python_package.wheel().file}
    return render(request, "docs/client.html", context)
