"""``POST /w/v1/{shop}/events``: events of the pixel and of widgets, taken only with the shopper's consent.

The body is JSON under any of the content types that need no preflight (``sendBeacon`` sends ``text/plain``). Events without
consent, or from a browser with Global Privacy Control (``Sec-GPC: 1``), are dropped before anything is written.
Only that a visitor takes consent back (type ``consent_withdrawn``) is passed on, to those who then forget the visitor.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework import serializers

from sumeru_proxy.client import bounded_json
from sumeru_proxy.webhooks import installed
from widgets.base import IdentifierField
from widgets.http import networks, requests, responses, submissions, throttles, visitors
from widgets.http.desk import ShopDesk

EVENTS_LIMIT = 100
BODY_LIMIT_BYTES = 64 * 1024
PROPERTIES_LIMIT_CHARS = 4_096
DEPTH_LIMIT = 5
OLDEST = timedelta(days=2)
NEWEST = timedelta(days=1)
"""Clocks of shoppers' devices are set by hand."""
PER_ADDRESS_PER_MINUTE = 120
TYPES = ("text/plain", "application/json", "application/x-www-form-urlencoded", "")
meter = throttles.Meter()


class EventFields(serializers.Serializer[Any]):
    """One event, in the shape that Sumeru takes. Unknown fields are dropped."""

    id = serializers.RegexField(r"^[A-Za-z0-9_-]{8,80}\Z", help_text="Made by the browser; the same id counts once.")
    type = serializers.RegexField(
        r"^[a-z][a-z0-9_.:-]{0,63}\Z", help_text="For example page_view, cart, or a custom kind."
    )
    occurred_at = serializers.DateTimeField(help_text="ISO 8601; at most two days old.")
    visitor_id = IdentifierField(required=False, allow_blank=True, help_text="The visitor.")
    session_id = IdentifierField(required=False, allow_blank=True, help_text="The visit.")
    url = serializers.URLField(required=False, allow_blank=True, max_length=2048, help_text="The page.")
    referrer = serializers.URLField(required=False, allow_blank=True, max_length=2048, help_text="Where from.")
    consent = serializers.ChoiceField(["granted", "denied"], default="denied", help_text="Only granted is kept.")
    properties = serializers.DictField(required=False, help_text="Anything small: 4 kB, five levels deep.")

    def validate_occurred_at(self, value: datetime) -> datetime:
        """Raises for times that cannot be true; a clock that is a little fast is set to now."""
        now = timezone.now()
        if not now - OLDEST < value < now + NEWEST:
            raise serializers.ValidationError("This is too long ago or in the future.")
        return min(value, now)

    def validate_properties(self, value: dict[str, Any]) -> dict[str, Any]:
        """Raises for what is too deep, too large, or not finite."""
        if _depth(value) > DEPTH_LIMIT or len(json.dumps(value)) > PROPERTIES_LIMIT_CHARS:
            raise serializers.ValidationError("This is too deep or too large.")
        return value


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def parse(raw: bytes) -> tuple[list[Any], object]:
    """The list of events of a body, and its customer token. Raises problems: 413, 400."""
    if len(raw) > BODY_LIMIT_BYTES:
        raise responses.Problem(413, "payload_too_large", "The body is too large.", {"limit_bytes": BODY_LIMIT_BYTES})
    try:
        value = bounded_json.loads(raw, depth=2 * bounded_json.DEPTH)
    except bounded_json.Unbounded:
        value = None
    events = value.get("events") if isinstance(value, dict) else None
    if not isinstance(events, list) or not events:
        raise responses.invalid({"events": ["Send an object with a list of events."]})
    if len(events) > EVENTS_LIMIT:
        raise responses.invalid({"events": [f"At most {EVENTS_LIMIT} events in one call."]})
    return events, value.get("customer_token")


def take(request: HttpRequest, shop: str) -> HttpResponse:
    """202 with the number of events that were taken. Safe to repeat: equal events are one job and are delivered once."""
    if request.method == "OPTIONS":
        return HttpResponse(status=204, headers={"Allow": "POST, OPTIONS"})
    if request.method != "POST":
        raise requests.method_not_allowed("POST, OPTIONS")
    shop_settings = requests.find_shop(shop)
    submissions.check_origin(request, shop_settings)
    wait_s = meter.wait_s(networks.client_network(request.META), PER_ADDRESS_PER_MINUTE)
    if wait_s:
        raise responses.limited(wait_s)
    if (request.content_type or "").lower() not in TYPES:
        raise responses.Problem(415, "unsupported_media_type", "Send JSON as text/plain or application/json.")
    if int(request.META.get("CONTENT_LENGTH") or 0) > BODY_LIMIT_BYTES:
        raise responses.Problem(413, "payload_too_large", "The body is too large.", {"limit_bytes": BODY_LIMIT_BYTES})
    events, token = parse(request.body)
    serializer = EventFields(data=events, many=True)
    if not serializer.is_valid():
        raise responses.invalid({"events": serializer.errors})
    private = request.headers.get("sec-gpc") == "1"
    visitors.withdraw(
        shop_settings,
        {
            event["visitor_id"]
            for event in serializer.validated_data
            if event["type"] == visitors.WITHDRAWN and event.get("visitor_id")
        },
    )
    consented_events = [
        {**event, "occurred_at": event["occurred_at"].isoformat()}
        for event in serializer.validated_data
        if event["consent"] == "granted" and event["type"] != visitors.WITHDRAWN and not private
    ]
    if consented_events and installed.visit_kinds():
        more = visitors.facts(request, shop_settings, token)
        consented_events = [{**event, **more} for event in consented_events]
    if consented_events:
        names = "\n".join(sorted(event["id"] for event in consented_events))
        key = f"events-{hashlib.sha256(names.encode()).hexdigest()[:40]}"
        ShopDesk(shop_settings.profile.id, networks.client_network(request.META)).hand_in(
            "pixel", {"events": consented_events}, key, interactive=False
        )
    return responses.json_answer({"accepted": len(consented_events)}, status=202)
