"""Who is looking: a customer's own link, an experiment that stays the same, and the question that comes before anything is kept."""

from __future__ import annotations

import pytest
from django.core.signing import get_cookie_signer
from django.test import override_settings
from playwright.sync_api import Page, expect

from tests.browser.visiting import EXPECTED_422, MODES, Facts, Open, Visitor, product_path, ready, warm, widget, written
from tests.widgets.demo_runs import Run
from widgets.demo import frame

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PERSONS_PACE_MS = 2_200
CONTROL, OTHER = "Made for long days out", "Out by day, home by the fire"


def sign_in(tab: Visitor, name: str) -> Page:
    page = tab.page
    page.get_by_label("Customer").select_option(name)
    tab.follow(page.get_by_role("button", name="Sign in"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Hello")
    return page


@pytest.mark.parametrize("mode", MODES)
def test_a_customer_has_a_link_and_copies_it(visitor: Open, facts: Facts, mode: str) -> None:
    tab = visitor()
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=facts["storefront"].rstrip("/"))
    tab.goto(f"/account?mode={mode}")
    page = sign_in(tab, "cus_1")
    referral = widget(page, "referral")
    link = referral.get_by_label("Your link").input_value()
    assert link.startswith(f"{facts['storefront']}?ref=")
    referral.get_by_role("button", name="Copy link").click()
    expect(referral.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == link
    tab.follow(page.get_by_role("button", name="Sign out"))
    expect(page.get_by_text(link)).to_have_count(0)
    assert tab.said == []


@pytest.mark.parametrize(("mode", "customer"), [("server", "cus_3"), ("script", "cus_4")])
def test_a_customer_gets_a_link_in_place_by_keyboard(visitor: Open, facts: Facts, mode: str, customer: str) -> None:
    tab = visitor(360)
    tab.goto(f"/account?mode={mode}")
    page = sign_in(tab, customer)
    address = page.url
    referral = widget(page, "referral")
    expect(referral.get_by_role("button", name="Get your link")).to_be_visible()
    page.wait_for_timeout(PERSONS_PACE_MS)
    tab.tab_to(lambda: "Get your link" in tab.focused)
    tab.press("Enter")
    expect(referral.locator("[part=code]")).to_be_visible()
    assert page.url == address
    assert len([each for each in written(facts, "referrals") if customer in str(each)]) == 1
    assert tab.said == []


def test_a_customer_gets_a_link_without_scripts(visitor: Open, facts: Facts) -> None:
    tab = visitor(scripts=False)
    tab.goto("/account")
    sign_in(tab, "cus_6")
    page = tab.finished("/account")
    expect(page.get_by_role("button", name="Copy link")).to_have_count(0)
    page.wait_for_timeout(PERSONS_PACE_MS)
    tab.follow(page.get_by_role("button", name="Get your link"))
    expect(page.locator(".sw-referral")).to_be_visible()
    assert len([each for each in written(facts, "referrals") if "cus_6" in str(each)]) == 1
    assert [line for line in tab.said if EXPECTED_422 not in line] == []


@pytest.mark.parametrize("mode", MODES)
def test_a_friends_code_is_checked_by_anybody(visitor: Open, facts: Facts, mode: str) -> None:
    owner = visitor()
    owner.goto("/account")
    sign_in(owner, "cus_2")
    code = widget(owner.page, "referral").locator("[part=code]").inner_text()

    tab = visitor()
    page = tab.goto(f"/account?mode={mode}")
    referral = widget(page, "referral")
    for given, told in ((code, f"The code {code} is valid."), ("NOSUCHCODE", "There is no code NOSUCHCODE.")):
        referral.get_by_label("A friend's code").fill(given)
        referral.get_by_role("button", name="Check").click()
        expect(referral.get_by_role("status")).to_contain_text(told)
    assert tab.said == []


def promise(page: Page) -> str:
    """The block that is in sight."""
    block = page.locator(".promise:visible")
    expect(block).to_have_count(1)
    return block.inner_text()


def accepted(tab: Visitor) -> Page:
    page = tab.goto("/checkout")
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("button", name="Accept")).to_have_count(0)
    tab.settle()
    return page


def visitor_of(facts: Facts, variant: str) -> str:
    """Somebody whom Sumeru shows this variant: it goes by a hash of the id, so it is the same person in every run."""
    for number in range(50):
        name = f"visitor-{number}"
        if warm(facts, "ab_experiment", experiment="hero_headline", visitor_id=name)["data"]["variant"] == variant:
            return name
    raise AssertionError(f"nobody sees {variant}")


@pytest.mark.parametrize(("variant", "words"), [("control", CONTROL), ("hearth", OTHER)])
def test_an_experiment_is_the_same_in_every_mode_and_over_reloads(
    visitor: Open, demo: Run, facts: Facts, variant: str, words: str
) -> None:
    tab = visitor()
    key = (demo.folder / "cookie_key").read_text(encoding="ascii")
    with override_settings(SECRET_KEY=key):  # the storefront's own
        signer = get_cookie_signer(salt=frame.VISITOR + frame.COOKIE_SALT)
    value = signer.sign(visitor_of(facts, variant))
    tab.context.add_cookies([{"name": frame.VISITOR, "value": value, "url": facts["storefront"], "httpOnly": True}])
    accepted(tab)
    page = tab.finished(product_path(facts, "server"))
    assert promise(page) == words
    tab.goto(product_path(facts, "script"))
    ready(page, "ab_experiment")
    assert promise(page) == words
    page.reload()
    tab.settle()
    assert promise(page) == words
    assert tab.said == []


@pytest.mark.parametrize("scripts", [True, False])
def test_an_experiment_shows_its_default_to_who_is_not_known(visitor: Open, facts: Facts, scripts: bool) -> None:
    tab = visitor(scripts=scripts)
    for mode in MODES:
        page = tab.goto(product_path(facts, mode))
        assert promise(page) == CONTROL
    assert tab.said == []


def kept(tab: Visitor) -> list[str]:
    """Everything that the visitor's browser holds of the storefront and of the widgets."""
    stored: list[str] = tab.page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
    return stored + [str(cookie.get("name")) for cookie in tab.context.cookies()]


def test_nothing_is_kept_before_a_yes_nor_after_a_no(visitor: Open, facts: Facts) -> None:
    tab = visitor()
    for path in ("/", product_path(facts, "script"), "/quiz", "/account"):
        tab.goto(path)
        assert kept(tab) == []
    tab.follow(tab.page.get_by_role("link", name="Decline"))
    expect(tab.page.get_by_role("button", name="Accept")).to_have_count(0)
    tab.follow(tab.page.get_by_role("link", name="Cart"))
    expect(tab.page.get_by_role("button", name="Accept")).to_have_count(0)
    assert kept(tab) == []
    assert tab.said == []


@pytest.mark.parametrize("scripts", [True, False])
def test_a_yes_is_remembered(visitor: Open, facts: Facts, scripts: bool) -> None:
    tab = visitor(scripts=scripts)
    page = tab.goto("/checkout?theme=dark")
    if scripts:
        page.get_by_role("button", name="Accept").click()
        expect(page.locator("main")).to_be_focused()  # not lost with the button
    else:
        tab.follow(page.get_by_role("button", name="Accept"))
    assert page.url == f"{facts['storefront']}checkout?theme=dark"
    tab.settle()
    page = tab.goto("/quiz")
    expect(page.get_by_role("button", name="Accept")).to_have_count(0)
    cookies = {str(cookie.get("name")): cookie for cookie in tab.context.cookies()}
    assert {"shop_consent", "shop_visitor"} <= set(cookies)
    assert all(cookies[name].get("httpOnly") for name in ("shop_consent", "shop_visitor"))
    assert tab.said == []
