"""The API's description (OpenAPI 3), made from its views; it names no shop and needs no token."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.urls import URLPattern, path
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator

MOUNTED = "consumers/attribution/"


class BearerTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the read token is described."""

    target_class = "sumeru_proxy.consumers.attribution.api_parts.BearerToken"
    name = "readToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A bearer token in the Authorization header."""
        return {"type": "http", "scheme": "bearer", "description": "A read token of a shop (attr_…)."}


class _Enumerator(EndpointEnumerator):
    """All of these views: the installation's own filter is for the storefront API's description."""

    def get_api_endpoints(self, patterns: Any = None, prefix: str = "") -> list[Any]:
        found: list[Any] = self._get_api_endpoints(patterns, prefix)  # type: ignore[no-untyped-call]
        return sorted(found, key=lambda each: (each[0], each[2]))


class _Generator(SchemaGenerator):
    endpoint_inspector_cls = _Enumerator


@cache
def described(patterns: Sequence[URLPattern]) -> dict[str, Any]:
    """The description of these addresses, made once."""
    mounted = [path(f"{MOUNTED}{each.pattern}", each.callback) for each in patterns]
    generator = _Generator(title="Attribution", patterns=mounted)  # type: ignore[no-untyped-call]
    found: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    about = {"title": "Attribution", "version": "1", "description": "What each touch before an order earned."}
    return {**found, "info": about}
