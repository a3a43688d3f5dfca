"""What our pixel's events say: which visits were contacts, who a visitor is, who takes consent back. Pure.

A contact is a ``page_view`` that came from outside (another site, ``utm_…``, a click id), once for each visit and way; or, in a visit
that has none, its first page, as ``direct``. Only events with consent count, and none of programs or of the company's own people
(``excluded``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sumeru_proxy.consumers.attribution import people
from sumeru_proxy.consumers.attribution.arrivals import ArrivedTouch, milliseconds
from sumeru_proxy.consumers.attribution.channels import DIRECT, ChannelRule, arrival

SOURCE: Final = "pixel:"
ORDER_EVENTS: Final = ("order", "purchase", "checkout_completed")
"""Types whose property ``order_id`` says which order the visitor has just placed."""
IDENTIFIED, WITHDRAWN = "identified", "consent_withdrawn"


@dataclass(frozen=True, slots=True)
class Visits:
    """What a batch of events came to. ``touches`` by visitor; ``names`` pairs of visitor and person, ``orders`` of visitor, order id and
    time in ms; ``withdrawn`` visitors. All visitors and persons are keyed hashes.
    """

    touches: Mapping[str, tuple[ArrivedTouch, ...]] = field(default_factory=dict)
    names: frozenset[tuple[str, str]] = frozenset()
    orders: frozenset[tuple[str, str, int]] = frozenset()
    withdrawn: frozenset[str] = frozenset()


def visitor_of(visitor_id: str) -> str:
    """The keyed hash of a visitor's id; never equal to that of a customer's id or address."""
    return people.hash_of(f"visitor {visitor_id}")


def _digest(text: str, chars: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:chars]


def visit_key(visitor: str, session_id: str) -> str:
    """How the keys of a visit's touches begin."""
    return f"{SOURCE}{visitor[:24]}:{_digest(session_id, 12)}:"


def _moment(text: object) -> int | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return milliseconds(found if found.tzinfo else found.replace(tzinfo=UTC))


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    return value if isinstance(value, str) else ""


def _touch(
    event: Mapping[str, Any], visitor: str, at_ms: int, rules: Sequence[ChannelRule], own_hosts: Collection[str]
) -> ArrivedTouch | None:
    came = arrival(_text(event, "url"), _text(event, "referrer"), rules, own_hosts)
    if came is None or (not came.foreign and _text(event, "referrer")):
        return None
    way = _digest("\n".join(came[:4]), 12) if came.channel != DIRECT else DIRECT
    return ArrivedTouch(
        visit_key(visitor, _text(event, "session_id")) + way,
        at_ms,
        came.channel,
        came.campaign,
        _text(event, "device")[:40],
        came.landing,
        came.source,
        came.medium,
    )


def visits_of(events: Iterable[object], rules: Sequence[ChannelRule], own_hosts: Collection[str] = ()) -> Visits:
    """What these events come to, whatever their order and however often each is there."""
    touches: dict[str, dict[str, ArrivedTouch]] = {}
    names: set[tuple[str, str]] = set()
    orders: set[tuple[str, str, int]] = set()
    withdrawn: set[str] = set()
    for event in events:
        if not isinstance(event, Mapping) or not _text(event, "visitor_id"):
            continue
        visitor = visitor_of(_text(event, "visitor_id"))
        kind = _text(event, "type")
        if kind == WITHDRAWN:
            withdrawn.add(visitor)
        if kind == WITHDRAWN or event.get("consent") != "granted" or event.get("excluded"):
            continue
        if customer := people.hash_of(_text(event, "customer_id")):
            names.add((visitor, customer))
        at_ms = _moment(event.get("occurred_at"))
        if kind == IDENTIFIED and (person := people.hash_of(_text(event, "email"))):
            names.add((visitor, person))
        elif at_ms is not None and kind in ORDER_EVENTS:
            properties = event.get("properties")
            order_id = _text(properties, "order_id") if isinstance(properties, Mapping) else ""
            if 0 < len(order_id) <= 190:
                orders.add((visitor, order_id, at_ms))
        elif at_ms is not None and kind == "page_view":
            touch = _touch(event, visitor, at_ms, rules, own_hosts)
            if touch is not None:
                known = touches.setdefault(visitor, {}).get(touch.key)
                if known is None or touch.at_ms < known.at_ms:
                    touches[visitor][touch.key] = touch
    return Visits(
        {visitor: tuple(own.values()) for visitor, own in sorted(touches.items())},
        frozenset(names),
        frozenset(orders),
        frozenset(withdrawn),
    )
