"""Setting targets up: options, secrets, the check, the start, rehearsals, and who may do what."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from sumeru_proxy import secrets
from sumeru_proxy.consumers.order_sync.admin_pages import words
from sumeru_proxy.consumers.order_sync.models import Link, OrderTarget, Rehearsal
from sumeru_proxy.models import Credential, Job, Shop
from tests.sumeru_proxy.consumers.order_sync.acting import live, work
from tests.upstream import Upstream

CANARY = "whsec_Y0FuQXJZMDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u"


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def posted(client: Client, address: str, **data: str) -> str:
    return client.post(address, data, follow=True).content.decode()


def test_a_target_is_set_up_and_its_secret_is_shown_nowhere(shop: Shop, operator: Client) -> None:
    page = words.address(shop, words.TARGETS)
    assert "Signed HTTP" in text_of(operator, page)
    form = words.address(shop, words.TARGETS, add="http")
    assert 'type="password"' in text_of(operator, form)
    text = posted(operator, form, name="shop-end", o_url="https://shop.example/orders", secret=CANARY, o_timeout_s="5")
    row = OrderTarget.objects.get()
    assert (row.kind, row.name, row.enabled, row.start_at) == ("http", "shop-end", True, None)
    assert row.options == {"url": "https://shop.example/orders", "timeout_s": 5}
    assert row.credential is not None
    assert secrets.reveal(row.credential) == CANARY
    assert "not started: nothing is written" in text
    assert f"…{CANARY[-4:]}" in text
    everything = text + text_of(operator, words.address(shop, words.TARGETS, change="shop-end"))
    assert CANARY not in everything
    assert "Y0FuQXJZ" not in everything + str(list(LogEntry.objects.values_list("change_message", flat=True)))


def test_a_secret_is_replaced_and_an_empty_field_leaves_it(shop: Shop, operator: Client) -> None:
    posted(
        operator, words.address(shop, words.TARGETS, add="http"), name="a", o_url="https://a.example/", secret=CANARY
    )
    change = words.address(shop, words.TARGETS, change="a")
    posted(operator, change, o_url="https://b.example/")
    row = OrderTarget.objects.get()
    assert row.options["url"] == "https://b.example/"
    assert row.credential is not None
    assert secrets.reveal(row.credential) == CANARY
    posted(operator, change, o_url="https://b.example/", secret="env:TARGET_KEY")
    row.refresh_from_db()
    assert row.credential is not None
    assert row.credential.reference == "TARGET_KEY"
    assert Credential.objects.filter(kind="target_secret").count() == 1


def test_wrong_options_are_marked_and_nothing_is_stored(shop: Shop, operator: Client) -> None:
    form = words.address(shop, words.TARGETS, add="files")
    cases = (
        ({"name": "Books!", "o_folder": "/tmp"}, "small letters"),
        ({"name": "books", "o_folder": "relative"}, "absolute path"),
        ({"name": "books", "o_folder": "/tmp", "more": "{"}, "this is not JSON"),
        ({"name": "books", "o_folder": "/tmp", "more": "[1]"}, "give an object"),
        ({"name": "books", "o_folder": "/tmp", "more": '{"colour": 1}'}, "colour is not one of"),
        ({"name": "books", "o_folder": "/tmp", "more": "[" * 4000}, "this is not JSON"),
    )
    for data, words_there in cases:
        text = posted(operator, form, **data)
        assert words_there in text, data
        assert "Nothing was stored" in text
    assert not OrderTarget.objects.exists()


def test_a_name_is_there_once(shop: Shop, row: OrderTarget, operator: Client, tmp_path: Path) -> None:
    text = posted(operator, words.address(shop, words.TARGETS, add="files"), name="books", o_folder=str(tmp_path))
    assert "has a target of this name" in text


def test_more_options_come_back_as_they_were(shop: Shop, operator: Client, tmp_path: Path) -> None:
    more = {"formats": ["jsonl"]}
    add = words.address(shop, words.TARGETS, add="files")
    posted(operator, add, name="books", o_folder=str(tmp_path), o_people="on", more=json.dumps(more))
    row = OrderTarget.objects.get()
    assert row.options == {"folder": str(tmp_path), "people": True, "formats": ["jsonl"]}
    text = text_of(operator, words.address(shop, words.TARGETS, change="books"))
    assert "&quot;formats&quot;" in text
    assert "checked" in text


def test_the_check_speaks_plainly(shop: Shop, row: OrderTarget, operator: Client, tmp_path: Path) -> None:
    page = words.address(shop, words.TARGETS)
    text = posted(operator, page, target="books", do="check")
    assert "the folder can be written" in text
    OrderTarget.objects.update(options={"folder": str(tmp_path / "gone")})
    text = posted(operator, page, target="books", do="check")
    assert "to be mended" in text
    assert "make or mount the folder by hand" in text
    OrderTarget.objects.update(options={})
    assert "not_set_up" in posted(operator, page, target="books", do="check")
    assert not Link.objects.exists()


def test_the_start_is_from_now_unless_a_person_says_otherwise(shop: Shop, row: OrderTarget, operator: Client) -> None:
    OrderTarget.objects.update(start_at=None)
    page = words.address(shop, words.TARGETS)
    assert f'value="{timezone.now():%Y-%m-%dT%H}' in text_of(operator, page)
    posted(operator, page, **{"target": "books", "do": "start", "books-start_at": "2026-03-01T06:30"})
    row.refresh_from_db()
    assert row.start_at == datetime(2026, 3, 1, 6, 30, tzinfo=UTC)
    assert Job.objects.filter(kind="order_sync:write", state="waiting").count() == 1
    posted(operator, page, target="books", do="stop")
    row.refresh_from_db()
    assert not row.enabled
    assert 'value="2026-03-01T06:30"' in text_of(operator, page)
    for wrong in ("", "yesterday", "1999-01-01T00:00"):
        text = posted(operator, page, **{"target": "books", "do": "start", "books-start_at": wrong})
        assert "errorlist" in text
    row.refresh_from_db()
    assert not row.enabled


def test_a_rehearsal_is_done_by_the_worker_and_shown(
    shop: Shop, sandbox: Upstream, row: OrderTarget, operator: Client
) -> None:
    live(sandbox, 12, seed=5)
    OrderTarget.objects.update(start_at=None)
    page = words.address(shop, words.TARGETS)
    posted(operator, page, target="books", do="rehearse", last="100")
    assert "A rehearsal is under way" in text_of(operator, page)
    posted(operator, page, target="books", do="rehearse", last="100")
    assert Job.objects.filter(kind="order_sync:rehearsal").count() == 1
    work()
    found = Rehearsal.objects.get()
    assert found.report["orders"] >= 12
    assert not Link.objects.exists()
    address = words.address(shop, words.TARGETS, rehearsal=found.pk)
    assert address in text_of(operator, page)
    text = text_of(operator, address)
    assert f"{found.report['orders']} orders were mapped" in text
    for code, amount in found.report["sums"].items():
        assert words.money(amount, code) in text


def test_a_report_names_what_would_park(shop: Shop, row: OrderTarget, viewer: Client) -> None:
    report = {
        "orders": 3,
        "actions": {"created": 2},
        "problems": {"unknown_tax": {"count": 1, "text": "7 % <i>", "orders": ["1001"]}},
        "missing_skus": {"MUG-1": 4},
        "parties": {"new": 2},
        "rounding": {"EUR": {"lines": 1, "sum": -1}},
        "notes": {"taxes_estimated": 1},
        "skipped": {"test_order": 1},
    }
    found = Rehearsal.objects.create(target=row, report=report)
    text = text_of(viewer, words.address(shop, words.TARGETS, rehearsal=found.pk))
    for part in ("1 would need a person", "unknown_tax", "7 % &lt;i&gt;", "1001", "MUG-1", "-0.01 EUR", "test order"):
        assert part in text


def test_who_may_do_what(
    shop: Shop, row: OrderTarget, viewer: Client, client_with: Callable[..., Client], tmp_path: Path
) -> None:
    page = words.address(shop, words.TARGETS)
    seen = text_of(viewer, page)
    assert "<button" not in seen.split('id="content-main"')[1]
    for do in ("check", "rehearse", "start", "stop"):
        assert viewer.post(page, {"target": "books", "do": do}).status_code == 403
    assert viewer.get(words.address(shop, words.TARGETS, add="files")).status_code == 403
    assert viewer.get(words.address(shop, words.TARGETS, change="books")).status_code == 403
    changer = client_with("view_shop", "view_ordertarget", "change_ordertarget", "add_ordertarget")
    form = words.address(shop, words.TARGETS, add="http")
    assert 'type="password"' not in text_of(changer, form)
    posted(changer, form, name="a", o_url="https://a.example/", secret=CANARY)
    assert OrderTarget.objects.get(name="a").credential is None
    stranger = client_with("view_shop")
    assert stranger.get(page).status_code == 403
    assert "Order targets" not in text_of(stranger, f"/admin/sumeru_proxy/shop/{shop.pk}/widgets/")


def test_another_shops_target_is_not_there(shop: Shop, row: OrderTarget, operator: Client) -> None:
    other = Shop.objects.create(name="Other", domain="other.example")
    found = Rehearsal.objects.create(target=row, report={})
    assert operator.post(words.address(other, words.TARGETS), {"target": "books", "do": "stop"}).status_code == 404
    assert operator.get(words.address(other, words.TARGETS, rehearsal=found.pk)).status_code == 404
    assert operator.get(words.address(shop, words.TARGETS, add="fax")).status_code == 404
