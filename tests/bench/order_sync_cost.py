"""What one new order costs in Tryton: as the target writes it, against the bare four REST calls, in turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from sumeru_proxy.consumers.order_sync.document import Document
from sumeru_proxy.consumers.order_sync.mapping import map_order
from sumeru_proxy.consumers.order_sync.targets.interface import Entry, Place, Receipt
from sumeru_proxy.consumers.order_sync.targets.tryton import KIND, TrytonTarget
from sumeru_proxy.consumers.order_sync.tryton import forms, sales
from sumeru_proxy.consumers.order_sync.tryton.people import SaleParty, new_party
from sumeru_proxy.consumers.order_sync.tryton.set_up import Server
from tests.sumeru_proxy.consumers.order_sync.erp import PLAN, generated


def cost_of_an_order(server: Server, shop: str) -> dict[str, float]:
    """A new order as a draft against the bare four REST calls that it needs, in turns."""
    raw = {"url": server.url, "database": server.name, "web_shop": shop}
    target = KIND.open(Place("bench", "cost", KIND.options_of(raw), PLAN.key))
    made = [
        map_order(order, "bench")
        for order in generated(400, 11, changed=False)
        if len(order.line_items) < 3 and not order.test
    ]
    plain = [each for each in made if each.currency == "EUR" and each.state == "open"][:63]
    target.write([Entry(plain[0])])
    bare = _Bare(target)
    bare(plain[1])
    times: dict[str, list[float]] = {"ours": [], "bare": []}
    for place, document in enumerate(plain[3:]):
        name: str
        act: Callable[[Document], None]
        name, act = ("ours", lambda each: _write(target, each)) if place % 2 else ("bare", bare)
        began = time.perf_counter()
        act(document)
        times[name].append((time.perf_counter() - began) * 1000)
    ours, least = median(times["ours"]), median(times["bare"])
    return {"ours_ms": round(ours, 1), "bare_ms": round(least, 1), "ratio": round(ours / least, 2)}


def _write(target: TrytonTarget, document: Document) -> None:
    (outcome,) = target.write([Entry(document)])
    assert isinstance(outcome, Receipt), outcome


class _Bare:
    """Find the sale, find the party, make the party, make the sale: nothing else, and nothing looked at."""

    def __init__(self, target: TrytonTarget) -> None:
        self.target = target

    def __call__(self, document: Document) -> None:
        target, door = self.target, self.target.door
        facts, products = target._facts([document])
        door.search("sale.sale", [["web_shop", "=", facts.shop], ["web_id", "=", document.order_id]], ["state"])
        door.search("party.party", [["code", "=", forms.party_code(document.party, target.options)]], ["code"])
        values = {**new_party(document, facts, target.options), "code": f"BARE-{document.order_id}"}
        party = door.create("party.party", values, ["addresses.id"])
        places = [each["id"] for each in party["addresses"]]
        sale = forms.sale_of(document, facts, target.options, products)
        who = SaleParty(party["id"], places[0], places[-1])
        door.create("sale.sale", sales.header(document, sale, who, facts), ["total_amount"])
