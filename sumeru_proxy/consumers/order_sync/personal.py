"""Personal data of order sync: what goes with the person, what goes by itself after some time.

What was written to an ERP or to the books stays there: invoices have to be kept by law (in most of Europe six to ten years), and the
merchant's own procedures for that system apply. Here the order's number, day, amounts and the id there stay, so that the proof still holds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q, QuerySet

from sumeru_proxy.consumers.order_sync.models import DayProof, Link, Rehearsal, Sending
from sumeru_proxy.webhooks.listeners import Person, Stored

DOCUMENT_LIFETIME: Final = timedelta(days=90)
PARKED_LIFETIME: Final = timedelta(days=365)
PROOF_LIFETIME: Final = timedelta(days=760)
DOCUMENT_LIFETIME_TEXT: Final = (
    "texts 90 days after the last sending, of parked orders a year; number, day and amounts until the target is deleted"
)
PROOF_LIFETIME_TEXT: Final = "25 months"
STORES: Final = (
    Stored("order_sync.OrderTarget", "targets, their options; secrets apart, encrypted", False, "until deleted"),
    Stored("order_sync.Link", "orders as documents: names, addresses, lines, amounts", True, DOCUMENT_LIFETIME_TEXT),
    Stored("order_sync.Sending", "what was sent: the fields that changed", True, DOCUMENT_LIFETIME_TEXT),
    Stored("order_sync.DayProof", "counts, sums, ids of orders that differ", False, PROOF_LIFETIME_TEXT),
    Stored("order_sync.Rehearsal", "what would have been written: ids, amounts, SKUs", False, PROOF_LIFETIME_TEXT),
)


def _keys(person: Person) -> set[str]:
    """Under which keys documents hold the person: customer ids, and guests by the hash of their e-mail address."""
    guests = {"guest-" + hashlib.sha256(name.encode()).hexdigest()[:20] for name in person}
    return set(person) | guests


def _links(shop_id: int, person: Person) -> QuerySet[Link]:
    matches = Q(pk__in=())
    for key in _keys(person):
        matches |= Q(person__iexact=key)
    for name in person:
        if "@" in name:
            # A customer's order also names the address; the text is ASCII JSON.
            matches |= Q(document_text__icontains=json.dumps(name)[1:-1]) | Q(
                sent_text__icontains=json.dumps(name)[1:-1]
            )
    return Link.objects.filter(matches, target__shop_id=shop_id)


def erase(shop_id: int, person: Person, dry_run: bool) -> Mapping[str, int]:
    """Empty what is held of the person. Joins the erasing transaction; may be repeated. What was due is never sent any more."""
    links = _links(shop_id, person).exclude(state=Link.State.ERASED)
    ids = list(links.values_list("pk", flat=True))
    if ids and not dry_run:
        Sending.objects.filter(link__in=ids).update(changes=[])
        Link.objects.filter(pk__in=ids).update(
            person="",
            document_text="",
            sent_text="",
            text="",
            note="",
            state=Link.State.ERASED,
            reason="erased",
            claimed_until=None,
        )
    return {"orders in targets": len(ids)}


def export(shop_id: int, person: Person) -> Mapping[str, Any]:
    """What is held of the person: each order's document and where it stands in each target."""
    return {
        "orders": [
            {
                "target": link.target.name,
                "state": link.state,
                "number_there": link.remote_number,
                "document": link.document_data,
            }
            for link in _links(shop_id, person).select_related("target")
        ]
    }


def prune(now: datetime, dry_run: bool) -> Mapping[str, int]:
    """Empty the texts of orders that are in agreement for long, and delete old sendings, proofs and rehearsals. May be repeated.

    A parked order that nobody decided about for a year is emptied, too: the next reading of the order brings its content back.
    """
    old, older = now - DOCUMENT_LIFETIME, now - PROOF_LIFETIME
    settled = Q(state__in=(Link.State.SENT, Link.State.SKIPPED), changed_at__lt=old)
    forgotten = Q(state=Link.State.PARKED, changed_at__lt=now - PARKED_LIFETIME)
    links = Link.objects.filter(settled | forgotten).exclude(document_text="")
    old_rows: list[tuple[str, QuerySet[Any]]] = [
        ("sendings", Sending.objects.filter(at__lt=old)),
        ("daily proofs", DayProof.objects.filter(checked_at__lt=older)),
        ("rehearsals", Rehearsal.objects.filter(at__lt=older)),
    ]
    counts = {"documents": links.count(), **{name: rows.count() for name, rows in old_rows}}
    if not dry_run:
        links.update(document_text="", sent_text="", text="")
        for _name, rows in old_rows:
            rows.delete()
    return counts
