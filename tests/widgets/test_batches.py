"""What one client's batch must never do to others: be kept with an error that is about its asker, cost endlessly, hold endlessly."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from sumeru_proxy import accounts
from sumeru_proxy.models import Shop
from tests.upstream import Upstream
from tests.widgets.wsgi_calls import Heard, ask, site
from widgets.http import batches, responses, shops
from widgets.models import Placement

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def base(make_shop: Callable[..., Shop], sandbox: Upstream) -> str:
    return f"/w/v1/{make_shop(sandbox.url, **sandbox.account()).key}"


def batch(base: str, *wishes: str) -> str:
    return f"{base}/batch?{urlencode([('w', each) for each in wishes])}"


def items(heard: Heard) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(heard.text)["items"]
    return found


@pytest.mark.parametrize(
    "wish", ["referral?customer_token=junk", "referral?code=GUESS-1", "reviews?product_id=prd_1&write=1"]
)
def test_what_a_client_proves_or_guesses_is_in_nobodys_batch(base: str, wish: str) -> None:
    """Today's fault: the first one's 401, or its 429 after ten guesses, was public for five minutes."""
    application = site()
    address = batch(base, "rating_badge?product_id=prd_1", wish)
    heard = [ask(application, address, AUTHORIZATION="Bearer junk") for _ in range(12)]
    heard.append(ask(site(), address))
    assert {each.same for each in map(_plain, heard)} == {_plain(heard[0]).same}
    assert [each["state"] for each in items(heard[0])] == ["ready", "live"]
    assert heard[0].headers["cache-control"].startswith("public")


def _plain(heard: Heard) -> Any:
    return type("Seen", (), {"same": (heard.status, heard.headers["cache-control"], heard.text)})


@pytest.mark.parametrize(("status", "storable"), [(400, True), (404, True), (401, False), (429, False), (503, False)])
def test_errors_about_who_asks_or_about_this_moment_are_never_public(base: str, status: int, storable: bool) -> None:
    made = batches._Items(accounts.source_for(1))
    made.refused(responses.Problem(status, "code", "Message."), "req_1")
    assert made.storable is storable


def test_a_status_that_the_client_wished_for_is_not_kept_for_others(base: str) -> None:
    address = batch(base, "rating_badge?product_id=prd_1", "no_such")
    wished = ask(site(), address, PREFER="respond-async")
    assert (wished.status, wished.headers["cache-control"]) == (202, "no-store")
    usual = ask(site(), address)
    assert usual.status == 200
    assert usual.headers["cache-control"].startswith("public")


def test_equal_items_are_made_once(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    real = batches.views.make
    monkeypatch.setattr(
        batches.views, "make", lambda wanted, source: made.append(wanted.widget.name) or real(wanted, source)
    )
    names = [f"reviews?product_id=prd_1&placement=p{number}" for number in range(46)]
    heard = ask(site(), batch(base, "rating_badge?product_id=prd_1", *names))
    assert made == ["rating_badge", "reviews"]
    assert len({each["html"] for each in items(heard)[1:] if each["state"] == "ready"}) == 1
    assert items(heard)[46]["state"] == "alone"
    assert len(heard.text) < 2 * batches.SIZE_LIMIT_BYTES


def test_an_unknown_placement_is_the_default(base: str, sandbox: Upstream) -> None:
    """One content, one answer kept: whatever name is made up."""
    application = site()
    asked = [f"{base}/reviews.json?product_id=prd_1&placement={name}" for name in ("", "a", "zz-9", "made-up")]
    heard = [ask(application, each) for each in asked]
    assert len({each.text for each in heard}) == 1
    assert len(application.store) == 1
    assert "made-up" not in heard[3].text
    shop = Shop.objects.get()
    Placement.objects.create(shop=shop, widget="reviews", name="made-up", options={"per_page": 2})
    shops.forget()
    assert "made-up" in ask(site(), asked[3]).text


def test_endless_language_tags_are_the_languages_there_are(base: str) -> None:
    application = site()
    tags = ["de", "de-AT", "de-" + "x" * 8, "DE_ch"]
    heard = [ask(application, f"{base}/reviews.json?product_id=prd_1&locale={tag}") for tag in tags]
    assert len({each.text for each in heard}) == 1
    assert len(application.store) == 1


def test_a_full_answer_sends_the_rest_alone(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wishes = [f"reviews?product_id=prd_1&page={page}&rating={page}" for page in range(1, 5)]
    whole = [each["html"] for each in items(ask(site(), batch(base, *wishes)))]
    monkeypatch.setattr(batches, "SIZE_LIMIT_BYTES", len(whole[0].encode()) + len(whole[1].encode()) + 10)
    made: list[str] = []
    real = batches.views.make
    monkeypatch.setattr(
        batches.views, "make", lambda wanted, source: made.append(wanted.widget.name) or real(wanted, source)
    )
    heard = ask(site(), batch(base, *wishes))
    assert [each["state"] for each in items(heard)] == ["ready", "ready", "alone", "alone"]
    assert [each["html"] for each in items(heard)] == [whole[0], whole[1], "", ""]
    assert len(made) == 3  # once the answer is full nothing more is made
    assert heard.headers["cache-control"].startswith("public")
    # Asked for by itself it is given, however large.
    monkeypatch.setattr(batches, "SIZE_LIMIT_BYTES", 10)
    assert items(ask(site(), batch(base, wishes[2])))[0]["html"] == whole[2]
