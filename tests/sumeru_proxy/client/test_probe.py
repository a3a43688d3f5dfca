from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from sumeru_proxy import secrets
from sumeru_proxy.client.abilities import order_list_abilities
from sumeru_proxy.client.api import Account, Sumeru
from sumeru_proxy.client.limiter import MemoryStore
from sumeru_proxy.client.probe import BulkFinding, Finding, Probe, ProbeTarget, budget_of, bulk_cost, limits_told
from sumeru_proxy.client.resources import EVERY
from sumeru_proxy.models import Credential, Shop
from sumeru_proxy.sandbox.server import running

PUBLIC_KEY, TOKEN = "pk_live_" + "1" * 32, "copt_test_" + "1" * 32
LIMITS = {"public_reads_per_ip": 5_000, "writes_per_ip": 5_000, "admin": 600}
LIMITS_OF_SANDBOX = {"public_reads_per_ip": 5_000, "writes_per_ip": 5_000}
WHOLE = ProbeTarget(quiz_id="quiz_1", experiment="headline", webhook_url="https://widgets.example/hooks")


def probe(url: str, target: ProbeTarget, **more: Any) -> dict[str, Finding]:
    account = Account(
        url, public_key=PUBLIC_KEY, shop_domain="small.example", token=more.pop("token", TOKEN), limits=LIMITS
    )
    sumeru = Sumeru(account, "worker", MemoryStore())
    return {finding.endpoint: finding for finding in Probe(sumeru, target, **more).findings()}


def test_every_endpoint_is_called_once_and_is_as_known() -> None:
    with running(limits=LIMITS_OF_SANDBOX, edge=False) as sandbox:
        found = probe(sandbox.url, WHOLE, write=True)
        assert set(found) == {resource.name for resource in EVERY}
        assert [each for each in found.values() if not each.called or not each.good] == []
        assert sum(sandbox.calls()["endpoints"].values()) == len(EVERY)
    assert "data.reviews[].rating" in found["reviews"].mapped
    assert found["reviews"].status == 200
    assert found["orders"].limit is not None


def test_nothing_is_written_unless_asked() -> None:
    with running(limits=LIMITS_OF_SANDBOX) as sandbox:
        found = probe(sandbox.url, WHOLE)
        calls = sandbox.calls()["endpoints"]
    assert not {"reviews-submit", "referral-claim", "quiz", "pixel", "customer-update", "webhook-subscribe"} & set(
        calls
    )
    assert not found["submit_review"].called
    assert found["submit_review"].error == "needs --write"


def test_what_does_not_fit_is_named() -> None:
    fault = {"kind": "missing_fields", "endpoint": "reviews", "paths": ["data.summary.count"]}
    with running(limits=LIMITS_OF_SANDBOX) as sandbox:
        sandbox.faults.add(fault)
        found = probe(sandbox.url, ProbeTarget(), token=None)
    assert found["reviews"].required_missing == "data.summary.count"
    assert not found["reviews"].good
    assert not found["orders"].called


def test_what_is_said_is_what_happened_and_not_our_own_word_for_it() -> None:
    with running(limits=LIMITS_OF_SANDBOX, edge=False) as sandbox:
        sandbox.faults.add({"kind": "status", "status": 503, "endpoint": "public"})
        account = Account(sandbox.url, public_key=PUBLIC_KEY, shop_domain="small.example", limits=LIMITS)
        sumeru = Sumeru(account, "worker", MemoryStore())
        target = ProbeTarget(product_id="prd_1", experiment="headline")
        for _time in range(2):  # the second finds the breaker open
            found = {each.endpoint: each for each in Probe(sumeru, target).findings() if each.called}
            assert len(found) == 7
            assert {each.status for each in found.values()} == {503}
            assert [each.endpoint for each in found.values() if "server_error, 503" not in each.error] == []
        calls = sum(sandbox.calls()["endpoints"].values())
    assert calls == 14


def test_an_unknown_code_is_an_answer() -> None:
    fault = {"kind": "status", "status": 404, "code": "not_found", "endpoint": "referral*"}
    with running(limits=LIMITS_OF_SANDBOX, edge=False) as sandbox:
        sandbox.faults.add(fault)
        found = probe(sandbox.url, ProbeTarget(), token=None)
    assert found["check_referral"].status == 404
    assert found["check_referral"].good


