"""What the demo shop knows about itself, as any shop does: its collections, sets, customers, its quiz and its experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_PEOPLE = 6


@dataclass(frozen=True, slots=True)
class Bundle:
    """A set with a discount that the shop's cart gives. ``items``: product ids with quantities; ``value`` is a decimal number."""

    title: str
    items: tuple[tuple[str, int], ...]
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class About:
    """``collections``: handle and title. ``people``: customer id and name. ``variants``: name and headline, the control group first."""

    name: str
    currency: str
    collections: tuple[tuple[str, str], ...] = ()
    bundles: tuple[Bundle, ...] = ()
    people: tuple[tuple[str, str], ...] = ()
    quiz: str = ""
    experiment: str = ""
    variants: tuple[tuple[str, str], ...] = ()

    @property
    def bundled(self) -> frozenset[str]:
        """Ids of the products that are part of a set."""
        return frozenset(product for bundle in self.bundles for product, _many in bundle.items)


def facts_of(shop: Mapping[str, Any]) -> dict[str, Any]:
    """What a shop of a sandbox catalogue is about, as JSON that ``read`` takes."""
    experiment = next((each for each in shop.get("experiments") or [] if len(each["variants"]) > 1), None)
    quizzes = shop.get("quizzes") or []
    return {
        "name": shop["name"],
        "currency": shop["currency"],
        "collections": [[each["handle"], each["title"]] for each in shop.get("collections") or []],
        "bundles": [
            {
                "title": each["title"],
                "items": [[item["product_id"], item["quantity"]] for item in each["items"]],
                "kind": (each.get("discount") or {}).get("kind", ""),
                "value": str((each.get("discount") or {}).get("value", "0")),
            }
            for each in shop.get("bundles") or []
        ],
        "people": [
            [each["id"], f"{each['first_name']} {each['last_name']}"]
            for each in (shop.get("customers") or [])[:MOST_PEOPLE]
        ],
        "quiz": quizzes[0]["id"] if quizzes else "",
        "experiment": experiment["name"] if experiment else "",
        "variants": [[each["name"], _headline(each)] for each in experiment["variants"]] if experiment else [],
    }


def _headline(variant: Mapping[str, Any]) -> str:
    payload = variant.get("payload") or {}
    texts = [payload.get(name) for name in ("headline", "text")]
    return next((text for text in texts if isinstance(text, str) and text), "Made to be used")


def read(facts: Mapping[str, Any]) -> About:
    """The opposite of ``facts_of``. Raises KeyError, TypeError or ValueError for anything else."""
    return About(
        name=facts["name"],
        currency=facts["currency"],
        collections=tuple((handle, title) for handle, title in facts["collections"]),
        bundles=tuple(
            Bundle(each["title"], tuple((item, many) for item, many in each["items"]), each["kind"], each["value"])
            for each in facts["bundles"]
        ),
        people=tuple((customer, name) for customer, name in facts["people"]),
        quiz=facts["quiz"],
        experiment=facts["experiment"],
        variants=tuple((name, text) for name, text in facts["variants"]),
    )
