"""No parameter is lost on the way through a widget: every link and form of every state carries what the page asked for.

Whatever differs from its default comes along, unless the link or the form sets it itself. A parameter that no widget knows stands
for the next one that somebody adds. A new widget is tested by having states.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl

import pytest
from rest_framework import serializers

from tests.widgets.states import State, ready
from widgets import registry
from widgets.base import Call, Frozen
from widgets.http import rendering

NEW = {"a_new_parameter": "7"}
TRIED = ("2", "1", "de", "summer", "EUR", "q1:hills")


class Watched(Call):
    """A call that remembers which parameters each of its links and forms sets itself."""

    def __init__(self, call: Call) -> None:
        super().__init__(**{each.name: getattr(call, each.name) for each in fields(Call)})
        object.__setattr__(self, "links", {})
        object.__setattr__(self, "forms", [])

    def link(self, **changes: object) -> str:
        url = super().link(**changes)
        self.links.setdefault(url, []).append(set(changes))
        return url

    def carried(self, *own: str) -> list[tuple[str, str]]:
        pairs = super().carried(*own)
        self.forms.append((dict(pairs), set(own)))
        return pairs


class Ways(HTMLParser):
    """Addresses of a fragment's links and POST forms, and its GET forms: what each sends unasked, and what its fields are called."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.forms: list[tuple[str, dict[str, str], set[str]]] = []
        self._form = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        having = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.addresses.append(having.get("href", ""))
        elif tag == "form":
            self._form = having.get("method", "get") == "get"
            if self._form:
                self.forms.append((having["action"], {}, set()))
            else:
                self.addresses.append(having["action"])
        elif self._form and "name" in having:
            _action, hidden, own = self.forms[-1]
            if having.get("type") == "hidden":
                assert having["name"] not in hidden, having
                hidden[having["name"]] = having["value"]
            else:
                own.add(having["name"])

    def handle_endtag(self, tag: str) -> None:
        self._form = self._form and tag != "form"


def chosen(call: Call) -> dict[str, str]:
    """The parameters that differ from their defaults, as a query has them."""
    defaults = {name: field.default for name, field in registry.all_widgets()[name_of(call)].Params().fields.items()}
    return {
        name: ",".join(value) if isinstance(value, tuple) else "1" if value is True else str(value)
        for name, value in call.params.items()
        if value != defaults.get(name)
    }


def name_of(call: Call) -> str:
    return call.page_url.rpartition("/")[2]


def sample(field: serializers.Field[Any, Any, Any, Any]) -> str:
    """A text that this parameter takes, and that is not its default."""
    for text in (*(str(each) for each in getattr(field, "choices", ())), *TRIED):
        try:
            if text and field.run_validation(text) != field.default:
                return text
        except serializers.ValidationError:
            continue
    raise AssertionError(f"add a value that {field.field_name} takes to TRIED")


def variants(state: State) -> Iterator[tuple[str, Call]]:
    """The state's own call, and that with one more parameter at a time; each with one that nobody knows yet."""
    more = {name: sample(field) for name, field in params_of(state)}
    for name in ("", *more):
        try:
            call = state.call(**({name: more[name]} if name else {}))
        except serializers.ValidationError:
            assert name, state  # two parameters that exclude each other
            continue
        yield name or "its own parameters", replace(call, params=Frozen({**call.params, **NEW}))


def params_of(state: State) -> Iterator[tuple[str, Any]]:
    for name, field in registry.all_widgets()[state.widget].Params().fields.items():
        if name not in state.asked:
            yield name, field


def lost(expected: Mapping[str, str], sent: Mapping[str, str], own: set[str]) -> set[str]:
    return {f"{name}={value}" for name, value in expected.items() if name not in own and sent.get(name) != value}


@pytest.mark.parametrize("state", ready(), ids=str)
def test_every_link_and_form_carries_every_parameter(state: State) -> None:
    widget = registry.all_widgets()[state.widget]
    for about, call in variants(state):
        watched = Watched(call)
        made = rendering.render(widget, watched, state.source())
        assert made.state == "ready" or about != "its own parameters", (about, made.error)
        ways = Ways(rendering.element(made, ""))
        expected = chosen(call)
        assert NEW.items() <= expected.items()
        for address in ways.addresses:
            page, _mark, query = address.partition("?")
            if page != call.page_url:
                continue
            assert address in watched.links, f"{about}: make {address} by Call.link"
            sets = set.intersection(*watched.links[address])
            assert lost(expected, dict(parse_qsl(query)), sets) == set(), (about, address)
        for action, hidden, controls in ways.forms:
            assert action == call.page_url, "a GET form's action has no query: browsers drop it"
            sets = [own for pairs, own in watched.forms if pairs == hidden]
            assert sets, f"{about}: make the hidden fields by Call.carried, these are {hidden}"
            assert not controls & set(hidden), "a parameter that is sent twice"
            assert lost(expected, hidden, controls | sets[0]) == set(), (about, "form")


def test_there_are_forms_and_links_to_look_at() -> None:
    ways = [(state.widget, Ways(state.made().inner)) for state in ready()]
    assert {name for name, each in ways if each.forms} >= {"reviews", "product_feed", "referral"}
    assert {name for name, each in ways if each.addresses} >= {"reviews", "product_feed", "referral", "quiz"}