def test_the_time_of_a_test_is_bounded() -> None:
    with running(limits=LIMITS_OF_SANDBOX, edge=False) as sandbox:
        sandbox.faults.add({"kind": "hang", "endpoint": "*", "seconds": 60})
        account = Account(sandbox.url, public_key=PUBLIC_KEY, shop_domain="small.example", token=TOKEN, limits=LIMITS)
        sumeru = Sumeru(account, "worker", MemoryStore())
        found = list(Probe(sumeru, ProbeTarget(product_id="prd_1"), total_s=1.0).findings())
    asked = [each for each in found if each.called]
    assert 1 <= len(asked) <= 2
    assert {each.error.partition(":")[2].strip() for each in asked} == {"unavailable (timeout)"}
    late = [each for each in found if each.late]
    assert late
    assert not any(each.good for each in (*asked, *late))


@pytest.mark.parametrize(("left_s", "total_s"), [(22.0, 5.0), (3.0, 3.0), (0.1, 0.5)])
def test_a_call_never_takes_more_than_is_left(left_s: float, total_s: float) -> None:
    budget = budget_of(left_s)
    assert (budget.read_s, budget.total_s) == (total_s, total_s)
    assert budget.connect_s <= total_s


def test_the_limits_told_are_compared() -> None:
    with running() as sandbox:
        account = Account(
            sandbox.url, public_key=PUBLIC_KEY, shop_domain="small.example", limits={"public_reads_per_ip": 50}
        )
        sumeru = Sumeru(account, "worker", MemoryStore())
        found = limits_told(sumeru, list(Probe(sumeru, ProbeTarget()).findings()))
    assert [(each.limit_class, each.told, each.configured) for each in found] == [("public_reads", 100, 50)]
    assert found[0].verdict == "higher than configured: public_reads_per_ip may be raised to 100"


def test_the_fields_of_orders_are_listed() -> None:
    limits = {**LIMITS_OF_SANDBOX, "admin_pro": 5_000}
    with running(limits=limits, edge=False, orders={"count": 100, "seed": 1}) as sandbox:
        sandbox.control.put_order({"order": {"id": "ord_g90", "gift_note": "For you"}})
        found = probe(sandbox.url, ProbeTarget())["orders"]
    assert found.good
    assert {
        "data[].refunds[].lines[].tax_lines[].amount", "data[].line_items[].tax_lines[].rate", "data[].discounts[].code",
        "data[].payments[].kind", "data[].taxes_included", "data[].attributions[].touchpoints[].device",
    } <= set(found.mapped)  # fmt: skip
    assert found.unknown == ("data[].gift_note",)


@pytest.mark.parametrize(
    ("filters", "sort"), [("honoured", "honoured"), ("ignored", "ignored"), ("refused", "honoured")]
)
def test_what_a_list_of_orders_understands(filters: str, sort: str) -> None:
    with running(limits=False) as sandbox:
        sandbox.control.change_habits({"comparison_filters": filters, "sort": sort})
        account = Account(sandbox.url, shop_domain="small.example", token=TOKEN, limits=LIMITS)
        found = {each.name: each.verdict for each in order_list_abilities(Sumeru(account, "worker", MemoryStore()))}
    assert found == {
        "sort=created_at": sort,
        "filter[created_at][gte]": filters,
        "filter[updated_at][gte]": filters,
        "filter[id]=a,b": "honoured",
    }


def test_abilities_that_cannot_be_told() -> None:
    with running(limits=False) as sandbox:
        account = Account(sandbox.url, shop_domain="small.example", token=TOKEN, limits=LIMITS)
        sumeru = Sumeru(account, "worker", MemoryStore())
        sandbox.control.add_faults({"kind": "status", "status": 403, "code": "forbidden", "endpoint": "orders"})
        assert [each.verdict for each in order_list_abilities(sumeru)] == ["unknown"]
        sandbox.application.faults.clear()
        sandbox.control.add_faults({"kind": "body", "endpoint": "orders", "base64": "eyJkYXRhIjogW119"})
        assert [each.note for each in order_list_abilities(sumeru)] == ["too few orders to tell"]
        bare = Account(sandbox.url, shop_domain="small.example", limits=LIMITS)
        assert list(order_list_abilities(Sumeru(bare, "worker", MemoryStore()))) == []


