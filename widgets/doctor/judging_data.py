"""Findings about a page's structured data (JSON-LD). Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sumeru_proxy.client import bounded_json
from widgets.doctor.table import Finding, finding

Node = dict[str, Any]


def judged(blocks: Sequence[tuple[str, int]]) -> Iterator[Finding]:
    """Findings for the blocks of a page, each given as its text and line."""
    rated: dict[str, list[int]] = {}
    whole: dict[tuple[str, str], list[int]] = {}
    for text, line in blocks:
        try:
            value = bounded_json.loads(text, depth=64)
        except bounded_json.Unbounded as error:
            yield finding("json_ld_unreadable", line, why=str(error)[:200], line=line)
            continue
        for node in _products(value):
            name = _name(node)
            if node.get("aggregateRating"):
                rated.setdefault(name, []).append(line)
            whole.setdefault((name, json.dumps(node, sort_keys=True)), []).append(line)
    twice = set()
    for (name, _text), lines in whole.items():
        if len(lines) > 1:
            twice.add((name, len(lines)))
            yield finding("json_ld_twice", lines[1], name=name, count=len(lines))
    for name, lines in rated.items():
        if len(lines) > 1 and (name, len(lines)) not in twice:
            yield finding("two_ratings", lines[1], name=name, count=len(lines))


def _products(value: object, depth: int = 0) -> Iterator[Node]:
    """Every Product node, in lists, graphs and lists of items too."""
    if depth > 8:
        return
    if isinstance(value, list):
        for each in value:
            yield from _products(each, depth + 1)
    elif isinstance(value, dict):
        kinds = value.get("@type")
        if "Product" in (kinds if isinstance(kinds, list) else [kinds]):
            yield value
        for name in ("@graph", "itemListElement", "item", "mainEntity"):
            yield from _products(value.get(name), depth + 1)


def _name(node: Node) -> str:
    """What distinguishes products: the name, which every Product has; an @id may be anything."""
    name = node.get("name") or node.get("@id") or "A product"
    return " ".join(str(name).split())
