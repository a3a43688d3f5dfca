"""The catalogue format, version 1, checked: against ``catalogues/schema.json`` (JSON Schema), then what one part demands of another.

Of JSON Schema this reads what the file uses: type, required, properties, items, minItems, enum, const, minimum, maximum, minLength,
pattern, format and references to ``$defs``. A full validator takes six times as long and would be a dependency of production.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from sumeru_proxy.sandbox.clock import seconds_of
from sumeru_proxy.sandbox.credentials import PUBLIC_KEY_SHAPE, TOKEN_SHAPE
from sumeru_proxy.sandbox.endpoints import ALL_SCOPES

Item = dict[str, Any]
SCHEMA = Path(__file__).resolve().parent / "catalogues" / "schema.json"


class CatalogueError(ValueError):
    """A catalogue that does not fit; the message begins with the JSON path."""


def _is_time(text: str) -> bool:
    try:
        seconds_of(text)
    except ValueError:
        return False
    return True


_FORMATS: dict[str, Callable[[str], object]] = {
    "time-or-age": _is_time,
    "admin-token": TOKEN_SHAPE.fullmatch,
    "public-key": PUBLIC_KEY_SHAPE.fullmatch,
    "scope": ALL_SCOPES.__contains__,
}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


@cache
def schema() -> Item:
    """The schema as it stands in the file."""
    document: Item = json.loads(SCHEMA.read_bytes())
    return document


def _requirement(rule: Item) -> str:
    """What a value that breaks the rule should have been."""
    if "description" in rule:
        return str(rule["description"])
    if "enum" in rule:
        return f"one of {', '.join(rule['enum'])}"
    kind = rule["type"][0] if isinstance(rule["type"], list) else rule["type"]
    return {
        "string": "a string that is not empty" if rule.get("minLength") else "a string",
        "boolean": "true or false",
        "integer": f"a whole number from {rule.get('minimum')} to {rule.get('maximum')}",
        "array": f"a list of at least {rule['minItems']}" if "minItems" in rule else "a list",
        "object": "an object",
    }.get(kind, f"a {kind}")


def _has_type(value: Any, types: str | list[str]) -> bool:
    names = [types] if isinstance(types, str) else types
    # True and False are numbers only to Python.
    return any(isinstance(value, _TYPES[name]) and (name == "boolean" or value.__class__ is not bool) for name in names)


def _fits(value: Any, rule: Item) -> bool:
    """Whether the value itself fits, whatever is inside it."""
    if "type" in rule and not _has_type(value, rule["type"]):
        return False
    if value not in rule.get("enum", (value,)):
        return False
    if isinstance(value, str):
        form = _FORMATS.get(rule.get("format", ""))
        return (
            bool(len(value) >= rule.get("minLength", 0))
            and ("pattern" not in rule or bool(re.fullmatch(rule["pattern"], value)))
            and (form is None or bool(form(value)))
        )
    if isinstance(value, list):
        return bool(len(value) >= rule.get("minItems", 0))
    if isinstance(value, int | float) and "minimum" in rule:
        return bool(rule["minimum"] <= value <= rule["maximum"])
    return True


def _check(value: Any, rule: Item, path: str) -> None:
    if "$ref" in rule:
        rule = schema()["$defs"][rule["$ref"].rpartition("/")[2]]
    if not _fits(value, rule):
        raise CatalogueError(f"{path or 'catalogue'}: expected {_requirement(rule)}")
    if isinstance(value, list):
        for place, inner in enumerate(value):
            _check(inner, rule["items"], f"{path}[{place}]")
    elif isinstance(value, dict):
        dot = f"{path}." if path else ""
        for name in rule.get("required", ()):
            if name not in value:
                raise CatalogueError(f"{dot}{name}: is missing")
        for name, inner_rule in rule.get("properties", {}).items():
            if name in value:
                _check(value[name], inner_rule, f"{dot}{name}")


def _unique(items: list[Item], name: str, path: str) -> None:
    ids: set[str] = set()
    for place, item in enumerate(items):
        if item[name] in ids:
            raise CatalogueError(f"{path}[{place}].{name}: {item[name]!r} occurs twice")
        ids.add(item[name])


def _quiz_ends(quiz: Item, path: str) -> None:
    """A jump may only lead forward, so that every quiz ends."""
    order = [question["id"] for question in quiz["questions"]]
    for place, question in enumerate(quiz["questions"]):
        for jump in [question.get("next"), *(option.get("next") for option in question["options"])]:
            if jump and jump != "end" and jump not in order[place + 1 :]:
                raise CatalogueError(f"{path}.questions[{place}]: next {jump!r} is no later question")


def check_catalogue(value: Any) -> Item:
    """``value`` itself when it is a catalogue of version 1. Raises CatalogueError naming the JSON path."""
    _check(value, schema(), "")
    if value["version"] != 1:
        raise CatalogueError("version: only 1 is known")
    _unique(value["shops"], "domain", "shops")
    _unique(value["shops"], "public_key", "shops")
    for place, shop in enumerate(value["shops"]):
        path = f"shops[{place}]"
        for name in ("products", "reviews", "customers", "orders", "bundles", "quizzes", "nudges"):
            _unique(shop.get(name) or [], "id", f"{path}.{name}")
        for number, quiz in enumerate(shop.get("quizzes") or []):
            _quiz_ends(quiz, f"{path}.quizzes[{number}]")
        for number, experiment in enumerate(shop.get("experiments") or []):
            if not any(variant["weight"] for variant in experiment["variants"]):
                raise CatalogueError(f"{path}.experiments[{number}].variants: one weight must be above 0")
        customers = {customer["id"] for customer in shop.get("customers") or []}
        for number, customer_id in enumerate((shop.get("referral") or {}).get("claimed") or []):
            if customer_id not in customers:
                raise CatalogueError(f"{path}.referral.claimed[{number}]: no such customer")
    tokens = [token for shop in value["shops"] for token in shop.get("tokens") or []]
    if len({token["token"] for token in tokens}) != len(tokens):
        raise CatalogueError("shops: two tokens are the same")
    return dict(value)
