"""The list of orders in targets, and one order: what is shown to whom, sending again, skipping."""

from __future__ import annotations

from datetime import date

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client

from sumeru_proxy.consumers.order_sync import engine
from sumeru_proxy.consumers.order_sync.admin_pages import charts, orders, words
from sumeru_proxy.consumers.order_sync.models import Link, OrderTarget, Sending
from sumeru_proxy.models import Job, Shop
from tests.sumeru_proxy.consumers.order_sync.acting import DOMAIN, hear, live, work
from tests.upstream import Upstream


@pytest.fixture
def links(shop: Shop, sandbox: Upstream, row: OrderTarget) -> list[Link]:
    """Six orders in agreement."""
    for order_id in live(sandbox, 6, steps=["created"], seed=3):
        hear(shop, order_id)
    work()
    return list(Link.objects.filter(target=row, state="sent"))


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def parked(link: Link) -> None:
    Link.objects.filter(pk=link.pk).update(state="parked", reason="unknown_tax", text="19 % has <b>no</b> tax")


def test_a_shop_without_targets_leads_to_the_set_up(shop: Shop, viewer: Client) -> None:
    text = text_of(viewer, words.address(shop, words.ORDERS))
    assert words.address(shop, words.TARGETS) in text
    assert "has no target yet" in text


def test_the_list_is_searched_by_number_target_and_state(shop: Shop, links: list[Link], viewer: Client) -> None:
    first, second = links[0], links[1]
    parked(second)
    every = text_of(viewer, words.address(shop, words.ORDERS))
    assert all(words.address(shop, words.ORDERS, order=each.pk) in every for each in links)
    assert f"{first.total / 100:,.2f} {first.currency}" in every or first.currency not in ("EUR", "USD")

    def found(**query: str) -> set[int]:
        text = text_of(viewer, words.address(shop, words.ORDERS, **query))
        return {each.pk for each in links if words.address(shop, words.ORDERS, order=each.pk) in text}

    assert found(q=first.number) == {first.pk}
    assert found(q=f"#{first.number}" if not first.number.startswith("#") else first.number) == {first.pk}
    assert found(q=first.order_id) == {first.pk}
    assert found(q="no-such-order") == set()
    assert first.pk in found(q=first.number.removeprefix("#")[:-1])
    Link.objects.filter(pk=second.pk).update(remote_number="SO-2026/77", remote_id="d" * 100, order_id="o" * 150)
    assert found(q="SO-2026") == found(q="d" * 100) == found(q="o" * 150) == {second.pk}
    assert found(q="O-2026") == found(q="%") == found(q="_") == found(q="#") == set()
    assert found(state="parked") == {second.pk}
    assert found(target="books") == {each.pk for each in links}
    assert found(state="<script>") == {each.pk for each in links}


@pytest.mark.stores
def test_the_search_reads_indexes_only(shop: Shop, links: list[Link]) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # so few rows would be read faster without
    plan = orders._search(shop, "#100").explain()
    assert "link_number" in plan
    assert "link_remote_number" in plan
    for whole in ("SCAN order_sync_link", "Seq Scan on order_sync_link"):
        assert whole not in plan


def test_an_order_shows_both_sides_and_its_content_to_those_who_may_change(
    shop: Shop, links: list[Link], viewer: Client, operator: Client
) -> None:
    link = next(each for each in links if each.document_data["party"]["email"])
    email = link.document_data["party"]["email"]
    address = words.address(shop, words.ORDERS, order=link.pk)
    seen = text_of(viewer, address)
    assert link.number in seen
    assert words.money(link.remote_total, link.currency) in seen
    assert email not in seen
    assert "Send again" not in seen
    whole = text_of(operator, address)
    assert email in whole
    assert "differed from before" in whole
    assert "Send again" in whole


def test_an_edit_is_shown_as_a_difference(shop: Shop, sandbox: Upstream, links: list[Link], operator: Client) -> None:
    link = links[0]
    sandbox.sandbox.control.orders.step(
        {"shop": DOMAIN, "id": link.order_id, "step": "cancelled", "reason": "customer"}
    )
    hear(shop, link.order_id)
    work()
    assert Sending.objects.filter(link=link).count() == 2
    text = text_of(operator, words.address(shop, words.ORDERS, order=link.pk))
    assert "UTC: cancelled" in text
    assert '<td class="os-value">open</td>' in text
    assert '<td class="os-value">cancelled</td>' in text


def test_what_is_not_sent_yet_is_shown(shop: Shop, links: list[Link], operator: Client) -> None:
    link = links[0]
    data = link.document_data | {"channel": "pigeon"}
    Link.objects.filter(pk=link.pk).update(state="due", document_text=engine.canonical(data), fingerprint="f" * 64)
    text = text_of(operator, words.address(shop, words.ORDERS, order=link.pk))
    assert "What is not sent yet" in text
    assert "pigeon" in text


def test_a_parked_order_says_why_and_is_sent_again(shop: Shop, links: list[Link], operator: Client) -> None:
    link = links[0]
    parked(link)
    address = words.address(shop, words.ORDERS, order=link.pk)
    text = text_of(operator, address)
    assert "19 % has &lt;b&gt;no&lt;/b&gt; tax" in text
    assert "unknown_tax" in text
    operator.post(address, {"do": "send"})
    link.refresh_from_db()
    assert link.state == "due"
    assert LogEntry.objects.get(object_id=str(link.pk)).get_change_message() == "Sent again"
    work()
    link.refresh_from_db()
    assert link.state == "sent"


