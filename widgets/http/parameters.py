"""Validated parameters and options, cached: making a serializer takes longer than most of a response.

Validation is pure: equal input gives equal values. Errors are not cached.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from django.http import QueryDict

from widgets import registry
from widgets.base import Frozen, Widget
from widgets.http import responses

_REMEMBERED = 2_048
Texts = tuple[tuple[str, tuple[str, ...]], ...]


def params(widget: Widget, query: QueryDict) -> Frozen:
    """The widget's parameters of a query; what it does not know is dropped. Raises a 400 problem that names what is wrong."""
    return _params(
        widget.name, tuple((name, tuple(query.getlist(name))) for name in _names(widget.name) if name in query)
    )


@cache
def _names(widget_name: str) -> tuple[str, ...]:
    return tuple(sorted(_widget(widget_name).Params().fields))


@lru_cache(maxsize=_REMEMBERED)
def _params(widget_name: str, texts: Texts) -> Frozen:
    query = QueryDict(mutable=True)
    for name, values in texts:
        query.setlist(name, list(values))
    serializer = _widget(widget_name).Params(data=query)
    if not serializer.is_valid():
        raise responses.invalid(serializer.errors)
    return Frozen(serializer.validated_data)


def options(widget: Widget, chosen: Mapping[str, Any]) -> Frozen:
    """The merchant's options, with defaults for those that were not set; only defaults when this release no longer accepts the
    stored ones.
    """
    return _options(widget.name, json.dumps(chosen, sort_keys=True))


@lru_cache(maxsize=_REMEMBERED)
def _options(widget_name: str, chosen: str) -> Frozen:
    widget = _widget(widget_name)
    serializer = widget.Options(data=json.loads(chosen))
    if not serializer.is_valid():
        serializer = widget.Options(data={})
        serializer.is_valid(raise_exception=True)
    return Frozen(serializer.validated_data)


def _widget(name: str) -> Widget:
    found = registry.get(name)
    assert found is not None, name  # noqa: S101 - callers hold the widget
    return found
