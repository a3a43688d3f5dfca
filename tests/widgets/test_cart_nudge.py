"""The widget `cart_nudge`: never a wrong figure, whatever Sumeru was told and however old its answer is."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from sumeru_proxy.client.resources_shopper import NUDGE
from sumeru_proxy.client.shapes import CartNudge as Said
from sumeru_proxy.client.shapes import Cta, NudgeProgress
from sumeru_proxy.models import Shop
from sumeru_proxy.reading import reader
from sumeru_proxy.reading.reader import Missing, Pending
from tests.upstream import Upstream
from tests.widgets.commerce import HOSTILE, Answers, made
from tests.widgets.fragments import NOW
from widgets.base import Nothing
from widgets.catalog.cart_nudge import ANY_CART, CartNudge, readings, truthful


def progress(total: Decimal, target: Decimal) -> NudgeProgress:
    return NudgeProgress(total, target, target - total)


def sumeru(
    *goals: str, message: str = "Only {left} EUR to go until delivery is free"
) -> Callable[[dict[str, Any]], Any]:
    """As the upstream: the first goal above the total it is told, with the amount in the sentence."""

    def answer(asked: dict[str, Any]) -> Any:
        total = Decimal(asked["cart_total"])
        for number, goal in enumerate(map(Decimal, goals)):
            if total < goal:
                kind = "discount_tier" if number else "free_shipping"
                return Said(f"ndg_{number}", kind, message.format(left=goal - total), progress(total, goal))
        return Missing()

    return answer


def show(answer: Any, options: dict[str, Any] | None = None, **asked: str) -> Any:
    source = answer if isinstance(answer, Answers) else Answers(answer)
    return made(CartNudge(), source, options, **{"cart_id": "c1", "cart_total": "47.20", "currency": "EUR", **asked})


def test_a_goal_in_words() -> None:
    context, page, _ = show(sumeru("75"))
    assert page.text == "Only €27.80 to go until delivery is free €75.00"
    assert page.all("progress", max="100", value="62", aria_label="€47.20 of €75.00")
    assert {name: each["text"] for name, each in context["progress"].items() if name != "percent"} == {
        "current": "€47.20",
        "target": "€75.00",
        "remaining": "€27.80",
    }
    assert set(context) == {"id", "kind", "message", "reached", "progress", "cta", "expires_at"}
    assert page.all("p", role="status")
    assert page.elements[0][1]["part"] == "nudge free_shipping"


def test_sumeru_is_told_a_rounded_total() -> None:
    source = Answers(sumeru("75"))
    for total in ("45", "46.10", "49.99"):
        show(source, cart_total=total, item_count="2")
    assert source.reads[0] == {"cart_id": "c1", "cart_total": "45.00", "currency": "EUR", "item_count": 2}
    assert len(set(source.wanted)) == 1


def test_a_goal_that_rounding_hid_is_followed_by_the_next() -> None:
    source = Answers(sumeru("78", "150"))
    context, _, _ = show(source, cart_total="79.99")
    assert [each["cart_total"] for each in source.reads] == ["75.00", "78.00"]
    assert (context["kind"], context["message"]) == ("discount_tier", "Only €70.01 to go until delivery is free")
    assert not context["reached"]


def test_the_last_goal_reached() -> None:
    context, page, _ = show(sumeru("78"), cart_total="79.99")
    assert context["reached"]
    assert context["progress"]["remaining"]["amount"] == Decimal("0.00")
    assert page.text == "✓ Delivery is free for this order. €78.00"
    assert page.all("progress", value="100")
    assert page.elements[0][1]["part"] == "nudge free_shipping reached"
    with pytest.raises(Nothing):
        show(sumeru("78"), {"show_reached": False}, cart_total="79.99")


def test_the_next_goal_not_known_yet_shows_the_reached_one() -> None:
    first = sumeru("78")
    context, _, _ = show(
        lambda asked: first(asked) if asked["cart_total"] == "75.00" else Pending(2.0), cart_total="79"
    )
    assert context["reached"]


def test_an_upstream_that_repeats_a_reached_goal_is_not_asked_for_ever() -> None:
    source = Answers(Said("n", "discount_tier", "Nearly", NudgeProgress(Decimal(1), Decimal(40), Decimal(39))))
    context, _, _ = show(source)
    assert (context["reached"], context["message"]) == (True, "You have unlocked your discount.")
    assert len(source.reads) == 3


@given(st.integers(1, 20_000_00), st.lists(st.integers(1, 20_000_00), max_size=2).map(sorted))
def test_figures_are_always_those_of_the_cart(units: int, goals: list[int]) -> None:
    total = Decimal(units) / 100
    ahead = [Decimal(goal) / 100 for goal in goals if goal > units]
    try:
        context, _, _ = show(sumeru(*(str(Decimal(goal) / 100) for goal in goals)), cart_total=str(total))
    except Nothing:
        assert not ahead
        return
    if ahead:
        assert context["progress"]["target"]["amount"] == ahead[0]
        assert context["progress"]["remaining"]["amount"] == ahead[0] - total
        assert context["progress"]["remaining"]["text"] in context["message"]
    else:
        assert context["reached"]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Only 25.10 EUR to go", "Only €9.00 to go"),
        ("Only €25.10 to go!", "Only €9.00 to go!"),
        ("Nur noch 25,10 € bis 75 €", "Nur noch €9.00 bis 75 €"),
        ("Only EUR 25.10 until 10 % off", "Only €9.00 until 10 % off"),
        ("25.10 to go.", "€9.00 to go."),
        ("Spend 75.00 EUR for free delivery", "Spend 75.00 EUR for free delivery"),
        ("Nearly there", "Nearly there"),
        ("Order within 3 days", "Order within 3 days"),
        ("Only €25 to go", ""),  # rounded by whoever wrote it
        ("€30 more and get €5 off", ""),
        ("Only 2,510 EUR to go", ""),
        ("Only 25.10.2026", "Only 25.10.2026"),
    ],
)
def test_truthful(message: str, expected: str) -> None:
    assert truthful(message, Decimal("25.10"), Decimal(75), "€9.00", "EUR", "en") == expected


def test_a_bare_whole_number_that_could_be_the_amount_is_doubted() -> None:
    assert truthful("Only 25 to go", Decimal("25.00"), Decimal(75), "€9.00", "EUR", "en") == ""
    assert truthful("Add 25 EUR, save 25 %", Decimal(25), Decimal(75), "€9.00", "EUR", "en") == "Add €9.00, save 25 %"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1,250", {Decimal(1250), Decimal("1.25")}),
        ("1.250,50", {Decimal("1250.50")}),
        ("25.10", {Decimal("25.1"), Decimal(2510)}),
        ("1 250", {Decimal(1250)}),
    ],
)
def test_readings(written: str, expected: set[Decimal]) -> None:
    assert expected <= readings(written)


def test_a_doubtful_sentence_is_replaced() -> None:
    context, _, _ = show(sumeru("75", message="Only 31 EUR to go"))
    assert context["message"] == "Only €27.80 to go until delivery is free"


def simple(**changes: Any) -> Said:
    return Said(**{"id": "n", "kind": "low_stock", "message": "Only 3 mugs left", **changes})


def test_words_without_a_goal() -> None:
    context, page, _ = show(simple(cta=Cta("Check out", "/checkout")))
    assert page.text == "Only 3 mugs left Check out"
    assert page.all("a", href="https://shop.example/checkout", part="cta")
    assert not page.all("progress")
    assert context["kind"] == "low_stock"
    assert show(simple(kind="fireworks"))[0]["kind"] == "message"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//evil.example/x", "data:text/html,x"])
def test_where_the_call_to_action_must_not_lead(url: str) -> None:
    context, _, _ = show(simple(cta=Cta("Go", url)))
    assert context["cta"] in (None, {"label": "Go", "url": "https://evil.example/x"})
    assert "javascript" not in json.dumps(context, default=str)


def test_expiry() -> None:
    _, page, _ = show(simple(expires_at=NOW + timedelta(minutes=25)))
    assert page.text == "Only 3 mugs left Ends in 25 minutes"
    assert page.all("time", datetime="2026-06-01T00:25:00+00:00")
    for over in (NOW, NOW - timedelta(seconds=1)):
        with pytest.raises(Nothing):
            show(simple(expires_at=over))


@pytest.mark.parametrize(
    "asked", [{"cart_total": "0"}, {"item_count": "0"}, {"cart_id": ""}, {"cart_total": "0.000", "item_count": "3"}]
)
def test_an_empty_or_unknown_cart_asks_nobody(asked: dict[str, str]) -> None:
    source = Answers(sumeru("75"))
    with pytest.raises(Nothing):
        show(source, **asked)
    with pytest.raises(Nothing):
        made(CartNudge(), source, cart_id="c1")
    assert source.reads == []


def test_nothing_to_say_and_nothing_known() -> None:
    with pytest.raises(Nothing):
        show(Missing())
    with pytest.raises(Pending):
        show(Pending(2.0))


def test_carts_may_share_answers() -> None:
    source = Answers(sumeru("75"))
    show(source, {"per_cart": False}, cart_id="c1")
    show(source, {"per_cart": False}, cart_id="")
    assert len(set(source.wanted)) == 1
    assert source.reads[0]["cart_id"] == ANY_CART
    show(source)
    assert len(set(source.wanted)) == 2


def test_hostile_text_is_text() -> None:
    _, page, html = show(simple(message=HOSTILE, cta=Cta(HOSTILE[:60], "https://shop.example/?a=%22")))
    assert "<script" not in html
    assert "{{ call.shop }}" in page.text


def test_right_to_left() -> None:
    _, page, _ = made(CartNudge(), Answers(simple()), language="ar", cart_id="c", cart_total="5")
    assert page.elements[0][1]["dir"] == "rtl"


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    made_shop = make_shop(sandbox.url, **sandbox.account())
    Shop.objects.filter(pk=made_shop.pk).update(storefront_url="https://shop.example", currency="EUR")
    return made_shop


QUERY = "cart_id=c1&cart_total=41.50&item_count=2"


def test_in_every_form_and_never_stored(client: Client, shop: Shop, sandbox: Upstream) -> None:
    base = f"/w/v1/{shop.key}/"
    answers = {form: client.get(f"{base}cart_nudge{form}?{QUERY}") for form in (".json", ".html", "")}
    data = json.loads(answers[".json"].content)
    assert data["data"]["message"] == "Only €8.50 to free shipping"
    assert data["data"]["cta"]["url"] == "https://shop.example/collections/all"
    assert data["inner_html"] in answers[""].content.decode()
    answers["live"] = client.get(base + "live", {"w": f"cart_nudge?{QUERY}"})
    assert json.loads(answers["live"].content)["items"][0]["html"] == data["inner_html"]
    for response in answers.values():
        assert response["Cache-Control"] == "no-store"
    public = json.loads(client.get(base + "batch", {"w": f"cart_nudge?{QUERY}"}).content)["items"][0]
    assert (public["state"], public["html"]) == ("live", "")
    assert sandbox.calls("cart-nudge") == 1


def test_a_small_addition_costs_no_read_and_shows_its_effect(client: Client, shop: Shop, sandbox: Upstream) -> None:
    address = f"/w/v1/{shop.key}/cart_nudge.json?cart_id=c1&item_count=2&cart_total="
    shown = [
        json.loads(client.get(address + total).content)["data"]["message"] for total in ("41.50", "43.75", "44.99")
    ]
    assert shown == [f"Only €{left} to free shipping" for left in ("8.50", "6.25", "5.01")]
    assert sandbox.calls("cart-nudge") == 1


def test_sumeru_has_nothing_to_say(client: Client, shop: Shop) -> None:
    data = json.loads(client.get(f"/w/v1/{shop.key}/cart_nudge.json?cart_id=c1&cart_total=500").content)
    assert (data["state"], data["data"]) == ("empty", None)


def test_upstream_down_with_and_without_a_copy(
    client: Client, shop: Shop, sandbox: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"/w/v1/{shop.key}/cart_nudge.json?"
    client.get(address + QUERY)
    sandbox.fault("status", status=500)
    now = reader.time.time()
    monkeypatch.setattr(reader.time, "time", lambda: now + NUDGE.fresh_s + 1)
    stale = json.loads(client.get(address + QUERY.replace("41.50", "44.90")).content)
    assert (stale["state"], stale["fresh"], stale["data"]["message"]) == ("ready", False, "Only €5.10 to free shipping")
    cold = json.loads(client.get(address + QUERY.replace("c1", "c2")).content)
    assert cold["state"] == "pending"


@pytest.mark.parametrize("query", ["cart_total=x", "item_count=-1", "item_count=1e3", "currency=12", "cart_id=a%0Ab"])
def test_bad_input_is_named(client: Client, shop: Shop, query: str) -> None:
    response = client.get(f"/w/v1/{shop.key}/cart_nudge.json?{query}")
    assert response.status_code == 400
    assert list(json.loads(response.content)["error"]["details"]) == [query.partition("=")[0]]
