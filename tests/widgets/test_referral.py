"""The widget `referral`: a customer's own link, asking for one, and checking a friend's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.core import signing
from django.core.serializers.json import DjangoJSONEncoder
from django.template.loader import render_to_string
from django.test import Client
from django.utils import translation

from sumeru_proxy import accounts, secrets
from sumeru_proxy.client.shapes import Referral as Own
from sumeru_proxy.client.shapes import ReferralCheck, Reward
from sumeru_proxy.models import Credential, Job, Shop
from sumeru_proxy.outbox import writes
from sumeru_proxy.reading.reader import Missing, Pending, Query
from sumeru_proxy.sandbox.catalogue import small_catalogue
from sumeru_proxy.sdk import customer_tokens
from tests.upstream import Upstream, upstream
from tests.widgets.fragments import Page, assert_safe_fragment, call_of
from widgets.base import Call, Context, Frozen, Seal, Sent
from widgets.catalog.referral import Referral
from widgets.http import customers, rendering, responses, shops, throttles
from widgets.http.desk import ShopDesk

SEAL = Seal("a-token", "0123456789abcdef0123456789abcdef")
REWARD = Reward("fixed_amount", Decimal("15.00"), "EUR", "15 € for you and your friend")
OWN = Own("ADA-1F", "https://shop.example/?ref=ADA-1F", REWARD)


class Known:
    """A source with codes by customer, and friends' codes."""

    def __init__(self, own: Own | None = None, codes: Mapping[str, ReferralCheck] | None = None) -> None:
        self.own = own
        self.codes = codes or {}
        self.asked: list[tuple[str, dict[str, object]]] = []
        self.fresh = True
        self.oldest: float | None = None

    def get(self, wanted: Query) -> Any:
        arguments = dict(wanted.arguments)
        self.asked.append((wanted.method, arguments))
        found = self.own if wanted.method == "referral" else self.codes.get(str(arguments["code"]))
        if found is None:
            raise Missing
        return found


def call_by(customer_id: str = "", options: Mapping[str, Any] | None = None, **asked: str) -> Call:
    return replace(call_of(Referral(), options, **asked), customer_id=customer_id, seal=SEAL)


def made(call: Call, source: Known) -> tuple[Context, Page]:
    widget = Referral()
    with translation.override(call.locale):
        context = widget.context(call, source)  # type: ignore[arg-type]
        page = Page(render_to_string(widget.template, {"w": context, "call": call, "shop": call.shop}))
    assert_safe_fragment(page)
    assert json.dumps(context, cls=DjangoJSONEncoder)
    return context, page


def test_a_customers_own_link() -> None:
    context, page = made(call_by("cus_1", {"message": "Try them!"}), source := Known(OWN))
    assert source.asked == [("referral", {"customer_id": "cus_1"})]
    assert context["own"] == {
        "code": "ADA-1F",
        "share_url": OWN.share_url,
        "share": {"title": "Alpine", "text": "Try them!", "url": OWN.share_url},
        "reward": {
            "kind": "fixed_amount",
            "value": Decimal("15.00"),
            "currency": "EUR",
            "text": "15 € for you and your friend",
        },
    }
    assert page.all("input", readonly="", value=OWN.share_url)
    assert page.all("button", type="button", data_copy=OWN.share_url, data_done="Copied")
    assert json.loads(page.all("button")[1]["data-share"]) == context["own"]["share"]
    assert "Your code: ADA-1F" in page.text
    assert not page.all("form")
    assert "cus_1" not in json.dumps(context, cls=DjangoJSONEncoder)


@pytest.mark.parametrize(
    ("reward", "text"),
    [
        (Reward("percentage", Decimal("12.5")), "12.5% off"),
        (Reward("fixed_amount", Decimal("15"), "EUR"), "€15.00 off"),
        (Reward("fixed_amount", Decimal("15")), "$15.00 off"),
        (Reward("points", Decimal("100")), ""),
        (None, ""),
    ],
)
def test_the_reward_in_words(reward: Reward | None, text: str) -> None:
    context, page = made(call_by("cus_1"), Known(replace(OWN, reward=reward)))
    assert ((context["own"]["reward"] or {}).get("text") or "") == text
    assert [text] * bool(text) == [text for _ in page.all("p", part="reward")]


