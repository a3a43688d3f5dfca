"""Many widgets in one answer: ``batch`` for everybody, ``live`` for one visitor."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse

from sumeru_proxy.reading.reader import Source
from widgets.http import rendering, requests, responses, views
from widgets.http.requests import WidgetRequest
from widgets.http.shops import ShopSettings

SIZE_LIMIT_BYTES = 256 * 1024
"""Of the widgets' HTML in one answer. What does not fit is not made: its item says ``alone``, and it is asked for once more."""
ABOUT_THE_ADDRESS = frozenset({400, 404})
"""Errors that everybody gets under the same address. Any other is about who asked or about this moment, and is never public."""


def _entries(
    request: HttpRequest, shop_settings: ShopSettings, *, private: bool
) -> list[WidgetRequest | responses.Problem]:
    entries: list[WidgetRequest | responses.Problem] = []
    for name, query in requests.split_batch(request.GET):
        try:
            entries.append(requests.parse(request, shop_settings, name, query, for_everybody=not private))
        except responses.Problem as problem:
            entries.append(problem)
    return entries


class _Items:
    """The items of an answer as they are made: each once, until the answer is full."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._made: dict[Hashable, rendering.Rendered] = {}
        self._left_bytes = SIZE_LIMIT_BYTES
        self.key: list[Hashable] = []
        self.storable = self.finished = True

    def refused(self, problem: responses.Problem, request_id: str) -> dict[str, Any]:
        """The item of a request that cannot be served."""
        body = problem.body(request_id)["error"]
        # The id differs per request; without it equal batches have equal bytes.
        error = {name: body[name] for name in ("code", "message", "details")}
        item = {"state": "error", "status": problem.status, "html": "", "error": error}
        self.finished = False
        self.storable = self.storable and problem.status in ABOUT_THE_ADDRESS
        self.key.append(responses.to_json(item))
        return item

    def elsewhere(self, wanted: WidgetRequest, state: str) -> dict[str, Any]:
        """The item of a widget that this answer does not hold."""
        self.key.append((wanted.widget.name, state))
        return {"state": state, "status": 200, "html": ""}

    def made(self, wanted: WidgetRequest) -> dict[str, Any]:
        """The item of a widget; ``alone`` when the answer is full."""
        name = (wanted.widget.name, repr(wanted.call.named))
        rendered = self._made.get(name)
        if rendered is None and self._left_bytes > 0:
            rendered = self._made[name] = views.make(wanted, self._source)
        size = len(rendered.inner.encode()) if rendered else 0
        # The first is given whatever its size: nothing would be smaller.
        if rendered is None or size > self._left_bytes < SIZE_LIMIT_BYTES:
            self._left_bytes = 0
            return self.elsewhere(wanted, "alone")
        self._left_bytes -= size
        self.key.append(name)
        self.storable = self.storable and rendered.storable
        self.finished = self.finished and rendered.state not in ("pending", "error")
        return rendering.item(rendered)


def _prefetch(calls: Iterable[WidgetRequest], source: Source) -> None:
    by_widget: dict[str, list[WidgetRequest]] = {}
    for each in calls:
        by_widget.setdefault(each.widget.name, []).append(each)
    for same in by_widget.values():
        same[0].widget.prefetch([each.call for each in same], source)


def _answer(request: HttpRequest, shop: str, *, private: bool) -> HttpResponse:
    shop_settings = requests.find_shop(shop)
    entries = _entries(request, shop_settings, private=private)
    calls = [entry for entry in entries if isinstance(entry, WidgetRequest) and entry.call.lacking is None]
    if not private:
        calls = [entry for entry in calls if not entry.widget.is_private(entry.call)]
    source = requests.source_of(request, shop_settings)
    _prefetch(calls, source)
    made = _Items(source)
    items = []
    for entry in entries:
        if isinstance(entry, responses.Problem):
            items.append(made.refused(entry, responses.request_id(request)))
        elif not private and entry.widget.is_private(entry.call):
            items.append(made.elsewhere(entry, "live"))
        else:
            items.append(made.made(entry))
    if not private:
        views.record_inputs(request, shop_settings, "batch", tuple(made.key), source)
    css = (
        rendering.styles([entry.widget for entry in calls], shop_settings.css, styled=shop_settings.styled)
        if calls
        else ""
    )
    status = 200 if made.finished else requests.unfinished_status(request)
    storable = made.storable and not private and status == 200  # the status may be the client's wish
    body = {"v": 1, "css": css, "items": items}
    response = responses.json_answer(body, cache=responses.PUBLIC if storable else responses.NO_STORE)
    response.status_code = status
    return response


@requests.reading
def batch(request: HttpRequest, shop: str) -> HttpResponse:
    """``GET …/batch?w=…&w=…``: many public widgets in one cacheable answer, each with its own state."""
    return _answer(request, shop, private=False)


@requests.reading
def live(request: HttpRequest, shop: str) -> HttpResponse:
    """``GET …/live?w=…&w=…``: the same for widgets of one cart, visitor or customer; never stored."""
    return _answer(request, shop, private=True)
