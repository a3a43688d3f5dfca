"""The engine forgets, books do not: documents that were pruned and people who were erased stay in the day's files; signed HTTP goes on."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from sumeru_proxy.consumers.order_sync import engine, kinds, personal
from sumeru_proxy.consumers.order_sync.kinds import open_target
from sumeru_proxy.consumers.order_sync.models import Link, OrderTarget
from sumeru_proxy.models import Shop
from tests.sumeru_proxy.client.scripted import raw, scripted
from tests.sumeru_proxy.consumers.order_sync.acting import DOMAIN, hear, live, work
from tests.sumeru_proxy.consumers.order_sync.books import official
from tests.upstream import Upstream

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def booked(row: OrderTarget) -> dict[str, int]:
    days = list(Link.objects.filter(target=row).values_list("day", flat=True))
    with open_target(row) as target:
        return {each.order_id: each.total for each in target.orders_between(min(days), max(days))}


def test_a_late_change_of_one_order_keeps_the_others_of_its_day(
    shop: Shop, sandbox: Upstream, row: OrderTarget, tmp_path: Path
) -> None:
    ids = live(sandbox, 20, seed=5, steps=["created"])
    for order_id in ids:
        hear(shop, order_id)
    work()
    before = booked(row)
    assert len(before) > 10
    sent = Link.objects.filter(target=row, state="sent")
    late = sent.order_by("pk")[0]
    number = late.remote_number
    gone = sent.filter(day=late.day).exclude(pk=late.pk)
    assert gone.count() > 3
    # Half of the day was erased with its people, the rest was pruned.
    person = frozenset({gone.order_by("pk")[0].person.casefold()})
    assert personal.erase(shop.pk, person, False)["orders in targets"] >= 1
    Link.objects.filter(target=row).update(changed_at=timezone.now() - personal.DOCUMENT_LIFETIME - timedelta(days=1))
    personal.prune(timezone.now(), False)
    assert not Link.objects.filter(target=row).exclude(document_text="").exists()
    sandbox.sandbox.control.orders.step({"shop": DOMAIN, "id": late.order_id, "step": "cancelled", "silent": True})
    hear(shop, late.order_id, kind="order.updated")
    work()
    late.refresh_from_db()
    assert (late.state, late.order_state) == ("sent", "cancelled")
    assert late.remote_number > number
    assert booked(row) == before
    journal = next(tmp_path.glob("*/journal.beancount"))
    assert official.journal_errors(journal) == []


def test_signed_messages_through_the_engine(shop: Shop, sandbox: Upstream, row: OrderTarget) -> None:
    row.delete()
    answers = [raw(503, b"", "Retry-After: 1"), raw(422, b"no such thing"), raw(200, b'{"id": "A-1"}')]
    with scripted(lambda _received, sock: sock.sendall(answers[min(len(server.received), 3) - 1]) or True) as server:
        http = OrderTarget.objects.create(
            shop=shop,
            kind="http",
            name="platform",
            options={"url": server.url, "allow_private": True},
            start_at=timezone.now() - timedelta(days=9_000),
        )
        kinds.keep_secret(http, SECRET)
        ids = live(sandbox, 6, seed=5, steps=["created"])
        for order_id in ids:
            hear(shop, order_id)
        work()
        with open_target(http) as target:
            engine.flush(http, target)
        links = Link.objects.filter(target=http).exclude(state="skipped")
        states = sorted(links.values_list("state", "reason", "remote_number"))
        sent = {json.loads(each.body)["data"]["order_id"] for each in server.received}
    assert states[0][:2] == ("parked", "refused")
    assert set(states[1:]) == {("sent", "", "A-1")}
    assert "422 no such thing" in links.get(state="parked").text
    # The first answer was an endpoint that is away: everything was sent again, nothing parked for it.
    assert len(server.received) == len(sent) + 1