def test_a_link_that_is_none_is_not_shown() -> None:
    for url in ("javascript:alert(1)", "https://shop.example/" + "a" * 1_000):
        context, page = made(call_by("cus_1"), Known(replace(OWN, share_url=url)))
        assert context["own"]["share"] is None
        assert not page.all("button")
        assert "ADA-1F" in page.text


def test_no_code_yet_is_a_form() -> None:
    context, page = made(call_by("cus_1"), Known())
    assert context["view"] == "claim"
    assert page.all("form", method="post", action="https://widgets.example/w/v1/shopkey/referral")
    assert [page.all("input", name=name)[0]["value"] for name in ("token", "key")] == [SEAL.token, SEAL.key]
    assert page.all("input", name="website", tabindex="-1")
    assert "Get your link" in page.text


def test_errors_stand_in_the_form() -> None:
    call = replace(call_by("cus_1"), sent=Sent(errors={"": ["Please wait a moment."]}))
    context, page = made(call, Known())
    assert context["form"]["problems"] == ["Please wait a moment."]
    assert page.all("p", role="alert", data_focus="")


@pytest.mark.parametrize(
    "call", [call_by("cus_1", result="accepted"), replace(call_by("cus_1"), sent=Sent(outcome="pending"))]
)
def test_a_code_that_is_being_made(call: Call) -> None:
    context, page = made(call, Known())
    assert context["view"] == "waiting"
    assert "is being made" in page.text
    assert page.all("a", data_go="", href="https://widgets.example/w/v1/shopkey/referral")
    assert made(call_by("cus_1", result="accepted"), Known(OWN))[0]["view"] == "own"


def test_whoever_is_nobody_is_told_to_sign_in_and_learns_nothing() -> None:
    for asked in ({}, {"customer_token": "sct_unverified"}, {"result": "accepted"}):
        context, page = made(call_by(**asked), source := Known(OWN))
        assert (context["view"], context["own"], source.asked) == ("sign_in", None, [])
        assert "Sign in to get your own link to share." in page.text
        assert not page.all("form", method="post")
    _, page = made(call_by(options={"sign_in_url": "https://shop.example/account"}), Known())
    assert page.all("a", href="https://shop.example/account")


def test_programs_without_a_proof_are_told_401() -> None:
    problem = Referral().unproven(call_by())
    assert problem is not None
    assert (problem.status, problem.code, problem.headers["WWW-Authenticate"]) == (401, "unauthenticated", "Bearer")
    assert Referral().unproven(call_by("cus_1")) is None
    assert Referral().unproven(call_by(code="ADA-1F")) is None


def test_nobody_can_submit_for_nobody() -> None:
    with pytest.raises(responses.Problem) as caught:
        Referral().submit(call_by(), Frozen({}), SEAL.key, ShopDesk(1), Known())  # type: ignore[arg-type]
    assert caught.value.status == 401


def test_a_friends_code() -> None:
    check = ReferralCheck("ADA-1F", True, "Ada Lovelace", REWARD)
    context, page = made(call_by(code=" ADA-1F "), source := Known(codes={"ADA-1F": check}))
    assert source.asked == [("check_referral", {"code": "ADA-1F"})]
    assert context["check"]["valid"] is True
    assert "The code ADA-1F is valid. 15 € for you and your friend" in page.text
    assert "Ada Lovelace" not in json.dumps(context, cls=DjangoJSONEncoder) + page.text
    assert page.all("input", name="code", value="ADA-1F")


@pytest.mark.parametrize("codes", [{}, {"NO-1": ReferralCheck("NO-1", False)}])
def test_a_wrong_code(codes: dict[str, ReferralCheck]) -> None:
    context, page = made(call_by(code="NO-1"), Known(codes=codes))
    assert context["check"] == {"code": "NO-1", "valid": False, "reward": None}
    assert "There is no code NO-1." in page.text


@pytest.mark.parametrize("code", ["a", "a b c", "ä-code", "<script>alert(1)</script>", "../../x", "x,y,z"])
def test_what_cannot_be_a_code_is_not_asked_upstream(code: str) -> None:
    context, page = made(call_by(code=code), source := Known())
    assert (context["check"]["valid"], source.asked) == (False, [])
    assert not page.all("script")


def test_the_check_can_be_switched_off_and_keeps_language_and_token() -> None:
    assert not made(call_by(options={"check_codes": False}), Known())[1].all("form")
    _, page = made(call_by("cus_1", code="NO-1", locale="en", customer_token="sct_x"), Known())
    assert {attrs["name"]: attrs["value"] for attrs in page.all("input", type="hidden")} == {
        "locale": "en",
        "customer_token": "sct_x",
    }


