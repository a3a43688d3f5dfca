"""The published JSON Schema of a document, as signed messages and JSON Lines carry it: made from ``document.py``, with its words.

    python -m sumeru_proxy.consumers.order_sync.schema     writes static/order_sync/document.v1.schema.json

Receivers may meet more fields later under the same number; a field that is here keeps its meaning.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import types
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from sumeru_proxy.consumers.order_sync import document as shapes

FILE: Final = Path(__file__).parent / "static" / "order_sync" / f"document.v{shapes.FORMAT}.schema.json"
_MINOR = "in minor units (cents, yen, fils)"
_WORDS: Final[dict[str, dict[str, str]]] = {
    "Document": {
        "shop": "the shop's key here", "order_id": "Sumeru's id", "number": "what people call the order",
        "created_at": "when it was placed", "currency": "ISO 4217", "digits": "decimals of the currency: 100 minor units are 1.00 with 2",
        "taxes_included": "unit prices and discounts hold their tax", "state": "open or cancelled", "party": "who bought",
        "lines": "products and deliveries", "totals": "sums of the lines, and what the shop says", "billing": "invoice address",
        "shipping": "delivery address", "discounts": "of the whole order; already part of the lines", "refunds": "oldest first",
        "payments": "empty when the shop does not tell", "cancelled_at": "when, if it is", "financial_status": "the shop's word",
        "source_name": "where it was placed", "test": "placed for a test", "channel": "of the touch with the most weight",
        "campaign": "of the touch with the most weight", "touches": "contacts before the order, oldest first",
        "updated_at": "last change at Sumeru", "notes": "what had to be derived, by word",
    },
    "Party": {
        "key": "stays the same for one person", "id": "Sumeru's id, empty for a guest", "email": "", "first_name": "", "last_name": "",
        "phone": "",
    },
    "PostalAddress": {
        "name": "", "company": "", "street": "", "street2": "", "city": "", "region": "", "postal_code": "",
        "country": "ISO 3166-1 alpha-2, or empty", "country_text": "as the shop wrote it", "phone": "",
    },
    "Tax": {"percent": "20 for 20 %", "amount": f"what the shop charged, {_MINOR}", "title": "the shop's name for it"},
    "Line": {
        "id": "of the line", "kind": "product or shipping", "title": "", "quantity": "pieces", "unit_price": "per piece, before discounts",
        "net": f"without tax, after discounts, {_MINOR}", "tax": _MINOR, "discount": f"own and shared, {_MINOR}",
        "taxes": "add up to tax", "sku": "empty when there is none", "product_id": "empty when it is deleted", "variant_id": "",
        "gift_card": "a gift card that is sold",
    },
    "Discount": {"code": "may be empty", "amount": _MINOR},
    "Payment": {"kind": "card, gift_card or the shop's word", "amount": _MINOR, "gateway": ""},
    "RefundLine": {
        "line_id": "of which line", "quantity": "0: money without goods", "net": _MINOR, "tax": _MINOR, "taxes": "add up to tax",
    },
    "Refund": {
        "id": "Sumeru's", "created_at": "", "amount": f"paid back in all, {_MINOR}", "tax": f"the part of it that is tax, {_MINOR}",
        "lines": "what was given back; the rest of amount is for no line", "note": "the shop's reason",
    },
    "Touch": {
        "channel": "", "source": "", "medium": "", "campaign_id": "", "occurred_at": "", "weight": "Sumeru's, 0 to 1",
    },
    "Totals": {
        "total": f"what the buyer pays, {_MINOR}", "net": "sum of the lines' net", "tax": "sum of the lines' tax",
        "rounding": "total - net - tax", "discount": "sum of the lines' discounts", "refunded": "sum of the refunds; not part of total",
    },
}  # fmt: skip
_ENUMS: Final = {("Document", "state"): shapes.STATES, ("Line", "kind"): shapes.LINE_KINDS}
_FINGERPRINT: Final = {
    "type": "string",
    "pattern": "^[0-9a-f]{64}$",
    "description": "the same for the same content: nothing new was sent when it is the one that you hold",
}


def document_schema() -> dict[str, Any]:
    """The schema (2020-12). Raises KeyError for a field without its words here."""
    schema = _object(shapes.Document)
    schema["properties"]["fingerprint"] = _FINGERPRINT
    schema["required"].append("fingerprint")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:sumeru-widgets:order-document:{shapes.FORMAT}",
        "title": f"Order document, format {shapes.FORMAT}",
        **schema,
        "$defs": {part.__name__: _object(part) for part in _parts(shapes.Document)},
    }


def _object(part: type) -> dict[str, Any]:
    hints = get_type_hints(part)
    properties = {}
    for each in dataclasses.fields(part):
        property_schema = _of(hints[each.name])
        if (part.__name__, each.name) in _ENUMS:
            property_schema["enum"] = list(_ENUMS[part.__name__, each.name])
        if words := _WORDS[part.__name__][each.name]:
            property_schema["description"] = words
        properties[each.name] = property_schema
    return {"type": "object", "properties": properties, "required": list(properties)}


def _of(hint: Any) -> dict[str, Any]:
    if get_origin(hint) in (Union, types.UnionType):
        (inner,) = (each for each in get_args(hint) if each is not type(None))
        return {"anyOf": [_of(inner), {"type": "null"}]}
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _of(get_args(hint)[0])}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return {"$ref": f"#/$defs/{hint.__name__}"}
    simple: dict[Any, dict[str, Any]] = {
        str: {"type": "string"},
        bool: {"type": "boolean"},
        int: {"type": "integer"},
        Decimal: {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"},
        datetime: {"type": "string", "format": "date-time"},
    }
    return dict(simple[hint])


def _parts(part: type) -> Iterator[type]:
    parts: dict[type, None] = {}
    pending = [part]
    while pending:
        for hint in get_type_hints(pending.pop()).values():
            for each in (hint, *get_args(hint)):
                if dataclasses.is_dataclass(each) and isinstance(each, type) and each not in parts:
                    parts[each] = None
                    pending.append(each)
    yield from sorted(parts, key=lambda each: each.__name__)


def text() -> str:
    """The file's text."""
    return json.dumps(document_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{FILE.name}\n")