def test_skipping_takes_a_reason(shop: Shop, links: list[Link], operator: Client) -> None:
    link = links[0]
    parked(link)
    address = words.address(shop, words.ORDERS, order=link.pk)
    assert "give a reason" in operator.post(address, {"do": "skip", "note": " "}, follow=True).content.decode()
    link.refresh_from_db()
    assert link.state == "parked"
    operator.post(address, {"do": "skip", "note": "booked by hand"})
    link.refresh_from_db()
    assert (link.state, link.note) == ("skipped", "booked by hand")
    assert "A person left it out: booked by hand" in text_of(operator, address)


def test_a_written_order_cannot_be_skipped(shop: Shop, links: list[Link], operator: Client) -> None:
    address = words.address(shop, words.ORDERS, order=links[0].pk)
    assert 'value="skip"' not in text_of(operator, address)
    operator.post(address, {"do": "skip", "note": "late"})
    links[0].refresh_from_db()
    assert links[0].state == "sent"


def test_all_parked_ones_are_sent_again(shop: Shop, links: list[Link], operator: Client) -> None:
    for link in links[:3]:
        parked(link)
    address = words.address(shop, words.ORDERS, state="parked")
    assert "Send these 3 again" in text_of(operator, address)
    assert "again</button>" not in text_of(operator, words.address(shop, words.ORDERS))
    operator.post(address)
    assert Link.objects.filter(state="due").count() == 3
    work()
    assert not Link.objects.exclude(state="sent").exclude(state="skipped").exists()


def test_viewers_change_nothing(shop: Shop, links: list[Link], viewer: Client) -> None:
    parked(links[0])
    assert viewer.post(words.address(shop, words.ORDERS, order=links[0].pk), {"do": "send"}).status_code == 403
    assert viewer.post(words.address(shop, words.ORDERS, state="parked")).status_code == 403
    assert Link.objects.filter(state="parked").count() == 1


def test_another_shops_order_is_not_there(shop: Shop, links: list[Link], operator: Client) -> None:
    other = Shop.objects.create(name="Other", domain="other.example")
    assert operator.get(words.address(other, words.ORDERS, order=links[0].pk)).status_code == 404
    assert links[0].number not in text_of(operator, words.address(other, words.ORDERS))


def test_an_erased_order_cannot_be_sent(shop: Shop, links: list[Link], operator: Client) -> None:
    Link.objects.filter(pk=links[0].pk).update(state="erased", document_text="", sent_text="")
    address = words.address(shop, words.ORDERS, order=links[0].pk)
    assert "Send again" not in text_of(operator, address)
    operator.post(address, {"do": "send"})
    links[0].refresh_from_db()
    assert links[0].state == "erased"
    assert not Job.objects.filter(kind="order_sync:write", state="waiting").exists()


def test_a_link_that_is_no_web_address_is_not_followed(shop: Shop, links: list[Link], viewer: Client) -> None:
    Link.objects.filter(pk=links[0].pk).update(remote_url="javascript:alert(1)")
    assert "javascript:" not in text_of(viewer, words.address(shop, words.ORDERS, order=links[0].pk))


# -- the pure parts


def test_bars_stand_on_each_other_and_keep_their_proportion() -> None:
    days = charts.days_before(date(2026, 3, 3), 3)
    assert days == [date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)]
    chart = charts.bars(days, {days[0]: {"sent": 10, "parked": 10}, days[2]: {"sent": 5}}, ("sent", "parked"), "w")
    assert [(box.kind, box.height) for box in chart.boxes] == [("sent", 58.0), ("parked", 58.0), ("sent", 29.0)]
    first, second, third = chart.boxes
    assert first.y == second.y + second.height
    assert first.y + first.height == charts.HEIGHT == third.y + third.height
    assert first.x < third.x < charts.WIDTH
    assert charts.bars(days, {}, ("sent",), "w").boxes == ()


def test_a_year_ends_today_in_columns_of_weeks() -> None:
    chart = charts.year(date(2026, 11, 27), {date(2026, 11, 27): "green", date(2026, 11, 26): "differs"}, "w")
    assert [box.kind for box in chart.boxes[-2:]] == ["differs", "green"]
    assert chart.boxes[0].y == 0
    assert chart.boxes[-1].y == 4 * charts.CELL  # a Friday
    assert chart.boxes[-1].x == 52 * charts.CELL


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (119000, "EUR", "1,190.00 EUR"),
        (1190, "JPY", "1,190 JPY"),
        (4408, "KWD", "4.408 KWD"),
        (-5, "EUR", "-0.05 EUR"),
        (None, "EUR", "—"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(amount: int | None, currency: str, text: str) -> None:
    assert words.money(amount, currency) == text


def test_paths_are_words() -> None:
    assert words.path_words("lines[0].unit_price") == "lines 1, unit price"
    assert words.path_words("lines[lin_7].taxes[0].title") == "lines lin_7, taxes 1, title"
    assert words.path_words("state") == "state"
