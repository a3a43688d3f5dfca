"""The operators' tour in Chromium: weights moved by keyboard, the shift seen, published, an order explained; axe, narrow, dark."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from sumeru_proxy.consumers.attribution import company, intake, shift, weight_tables
from sumeru_proxy.consumers.attribution.arrivals import major
from sumeru_proxy.consumers.attribution.company import Rule
from sumeru_proxy.consumers.attribution.desk_parts import span_of
from sumeru_proxy.consumers.attribution.models import ShiftRun, WeightVersion
from sumeru_proxy.models import Shop
from sumeru_proxy.worker import Worker, handlers
from tests.browser.test_axe import AXE, serious
from tests.sumeru_proxy.consumers.attribution.test_consumer import recent

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def tour(
    transactional_db: None, live_server: Any, browser: Browser, make_shop: Any
) -> Iterator[tuple[Page, Shop, list[str]]]:
    """A signed-in page, a shop with orders and a draft of weights, and what the browser's console complained of."""
    shop = make_shop("https://api.sumeru.systems")
    shift.samples.forget()
    intake.take(shop.pk, recent(60, seed=61))
    weight_tables.draft(shop.pk, [Rule("channel", "email", 1_000), Rule("channel", "direct", 500)])
    client = Client()
    client.force_login(User.objects.create_superuser("tour", password="x"))
    complaints: list[str] = []
    context = browser.new_context(base_url=live_server.url, reduced_motion="reduce")
    cookie = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    page = context.new_page()
    # What axe does has no address: its code was handed to the page by the test.
    page.on(
        "console",
        lambda line: complaints.append(line.text) if line.type == "error" and line.location["url"] else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page, shop, complaints
    context.close()


def address(shop: Shop, slug: str) -> str:
    return reverse("admin:sumeru_proxy_shop_consumer", args=[shop.pk, "attribution", slug])


def overflow(page: Page) -> int:
    """How many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_the_desk_s_tour(tour: tuple[Page, Shop, list[str]]) -> None:
    page, shop, complaints = tour
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(address(shop, "report"))
    expect(page.get_by_text("equal the revenue, to the cent")).to_be_visible()
    assert page.locator("svg.attr-chart").count() == 4
    assert serious(page) == []

    page.goto(address(shop, "weights"))
    slider = page.get_by_role("slider", name="Slider 1")
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_role("spinbutton", name="Thousandths 1")).to_have_value("2000")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="email", exact=True))
    expect(row).to_be_visible()
    expect(row.get_by_role("cell").nth(2)).not_to_have_text("0.00")
    assert Decimal(row.get_by_role("cell").nth(2).inner_text()) > 0
    assert serious(page) == []
    # Each released key asks for all orders; the last one's job is watched, cancelled, asked for again and done.
    shifted = page.get_by_role("region", name="What it would shift")
    status = page.locator(".attr-shift [role=status]")
    expect(status).to_contain_text("Of all orders, being computed")
    shifted.get_by_role("button", name="Cancel").focus()
    page.keyboard.press("Enter")
    expect(status).to_contain_text("Of all orders, cancelled")
    assert serious(page) == []
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    expect(status).to_contain_text("being computed")
    while Worker(handlers()).once():
        pass
    orders = ShiftRun.objects.order_by("pk").last().total  # type: ignore[union-attr]
    expect(status).to_contain_text(f"Of all orders: {orders} / {orders}")
    period = [
        page.locator(".attr-weights").get_attribute(f"data-{name}") or "" for name in ("first", "last", "currency")
    ]
    sample = shift.read_sample(shop.pk, *span_of(*map(date.fromisoformat, period[:2])), period[2])
    rules = company.table([Rule("channel", "email", 2_000), Rule("channel", "direct", 500)])
    now, then = shift.shift_of(sample, rules)["email"]
    assert Decimal(row.get_by_role("cell").nth(2).inner_text()) == major(then - now, period[2])

    page.get_by_label("in force from").fill("2020-01-01")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("is in force for orders from 2020-01-01")).to_be_visible()
    version = WeightVersion.objects.get()
    assert weight_tables.rules_of(version)[0] == Rule("channel", "email", 2_000)

    page.goto(address(shop, "report"))
    expect(page.get_by_text("Orders are being credited anew")).to_be_visible()
    page.goto(address(shop, "spend"))
    for name, value in (("Channel", "email"), ("Amount", "12.50")):
        page.get_by_label(name, exact=True).fill(value)
    page.keyboard.press("Enter")
    expect(page.get_by_role("rowheader", name="email")).to_be_visible()
    assert serious(page) == []
    page.goto(address(shop, "order"))
    order = next(order for order in recent(60, seed=61) if len(order.touches) > 3)
    page.get_by_label("Order id").fill(order.key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Company weights")).to_be_visible()
    expect(page.get_by_text("made under older choices")).to_be_visible()
    assert serious(page) == []
    assert complaints == []


def test_narrow_and_dark(tour: tuple[Page, Shop, list[str]]) -> None:
    page, shop, complaints = tour
    page.set_viewport_size({"width": 390, "height": 800})
    page.emulate_media(color_scheme="dark")
    for slug in ("report", "weights", "spend", "order"):
        page.goto(address(shop, slug))
        assert overflow(page) <= 0, slug
        assert serious(page) == [], slug
    assert complaints == []


def test_the_axe_is_there() -> None:
    assert Path(AXE).exists(), "npm ci has not been run in tests/browser"
