"""Webhooks for an endpoint of one's own: verify the raw body first, then read the event. Pure.

Answer 401 to ``BadSignature``, 200 when the event is processed or its id was seen before, 500 to have it sent again. The order of
arrival is not promised and no time is signed: remember ids in a database, and read the current order again before acting on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sumeru_proxy.client.bounded_json import decode
from sumeru_proxy.client.errors import Unreadable
from sumeru_proxy.client.reading import Notes, document
from sumeru_proxy.webhooks.signature import HEADER, BadSignature, sign, verify

__all__ = ["HEADER", "BadEvent", "BadSignature", "Event", "read_event", "sign", "verify"]


class BadEvent(ValueError):
    """The body was signed, but is no event; the text names the field and never repeats what was sent."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, as a hint. ``data`` may name a person and never shows in a representation."""

    id: str
    type: str
    created_at: datetime
    shop_domain: str
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)


def read_event(raw: bytes, header: str | None, secrets: Sequence[str] | str) -> Event:
    """The event in a request's raw body. ``header`` is the value of ``HEADER``, ``secrets`` the subscription's (two in a rotation).

    Raises BadSignature before anything is parsed, and BadEvent for a signed body that is no event.
    """
    verify(raw, header, [secrets] if isinstance(secrets, str) else secrets)
    value, fault = decode(raw)
    if fault:
        raise BadEvent(f"body must be {fault}")
    try:
        fields = document(value, Notes())
        data = fields.raw("data")
        return Event(
            id=fields.need_text("id"),
            type=fields.need_text("type"),
            created_at=fields.need_moment("created_at"),
            shop_domain=fields.need_text("shop_domain"),
            data=data if isinstance(data, dict) else {},
        )
    except Unreadable as error:
        raise BadEvent(f"{error.path} must be {error.expected}") from None