def test_direction() -> None:
    call = replace(call_of(Referral(), language="ar"), customer_id="cus_1")
    _, page = made(call, Known(OWN))
    assert page.elements[0][1]["dir"] == "rtl"
    assert page.all("input", dir="ltr", readonly="")


# -- over sockets, against the sandbox


PLENTY = {"writes_per_ip": 6_000, "writes_per_shop": 60_000}


@pytest.fixture
def sandbox() -> Iterator[Upstream]:
    """With room for several writes at once, so that no test waits."""
    with upstream(small_catalogue(), limits=PLENTY) as running:
        yield running


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    shop = make_shop(sandbox.url, **sandbox.account())
    shop.limits = PLENTY
    shop.storefront_url = "https://shop.example/"
    shop.save()
    return shop


def call_in(shop: Shop, customer_id: str, **more: Any) -> Call:
    facts = shops.load(shop.key)
    assert facts is not None
    return replace(call_by(customer_id), shop=facts.profile, **more)


def shown(shop: Shop, customer_id: str, **more: Any) -> rendering.Rendered:
    """As a view does it, each time with a source of its own."""
    return rendering.render(Referral(), call_in(shop, customer_id, **more), accounts.source_for(shop.pk))


def claim(shop: Shop, customer_id: str, key: str = SEAL.key) -> Sent:
    desk, source = ShopDesk(shop.pk), accounts.source_for(shop.pk)
    return Referral().submit(call_in(shop, customer_id), Frozen({}), key, desk, source)


def test_a_claim_is_answered_with_the_link_and_seen_on_the_next_page(shop: Shop, sandbox: Upstream) -> None:
    assert shown(shop, "cus_2").context["view"] == "claim"
    sent = claim(shop, "cus_2")
    assert sent.outcome == "claimed"
    assert sent.data["share_url"] == f"https://small.example/?ref={sent.data['code']}"
    calls = sandbox.calls()
    assert shown(shop, "cus_2", sent=sent).context["own"]["code"] == sent.data["code"]
    again = shown(shop, "cus_2")
    assert (again.context["view"], again.context["own"]["code"]) == ("own", sent.data["code"])
    assert sandbox.calls() == calls
    # Asked again, as a double click or another tab does, it is the same code and nothing new.
    assert claim(shop, "cus_2").data["code"] == sent.data["code"]
    assert [each["applied"] for each in sandbox.sandbox.control.writes()["referrals"]].count(1) == 1
    assert Referral().landing(call_in(shop, "cus_2"), sent) == "https://widgets.example/w/v1/shopkey/referral"


def test_a_claim_during_an_outage_is_kept_and_made_later(shop: Shop, sandbox: Upstream) -> None:
    assert shown(shop, "cus_2").context["view"] == "claim"
    sandbox.fault("status", status=503)
    sent = claim(shop, "cus_2")
    assert (sent.outcome, dict(sent.data)) == ("accepted", {})
    assert shown(shop, "cus_2", sent=sent).context["view"] == "waiting"
    landing = Referral().landing(call_in(shop, "cus_2"), sent)
    assert parse_qs(urlsplit(landing).query) == {"result": ["accepted"]}
    sandbox.heal()
    job = Job.objects.get()
    Job.objects.update(next_at="2020-01-01T00:00:00Z")
    job.refresh_from_db()
    writes.deliver_now(job)
    assert Job.objects.get().state == "done"


def test_a_link_that_cannot_be_read_back_is_shown_as_a_code(shop: Shop, sandbox: Upstream) -> None:
    sandbox.fault("status", status=503, endpoint="referral", method="GET")
    sent = claim(shop, "cus_3")
    assert sent.outcome == "claimed"
    assert sent.data["code"].startswith("CLEO-")
    made_of = shown(shop, "cus_3", sent=sent)
    assert sent.data["code"] in made_of.inner
    assert "Your link will be here in a moment." in made_of.inner


def test_no_copy_and_no_upstream_is_pending(shop: Shop, sandbox: Upstream) -> None:
    sandbox.fault("status", status=503)
    assert shown(shop, "cus_1").state == "pending"


def test_one_customers_copy_is_never_anothers(shop: Shop) -> None:
    mine, other = shown(shop, "cus_1"), shown(shop, "cus_2")
    assert mine.context["view"] == "own"
    assert other.context["view"] == "claim"
    assert mine.context["own"]["code"] not in other.inner


