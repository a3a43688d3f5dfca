"""Recording what came of a writing in the links: acknowledged, or parked with the target's words. One order's trouble is its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from django.db import DataError, IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from sumeru_proxy.consumers.order_sync.document import Document, as_data, changes, from_data
from sumeru_proxy.consumers.order_sync.models import Link, Sending
from sumeru_proxy.consumers.order_sync.targets.interface import Receipt, TargetError
from sumeru_proxy.outbox.masking import masked


@dataclass(slots=True)
class FlushReport:
    """What a flush did, by action; ``parked`` by reason; ``left`` are still due."""

    actions: dict[str, int] = field(default_factory=dict)
    parked: dict[str, int] = field(default_factory=dict)
    left: int = 0

    def count(self, where: dict[str, int], word: str) -> None:
        """One more."""
        where[word] = where.get(word, 0) + 1

    @property
    def written(self) -> int:
        """How many orders the target acknowledged."""
        return sum(self.actions.values())


CHANGE_LIMIT: Final = 200
_UNREADABLE: Final = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError)


def document_of(link: Link, flushed: FlushReport) -> Document | None:
    """The document that is due; None when its text cannot be read, which parks this order alone."""
    try:
        return from_data(link.document_data)
    except _UNREADABLE:
        _park(
            link,
            TargetError("unreadable_document", "the stored document cannot be read: read the order again"),
            (),
            flushed,
        )
        return None


def document_before(link: Link) -> Document | None:
    """What the target acknowledged last; None when there is nothing, or nothing readable: it is only a hint."""
    try:
        return from_data(link.sent_data) if link.sent_text else None
    except _UNREADABLE:
        return None


def note(
    link: Link, document: Document, outcome: Receipt | TargetError, sending: Sending | None, flushed: FlushReport
) -> None:
    """Remember what came of one writing. A newer document that arrived meanwhile stays due.

    What cannot be stored (the target gave the id of another order, or an amount without bounds) parks this order alone.
    """
    if isinstance(outcome, Receipt):
        try:
            with transaction.atomic():
                _acknowledge(link, outcome, sending)
            flushed.count(flushed.actions, outcome.action)
            return
        except IntegrityError:
            text = f"the target gave it the id of another order: {outcome.remote_id}"
            outcome = TargetError("id_repeated", text)
        except (DataError, ValueError, TypeError, OverflowError) as error:
            outcome = TargetError("answer_unusable", f"the target's answer cannot be stored: {type(error).__name__}")
    _park(link, outcome, personal_texts(document), flushed)


def _park(link: Link, error: TargetError, personal: Iterable[str], flushed: FlushReport) -> None:
    own = Link.objects.filter(pk=link.pk).exclude(state=Link.State.ERASED)
    current = Q(fingerprint=link.fingerprint)
    flushed.count(flushed.parked, error.reason)
    own.filter(current).update(
        state=Link.State.PARKED,
        reason=error.reason[:40],
        text=masked(error.text, (*error.personal, *personal))[:300],
        claimed_until=None,
        changed_at=timezone.now(),
    )
    own.exclude(current).update(claimed_until=None)


def _acknowledge(link: Link, receipt: Receipt, sending: Sending | None) -> None:
    own = Link.objects.filter(pk=link.pk).exclude(state=Link.State.ERASED)
    now = timezone.now()
    values = {
        "sent_text": link.document_text,
        "sent_fingerprint": link.fingerprint,
        "sent_at": now,
        "changed_at": now,
        "remote_id": _word(receipt.remote_id, 190),
        "remote_number": _word(receipt.number, 120),
        "remote_state": _word(receipt.state, 40),
        "remote_url": _word(receipt.url, 500),
        "remote_total": receipt.total,
        "remote_refunded": receipt.refunded,
        "rounding": receipt.rounding,
        "claimed_until": None,
    }
    if not own.update(**values):
        return
    own.filter(fingerprint=link.fingerprint, state=Link.State.DUE).update(state=Link.State.SENT, reason="", text="")
    if sending is not None:
        sending.save(force_insert=True)


def sending_of(link: Link, outcome: Receipt | TargetError) -> Sending | None:
    """What is remembered of a writing, not stored yet; None when nothing was sent."""
    if isinstance(outcome, TargetError):
        return None
    if outcome.action == "unchanged" and link.sent_fingerprint == link.fingerprint:
        return None
    before = document_before(link)
    rows = changes(None if before is None else as_data(before), link.document_data)[:CHANGE_LIMIT]
    return Sending(
        link=link,
        action=outcome.action,
        fingerprint=link.fingerprint,
        changes=[[each.path, each.before, each.after] for each in rows],
    )


def _word(text: str, limit: int) -> str:
    """A target's text without characters that a database refuses."""
    return "".join(each for each in text[:limit] if each.isprintable())


def personal_texts(document: Document) -> set[str]:
    """What of a document names a person: masked in whatever a target says."""
    party = document.party
    texts = {party.email, party.first_name, party.last_name, party.phone, party.name}
    for address in (document.billing, document.shipping):
        if address is not None:
            texts |= {
                address.name,
                address.company,
                address.street,
                address.street2,
                address.phone,
                address.postal_code,
            }
    return {text for text in texts if text}
