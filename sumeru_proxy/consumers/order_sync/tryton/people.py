"""Parties and addresses in Tryton: found by code, made once, never rewritten (a merchant may have mended them there)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sumeru_proxy.consumers.order_sync.document import Document
from sumeru_proxy.consumers.order_sync.tryton import forms
from sumeru_proxy.consumers.order_sync.tryton.facts import Facts
from sumeru_proxy.consumers.order_sync.tryton.options import SHARED_PARTY, Options
from sumeru_proxy.consumers.order_sync.tryton.rest import Door, Rejected, Row

PARTY_FIELDS = ("code", "name", "contact_mechanisms.type", *(f"addresses.{name}" for name in forms.ADDRESS_FIELDS))


@dataclass(frozen=True, slots=True)
class SaleParty:
    """A party and which of its addresses an order uses; None for what the shared guest party does not have."""

    party: int
    invoice: int | None
    shipment: int | None


def parties_by_code(door: Door, codes: Sequence[str]) -> dict[str, Row]:
    """Those of the parties that exist, by code."""
    parties: dict[str, Row] = {}
    for start in range(0, len(codes), 200):
        for row in door.search("party.party", [["code", "in", list(codes[start : start + 200])]], PARTY_FIELDS):
            parties[row["code"]] = row
    return parties


def party_by_email(door: Door, email: str) -> Row | None:
    """The one party with this e-mail address; None when there is none or more than one, since which is meant is then not certain."""
    domain = [["contact_mechanisms", "where", [["type", "=", "email"], ["value", "ilike", _literal(email)]]]]
    parties = door.search("party.party", domain, PARTY_FIELDS, limit=2)
    return parties[0] if len(parties) == 1 else None


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def is_shared(document: Document, facts: Facts, options: Options) -> bool:
    """Whether the order goes to the web shop's guest party."""
    return document.party.guest and options.guests == SHARED_PARTY and facts.guest is not None


def address_rows(document: Document, facts: Facts) -> list[Mapping[str, Any]]:
    """The order's addresses as values, invoice first; one when both say the same."""
    billing = document.billing or document.shipping
    shipping = document.shipping or document.billing
    rows: list[Mapping[str, Any]] = [forms.address_values(each, document.party, facts) for each in (billing, shipping)]
    return rows[:1] if rows[0] == rows[1] else rows


def new_party(document: Document, facts: Facts, options: Options) -> dict[str, Any]:
    """The values of a party for the order's person."""
    return forms.party_values(document, address_rows(document, facts), options)


def party_of(door: Door, document: Document, facts: Facts, options: Options) -> SaleParty:
    """The order's party with its addresses there, made as far as it is not there yet. Raises Rejected."""
    if is_shared(document, facts, options):
        return SaleParty(facts.guest or 0, None, None)
    code = forms.party_code(document.party, options)
    row = parties_by_code(door, [code]).get(code)
    if row is None and options.match_email and document.party.email:
        row = party_by_email(door, document.party.email)
    if row is None:
        row = _make_party(door, code, new_party(document, facts, options))
    return sale_party_of(door, row, document, facts)


def _make_party(door: Door, code: str, values: dict[str, Any]) -> Row:
    """A new party. A rejection may mean that somebody made it meanwhile, or that its phone number or e-mail address is not one to Tryton:
    then it is made without.
    """
    contacts = [each for _create, rows in values.pop("contact_mechanisms", ()) for each in rows]
    while True:
        more = {"contact_mechanisms": [["create", contacts]]} if contacts else {}
        try:
            return door.create("party.party", {**values, **more}, PARTY_FIELDS)
        except Rejected:
            other = parties_by_code(door, [code]).get(code)
            if other is not None:
                return other
            if not contacts:
                raise
            contacts = contacts[:-1]


def sale_party_of(door: Door, row: Row, document: Document, facts: Facts) -> SaleParty:
    """Which addresses of the party the order uses. Those that it lacks are added, and a phone number when it has none."""
    addresses = address_rows(document, facts)
    missing = [values for values in addresses if _place(row, values) is None]
    if missing:
        row = door.update("party.party", row["id"], {"addresses": [["create", missing]]}, PARTY_FIELDS)
    if document.party.phone and not any(each["type"] in forms.PHONES for each in row.get("contact_mechanisms") or ()):
        number = {"type": forms.PHONE, "value": document.party.phone}
        with suppress(Rejected):  # what is no phone number to Tryton is left out
            door.update("party.party", row["id"], {"contact_mechanisms": [["create", [number]]]})
    ids = [_place(row, values) for values in addresses]
    return SaleParty(row["id"], ids[0], ids[-1])


def _place(row: Row, values: Mapping[str, Any]) -> int | None:
    return next((each["id"] for each in row.get("addresses") or () if forms.same_address(values, each)), None)
