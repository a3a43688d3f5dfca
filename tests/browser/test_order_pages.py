"""Order sync's pages in the admin, in Chromium: axe, reflow and keyboard, light and dark, on a phone and a desk.

With ``PICTURES`` naming a folder each page is photographed there.
"""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page, Route

from sumeru_proxy.client import resources_admin as admin
from sumeru_proxy.client.resource import read_answer
from sumeru_proxy.consumers.order_sync import engine, rehearsal
from sumeru_proxy.consumers.order_sync.admin_pages import words
from sumeru_proxy.consumers.order_sync.kinds import open_target
from sumeru_proxy.consumers.order_sync.models import DayProof, Link, OrderTarget
from sumeru_proxy.models import Shop
from sumeru_proxy.sandbox.orders import generator
from tests.browser.test_axe import AXE, RULES

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

BASE = "http://desk.test"
PAGES = ("orders", "parked", "order", "days", "day", "targets", "checked", "target", "rehearsal")


@pytest.fixture
def row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_consumers: None, settings: Any) -> OrderTarget:
    """Books with forty orders, two of which are parked, and a month of proofs of which two days differ."""
    settings.SUMERU_CONSUMERS = ["sumeru_proxy.consumers.order_sync"]
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright's loop runs in this thread
    shop = Shop.objects.create(name="Ridge & Hollow", domain="ridge.example")
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    row = OrderTarget.objects.create(
        shop=shop, kind="files", name="books", options={"folder": str(tmp_path)}, start_at=long_ago
    )
    OrderTarget.objects.create(shop=shop, kind="http", name="endpoint", options={"url": "https://ridge.example/orders"})
    now = datetime.now(UTC)
    since = (now - timedelta(days=15)).strftime("%Y-%m-%dT%H:%M:%SZ")
    drawn = generator.orders(40, 7, since=since, every_s=9 * 3600, not_after=now.strftime("%Y-%m-%dT%H:%M:%SZ"))
    orders = [read_answer(admin.ORDER, {"data": each}) for each in drawn]
    engine.take(row, orders)
    with open_target(row) as target:
        engine.flush(row, target)
        rehearsal.keep(row, rehearsal.rehearse(row, target, orders))
    parked = Link.objects.filter(target=row, state="sent")[:2]
    for link in parked:
        Link.objects.filter(pk=link.pk).update(
            state="parked", reason="unknown_tax", text="There is no tax of 7.75 % in the ERP: name one in the options."
        )
    for number in range(28):
        day = now.date() - timedelta(days=number)
        differing: list[Any] = []
        if number in (3, 9):
            differing = [["ord_1", "1001", [["total", "11900", "11899"]]], ["ord_2", "1002", [["missing", "due", ""]]]]
        DayProof.objects.create(
            target=row, day=day, currency="EUR", orders=12, total=142880, target_orders=12, target_total=142880,
            differing=differing, checked_at=timezone.now(),
        )  # fmt: skip
    return row


def address_of(row: OrderTarget, name: str) -> str:
    shop, day = row.shop, timezone.now().date() - timedelta(days=3)
    link = Link.objects.filter(target=row, state="parked" if name == "parked" else "sent").first()
    report = row.rehearsals.first()
    assert link is not None
    assert report is not None
    return {
        "orders": words.address(shop, words.ORDERS),
        "parked": words.address(shop, words.ORDERS, order=link.pk),
        "order": words.address(shop, words.ORDERS, order=link.pk),
        "days": words.address(shop, words.DAYS, target="books"),
        "day": words.address(shop, words.DAYS, target="books", day=day.isoformat()),
        "targets": words.address(shop, words.TARGETS),
        "checked": words.address(shop, words.TARGETS),
        "target": words.address(shop, words.TARGETS, add="http"),
        "rehearsal": words.address(shop, words.TARGETS, rehearsal=report.pk),
    }[name]


Show = Callable[..., Page]


@pytest.fixture
def show(browser: Browser, row: OrderTarget) -> Iterator[Show]:
    client = Client()
    client.force_login(User.objects.create_superuser("desk"))
    contexts = []

    def shown(name: str) -> Page:
        address = address_of(row, name)
        if name == "checked":
            html = client.post(address, {"target": "books", "do": "check"}).content
        else:
            html = client.get(address).content

        def answer(route: Route) -> None:
            path = route.request.url.removeprefix(BASE)
            if path.startswith("/static/") and (file := finders.find(path.removeprefix("/static/").split("?")[0])):
                kind = mimetypes.guess_type(str(file))[0]
                route.fulfill(body=Path(str(file)).read_bytes(), content_type=kind)
            elif path == "/page":
                route.fulfill(body=html, content_type="text/html; charset=utf-8")
            else:
                route.fulfill(status=404, body="")

        context = browser.new_context(viewport={"width": 1280, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.route("**/*", answer)
        page.goto(f"{BASE}/page")
        return page

    yield shown
    for context in contexts:
        context.close()


def findings(page: Page) -> list[str]:
    # Links change their colour slowly when light becomes dark: what is judged is where they arrive.
    page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
    result = page.evaluate("(options) => axe.run('#content', options)", options)
    assert len(result["passes"]) > 10
    return [
        f"{each['id']}: {node['target']}: {node['failureSummary']}"
        for each in result["violations"]
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(show: Show, name: str) -> None:
    page = show(name)
    looks: list[tuple[int, Any]] = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
    for width, scheme in looks:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        if folder := os.environ.get("PICTURES"):
            page.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png", full_page=True)
        assert findings(page) == [], (width, scheme)
        sizes = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert sizes[0] <= sizes[1], (width, sizes)


def test_every_act_is_reached_by_keyboard(show: Show) -> None:
    page = show("parked")
    wanted = {"Send again", "Skip"}
    reached = set()
    for _press in range(80):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.textContent.trim()"))
        if wanted <= reached:
            break
    assert wanted <= reached


def test_a_calendars_day_is_a_link_with_words(show: Show) -> None:
    page = show("days")
    today = page.get_by_role("link", name=f"{date.today().day}", exact=False).filter(has_text="orders agree")
    assert today.count() >= 1
    assert (
        page.get_by_role("img", name="Days that were compared in the last year: 26 green, 2 with differences.").count()
        == 1
    )