def test_checking_over_http_is_private_and_guesses_are_kept(client: Client, shop: Shop, sandbox: Upstream) -> None:
    code = shown(shop, "cus_1").context["own"]["code"]
    good = client.get(f"/w/v1/{shop.key}/referral.json?code={code}")
    assert (good.status_code, good["Cache-Control"]) == (200, "no-store")
    assert json.loads(good.content)["data"]["check"]["valid"] is True
    before = sandbox.calls()
    for _ in range(5):
        throttles.reads = throttles.Meter()
        wrong = client.get(f"/w/v1/{shop.key}/referral.json?code=GUESS-1")
        assert json.loads(wrong.content)["data"]["check"]["valid"] is False
    assert sandbox.calls() == before + 1
    batch = json.loads(client.get(f"/w/v1/{shop.key}/batch?w=referral%3Fcode%3DGUESS-1").content)
    assert batch["items"][0]["state"] == "live"


def test_html_without_a_proof_is_a_hint(client: Client, shop: Shop) -> None:
    page = client.get(f"/w/v1/{shop.key}/referral")
    assert (page.status_code, page["Cache-Control"]) == (200, "no-store")
    assert "Sign in to get your own link to share." in page.content.decode()


def test_pending_is_let_through() -> None:
    class Down(Known):
        def get(self, wanted: Query) -> Any:
            raise Pending(2.0)

    for call in (call_by("cus_1"), call_by(code="ADA-1F")):
        with pytest.raises(Pending):
            made(call, Down())


@pytest.fixture
def token_of(shop: Shop) -> Iterator[Callable[[str], str]]:
    """Makes tokens as the storefront's server does, with the secret set in the admin."""
    secret = "a-secret-of-thirty-two-characters"
    secrets.store(shop, Credential.Kind.CUSTOMER_SECRET, secret)
    customers.forget()
    yield lambda customer_id: customer_tokens.mint(secret, shop.key, customer_id, now=time.time())
    customers.forget()


def test_a_token_proves_who_asks_in_every_form(client: Client, shop: Shop, token_of: Callable[[str], str]) -> None:
    token = token_of("cus_1")
    by_header = client.get(f"/w/v1/{shop.key}/referral.json", headers={"authorization": f"Bearer {token}"})
    code = json.loads(by_header.content)["data"]["own"]["code"]
    assert code.startswith("ADA-")
    for form in (".html", ""):
        response = client.get(f"/w/v1/{shop.key}/referral{form}?customer_token={token}")
        assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
        assert code in response.content.decode()
    asked = urlencode({"w": f"referral?customer_token={token}"})
    assert code in json.loads(client.get(f"/w/v1/{shop.key}/live?{asked}").content)["items"][0]["html"]
    assert json.loads(client.get(f"/w/v1/{shop.key}/batch?{asked}").content)["items"][0]["html"] == ""


def test_no_token_and_a_wrong_one_are_401_to_programs(
    client: Client, shop: Shop, token_of: Callable[[str], str]
) -> None:
    for token, reasons in (("", None), ("sct_x", ["malformed"]), (token_of("cus_1")[:-2] + "zz", ["wrong"])):
        response = client.get(f"/w/v1/{shop.key}/referral.json?customer_token={token}")
        error = json.loads(response.content)["error"]
        assert (response.status_code, error["code"]) == (401, "unauthenticated")
        assert reasons is None or error["details"] == {"customer_token": reasons}


def test_a_claim_without_javascript(
    client: Client, shop: Shop, token_of: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"/w/v1/{shop.key}/referral?customer_token={token_of('cus_2')}"
    html = json.loads(client.get(url.replace("referral?", "referral.json?")).content)["inner_html"]
    page = Page(html)
    fields = {attrs["name"]: attrs["value"] for attrs in page.all("input", type="hidden")}
    later = time.time() + 5
    monkeypatch.setattr(signing.time, "time", lambda: later)
    action = urlsplit(page.all("form", method="post")[0]["action"])
    response = client.post(
        f"{action.path}?{action.query}", urlencode(fields), content_type="application/x-www-form-urlencoded"
    )
    assert response.status_code == 303
    target = urlsplit(response["Location"])
    assert "BEN-" in client.get(f"{target.path}?{target.query}").content.decode()
