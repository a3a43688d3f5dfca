"""Another reading of the same documentation (``--as strange``): every answer is legitimate, none looks as one would have written it.

Fields come in another order, with unknown ones among them, empty ones as null; numbers are text and amounts are numbers; ids are global
addresses, numbers and UUIDs; times have other offsets; averages are rounded, histograms are lists or missing; answers are compressed
and chunked; a read of many ids costs one each; and what is not Sumeru's to answer, a gateway answers in HTML.
"""

from __future__ import annotations

import gzip
import itertools
import json
import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sumeru_proxy.sandbox.application import HTML_PAGE, Application
from sumeru_proxy.sandbox.endpoints import find
from sumeru_proxy.sandbox.wire import Answer, Request, encode

_ID = re.compile(r"(prd|rev|bun|cus|ord)_([A-Za-z0-9]{1,40})\Z")
_OURS: dict[str, Callable[[str], str | int]] = {
    "prd": lambda name: f"gid://strange/Product/{name}",
    "rev": lambda name: uuid.uuid5(uuid.NAMESPACE_URL, name).int % 10**12,
    "bun": lambda name: str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
    "cus": lambda name: str(uuid.uuid5(uuid.NAMESPACE_URL, name).int % 10**9),
    "ord": lambda name: str(uuid.uuid5(uuid.NAMESPACE_URL, name).int % 10**10),
}
_NUMBERS = frozenset(
    {"count", "rating", "helpful_count", "quantity", "score", "answered", "total", "width", "height", "accepted"}
)
_AMOUNTS = frozenset({"price", "compare_at_price", "value", "current", "target", "remaining"})
_FLAGS = frozenset({"available", "verified_buyer", "has_next", "complete", "valid"})
_TIMES = frozenset({"created_at", "updated_at", "occurred_at", "assigned_at", "expires_at"})
_LISTS = frozenset({"data", "reviews", "items", "options", "events"})
"""Which must be there, empty or not."""
GATEWAY = Answer(404, HTML_PAGE, {"Via": "1.1 gateway"}, content_type="text/html")


class Strange:
    """Answers as the application does, in other words. ``gateway_every``: of so many calls a gateway answers one in HTML; 0 for none."""

    def __init__(self, application: Application, gateway_every: int = 0) -> None:
        self._application = application
        self._foreign: dict[str, str] = {}
        self._calls = itertools.count(1)
        self.gateway_every = gateway_every
        application.world.habits["bulk_cost"] = "item"
        for shop in application.world.catalogue["shops"]:
            for name in ("products", "bundles", "customers", "orders"):
                for item in shop.get(name) or []:
                    self.id_of(item["id"])

    def id_of(self, own: str) -> str:
        """How the answers and questions name ``prd_1``."""
        match = _ID.match(own)
        if match is None:
            return own
        other = str(_OURS[match[1]](match[2]))
        self._foreign[other] = own
        return other

    def __call__(self, request: Request) -> Answer:
        """The answer to any request. Never raises."""
        if not request.path.startswith("/api/"):
            return self._application(request)
        endpoint, _item, known_path = find(request.method, request.path)
        struck = self.gateway_every and next(self._calls) % self.gateway_every == 0
        if struck or (endpoint is None and not known_path):
            return Answer(404, HTML_PAGE, dict(GATEWAY.headers), GATEWAY.content_type)
        answer = self._application(self._understood(request))
        return self._with_strange_values(request, answer)

    def _understood(self, request: Request) -> Request:
        query = {
            name: ",".join(self._own(part) for part in value.split(",")) if name.endswith(("_id", "_ids")) else value
            for name, value in request.query.items()
        }
        path = "/".join(self._own(part) for part in request.path.split("/"))
        try:
            body = encode(self._own_of(json.loads(request.body))) if request.body else b""
        except (ValueError, RecursionError):
            body = request.body
        return Request(request.method, path, query, request.headers, body, request.peer)

    def _own(self, text: str) -> str:
        # One who still uses the other names means something else.
        return self._foreign.get(text) or (f"no-{text}" if _ID.match(text) else text)

    def _own_of(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._own_of(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._own_of(each) for each in value]
        return self._own(value) if isinstance(value, str) else value

    def _with_strange_values(self, request: Request, answer: Answer) -> Answer:
        try:
            value = json.loads(answer.body)
        except (ValueError, RecursionError):
            return answer
        if isinstance(value, dict) and answer.manner == "whole":
            public = request.path.startswith("/api/public/")
            answer.body = encode({"meta": {"version": "2", "took_ms": 3}, **self._other(value, "", public)})
            answer.content_type = "application/json;charset=UTF-8"
            answer.chunked = True
            if "gzip" in request.headers.get("accept-encoding", ""):
                answer.body = gzip.compress(answer.body, mtime=0)
                answer.headers["Content-Encoding"] = "gzip"
        return answer

    def _other(self, value: Any, key: str, public: bool) -> Any:
        if isinstance(value, dict):
            return self._object(value, key, public)
        if isinstance(value, list):
            return [self._other(each, key, public) for each in value] or ([] if key in _LISTS else None)
        if isinstance(value, str) and (match := _ID.match(value)):
            other = _OURS[match[1]](match[2])
            self._foreign[str(other)] = value
            return other
        if key in _TIMES and isinstance(value, str):
            return _elsewhere(value)
        return _number(value, key) if public else value

    def _object(self, value: dict[str, Any], key: str, public: bool) -> dict[str, Any]:
        if key == "payload":
            return value
        value = dict(value)
        if public and "average" in value and value["average"] is not None:
            value["average"] = float(Decimal(str(value["average"])).quantize(Decimal("0.1"), ROUND_HALF_UP))
        if public and "histogram" in value:
            stars = value.pop("histogram")
            if len(str(value.get("product_id"))) % 2:
                value["histogram"] = [{"stars": int(star), "count": count} for star, count in stars.items()]
        members = {name: self._other(each, name, public) for name, each in reversed(list(value.items()))}
        return members if key == "error" else {"x_internal": {"shard": 7}, **members, "_links": None}


def _number(value: Any, key: str) -> Any:
    if key in _FLAGS and isinstance(value, bool):
        return "true" if value else 0
    if key in _NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if key in _AMOUNTS and isinstance(value, str):
        return float(value) if re.fullmatch(r"-?\d+(\.\d+)?", value) else value
    return None if value == "" else value


def _elsewhere(text: str) -> str:
    """The same moment as another place writes it."""
    moment = datetime.fromisoformat(text.upper().replace("Z", "+00:00"))
    return moment.astimezone(timezone(timedelta(hours=2))).isoformat()
