"""The storefront while Sumeru is away, and when it is back."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from sumeru_proxy.sandbox.catalogue import built_in
from tests.browser.visiting import MODES, Facts, Open, product_path, read_json, warm_storefront, widget
from tests.widgets.demo_runs import Run, eventually, running

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A demo whose Sumeru may be killed, and where nobody has asked for the last product."""
    with running(tmp_path_factory.mktemp("demo")) as run:
        yield run


@pytest.fixture(scope="module")
def facts(demo: Run) -> Facts:
    return warm_storefront(demo.facts())


def state(facts: dict[str, Any], product_id: str) -> str:
    return str(read_json(f"{facts['widgets']}w/v1/{facts['shop']}/reviews.json?product_id={product_id}")["state"])


def test_an_outage_of_sumeru_and_its_end(visitor: Open, demo: Run, facts: dict[str, Any]) -> None:
    products = built_in()["shops"][0]["products"]
    cold = str(products[-1]["id"])
    tab = visitor()
    tab.goto("/")
    page = tab.finished(product_path(facts, "server"))
    kept = page.locator(".sw-review").all_inner_texts()
    assert len(kept) == 10

    os.kill(eventually(lambda: demo.pid("sandbox"), 5, "its pid"), signal.SIGKILL)
    eventually(lambda: "To start it again" in demo.text, 5, "the outage is told")
    for mode in MODES:
        page = tab.goto(product_path(facts, mode))
        widget(page, "reviews").scroll_into_view_if_needed()
        expect(page.locator(".sw-review")).to_have_count(10)
        assert page.locator(".sw-review").all_inner_texts() == kept
        page = tab.goto(f"/?mode={mode}")
        expect(widget(page, "rating_badge").locator(".sw-badge").first).to_be_visible()
    pictures = "[...document.images].filter((each) => each.complete && !each.naturalWidth).map((each) => each.src)"
    assert page.evaluate(pictures) == []

    other = visitor()
    page = other.goto(f"/product/{cold}")
    expect(page.locator("h1")).to_have_text(products[-1]["title"])
    fallback = widget(page, "reviews").get_by_role("link")
    expect(fallback).to_have_text(f"Read the reviews of {products[-1]['title']}")
    assert [line for line in other.said if "/media/" not in line] == []  # Sumeru's server has the feed's pictures
    page = visitor().page
    page.goto(fallback.get_attribute("href") or "")
    expect(page.get_by_role("status")).to_contain_text("not available right now")

    demo.process.send_signal(signal.SIGUSR1)
    eventually(lambda: state(facts, cold) == "ready", 60, "the cold product has its reviews")
    page = visitor().goto(f"/product/{cold}")
    expect(widget(page, "reviews").locator(".sw-reviews")).to_be_visible()