@pytest.mark.django_db
def test_the_command(settings: Any) -> None:
    with running(limits=LIMITS_OF_SANDBOX) as sandbox:
        settings.SUMERU_HOSTS = [sandbox.url]
        shop = Shop.objects.create(name="Small", domain="small.example", api_url=sandbox.url, limits=LIMITS)
        secrets.store(shop, Credential.Kind.PUBLIC_KEY, PUBLIC_KEY)
        secrets.store(shop, Credential.Kind.ADMIN_TOKEN, TOKEN)
        out = io.StringIO()
        call_command("check_sumeru", "Small", stdout=out)
        assert "reviews" in out.getvalue()
        assert "left out: needs --write" in out.getvalue()
        shown = io.StringIO()
        call_command("check_sumeru", shop.key, "--json", "--product", "prd_2", stdout=shown)
        data = json.loads(shown.getvalue())
        assert all(each["good"] for each in data["endpoints"])
        assert data["limits"][0]["limit_class"] == "public_reads"
        assert {each["verdict"] for each in data["order_lists"]} == {"honoured"}
        assert re.search(r"filter\[created_at\]\[gte\] +honoured", out.getvalue())
        for text in (out.getvalue(), shown.getvalue()):
            assert TOKEN not in text
            assert PUBLIC_KEY not in text
        sandbox.faults.add({"kind": "html", "endpoint": "reviews"})
        with pytest.raises(CommandError, match="not as known: reviews"):
            call_command("check_sumeru", "Small", stdout=io.StringIO())
    with pytest.raises(CommandError, match="no shop"):
        call_command("check_sumeru", "Nobody")


def seller(url: str) -> Sumeru:
    account = Account(url, public_key=PUBLIC_KEY, shop_domain="small.example", limits=LIMITS)
    return Sumeru(account, "worker", MemoryStore())


@pytest.mark.parametrize(("habit", "cost", "verdict"), [("call", 1, "one per call"), ("item", 5, "one per item")])
def test_what_a_read_of_many_ids_costs_is_measured(habit: str, cost: int, verdict: str) -> None:
    with running(limits=LIMITS_OF_SANDBOX, edge=False) as sandbox:
        sandbox.control.change_habits({"bulk_cost": habit})
        found = bulk_cost(seller(sandbox.url), [f"prd_{number}" for number in (1, 2, 2, 3, 4, 5, 6)])
    assert (found.items, found.cost, found.verdict) == (5, cost, verdict)


def test_what_cannot_be_measured_says_why() -> None:
    with running(limits=LIMITS_OF_SANDBOX) as sandbox:
        ids = [f"prd_{number}" for number in range(1, 6)]
        assert bulk_cost(seller(sandbox.url), ids).cost == 1
        assert bulk_cost(seller(sandbox.url), ids).verdict == "not measured: Sumeru's own cache answered"
        assert "fewer than two" in bulk_cost(seller(sandbox.url), ids[:1]).why
        sandbox.faults.add({"kind": "status", "status": 403, "code": "forbidden", "endpoint": "product-feed"})
        assert "forbidden" in bulk_cost(seller(sandbox.url), ["a", "b"]).why
    assert BulkFinding("products", 5, 3).verdict == "3 for 5 items"


def test_another_reading_of_the_documentation_is_understood() -> None:
    with running(limits=LIMITS_OF_SANDBOX, edge=False, personality="strange") as sandbox:
        found = probe(sandbox.url, WHOLE, write=True)
        ids = [f"gid://strange/Product/{number}" for number in range(1, 7)]
        assert bulk_cost(seller(sandbox.url), ids).verdict == "one per item"
    assert {name: each.error or each.skipped for name, each in found.items() if each.error or each.skipped} == {}
    assert not [each for each in found.values() if not each.called]
