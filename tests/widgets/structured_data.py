"""What search engines ask of structured data, as JSON Schemas.

Written after Google Search Central's pages "Review snippet (Review, AggregateRating) structured data", "Product snippet structured data"
and "Carousel (ItemList) structured data", as far as they concern what widgets say: what is required is required here, what is
recommended and ours to know is required too, and nothing else may be said. Formats are checked: dates, absolute addresses.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

ADDRESS = {"type": "string", "pattern": r"^https?://[^\s/]+/\S*$|^https?://[^\s/]+$"}
TEXT = {"type": "string", "pattern": r"\S"}
# A rating is a number within its scale; both ends of the scale are said, because only 1 to 5 is taken for granted.
SCALE = {"bestRating": {"const": 5}, "worstRating": {"const": 1}}


def _object(kind: str, required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"@type": {"const": kind}, **required, **(optional or {})},
        "required": ["@type", *required],
        "additionalProperties": False,
    }


RATING = _object("Rating", {"ratingValue": {"enum": [1, 2, 3, 4, 5]}, **SCALE})
AGGREGATE_RATING = _object(
    "AggregateRating",
    {
        "@id": ADDRESS,
        "ratingValue": {"type": "number", "minimum": 1, "maximum": 5},
        "reviewCount": {"type": "integer", "minimum": 1},
        **SCALE,
    },
)
# An author has a name of fewer than 100 characters that is no advertisement and no sentence.
PERSON = _object("Person", {"name": {**TEXT, "maxLength": 99}})
REVIEW = _object(
    "Review",
    {
        "@id": ADDRESS,
        "author": PERSON,
        "reviewRating": RATING,
        "datePublished": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
    },
    {"name": TEXT, "reviewBody": TEXT},
)
PRODUCT = _object(
    "Product",
    {
        "@context": {"const": "https://schema.org"},
        "@id": {**ADDRESS, "pattern": r"^https?://\S+#product$"},
        "name": TEXT,
        "aggregateRating": AGGREGATE_RATING,
    },
    {"url": ADDRESS, "image": ADDRESS, "review": {"type": "array", "items": REVIEW, "minItems": 1}},
)
ITEM_LIST = _object(
    "ItemList",
    {
        "@context": {"const": "https://schema.org"},
        "itemListElement": {
            "type": "array",
            "minItems": 1,
            "items": _object("ListItem", {"position": {"type": "integer", "minimum": 1}, "url": ADDRESS, "name": TEXT}),
        },
    },
)
SCHEMAS = {"Product": PRODUCT, "ItemList": ITEM_LIST}
for schema in SCHEMAS.values():
    Draft202012Validator.check_schema(schema)


def problems(data: dict[str, Any]) -> list[str]:
    """What a search engine would complain of; empty for valid data."""
    schema = SCHEMAS.get(str(data.get("@type")))
    if schema is None:
        return [f"unknown type {data.get('@type')!r}"]
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(data)]
