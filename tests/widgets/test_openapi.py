"""What the API says of itself is true: generated requests, whatever they hold, get answers that the description lists."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sumeru_proxy.models import Shop
from tests.upstream import Upstream
from widgets.docs import openapi
from widgets.http import events, submissions, throttles

SCHEMA = json.loads(openapi.schema())
OPERATIONS = [
    (path, method) for path, methods in SCHEMA["paths"].items() for method in methods if method in ("get", "post")
]


def strict(schema: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: ``nullable`` in its words, and no field that is not described."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(each) for name, each in schema.items()}
    if made.get("type") == "object" and "properties" in made:
        made.setdefault("additionalProperties", False)
    return {"anyOf": [made, {"type": "null"}]} if made.pop("nullable", False) else made


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    return make_shop(sandbox.url, **sandbox.account())


def test_every_operation_has_a_name_and_errors() -> None:
    names = [SCHEMA["paths"][path][method]["operationId"] for path, method in OPERATIONS]
    assert len(names) == len(set(names)) > 20
    for path, method in OPERATIONS:
        assert {"400", "404", "405", "429"} <= set(SCHEMA["paths"][path][method]["responses"])


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
@pytest.mark.thorough
def test_generated_requests(client: Client, shop: Shop, path: str, method: str) -> None:
    operation = schemathesis.openapi.from_dict(SCHEMA)[path][method.upper()]
    described = set(SCHEMA["paths"][path][method]["responses"])

    @settings(
        max_examples=12,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), known=st.booleans())
    def run(case: Any, known: bool) -> None:
        throttles.reads = throttles.Meter()
        throttles.guesses = throttles.Meter()
        events.meter = submissions.meter = throttles.Meter()
        address = path.replace("{shop}", shop.key if known else "shp_unknown")
        query = {name: value for name, value in (case.query or {}).items() if value is not None}
        if method == "get":
            response = client.get(address, query)
        else:
            body = case.body if isinstance(case.body, dict) else {}
            response = client.post(address, json.dumps(body), content_type="application/json", query_params=query)
        assert str(response.status_code) in described, response.content[:300]
        # A handle that the catalogue index does not know yet: "come again".
        unknown_yet = response.status_code == 503 and json.loads(response.content)["error"]["code"] == "unavailable"
        assert response.status_code < 500 or unknown_yet, response.content[:300]
        # The body is what the description says of this status, to its last field.
        content = SCHEMA["paths"][path][method]["responses"][str(response.status_code)]["content"]
        media = response["Content-Type"].partition(";")[0]
        assert media in content, (media, list(content))
        if media == "application/json":
            schema = {**content[media]["schema"], "components": SCHEMA["components"]}
            jsonschema.validate(json.loads(response.content), strict(schema))

    run()
