"""Nothing without consent, everything after it, nothing left after its withdrawal."""

from __future__ import annotations

import json

import pytest

from tests.loader.pixel.pages import GPC, REVIEWS, Tracked, valid


@pytest.mark.parametrize(
    ("attributes", "init", "call"),
    [
        ("", "", ""),
        ("data-consent=denied", "", ""),
        ("", "", "sumeru.consent('denied')"),
        ("", "", "sumeru.consent()"),
        ("data-consent=granted", GPC, ""),
        ("data-consent=granted", GPC, "sumeru.consent('granted')"),
        ("", "window.Shopify = {customerPrivacy: {analyticsProcessingAllowed: () => false}}", ""),
    ],
)
def test_nothing_without_consent(tracked: Tracked, attributes: str, init: str, call: str) -> None:
    tracked.page.add_init_script(init)
    page = tracked.open(REVIEWS, attributes)
    if call:
        page.evaluate(call)
    page.evaluate("sumeru.track('sign_up', {plan: 'gold'})")
    page.locator("#r a").click()
    tracked.hide()
    assert tracked.stored() == [[], 0, "", 0]
    tracked.front.serve("", path="/next", head="")
    page.goto(tracked.front.store.origin + "/next")
    tracked.fence()
    assert tracked.requests == []
    assert tracked.front.context.cookies() == []
    assert tracked.front.complaints == []


def test_what_was_before_consent_is_told_after(tracked: Tracked) -> None:
    page = tracked.open("", "")
    taken = page.evaluate("[...Array(80).keys()].map((n) => sumeru.track('step', {n})).filter(Boolean).length")
    assert taken == 49  # and the view of the page
    page.evaluate("sumeru.consent('granted')")
    tracked.until(lambda: len(tracked.sent) == 50)
    assert tracked.types()[0] == "page_view"
    assert [event["properties"]["n"] for event in tracked.of("step")] == list(range(49))
    assert len(tracked.requests) == 1
    valid(tracked)


def test_a_no_drops_what_waits_and_a_later_yes_starts_anew(tracked: Tracked) -> None:
    page = tracked.open("", "")
    page.evaluate("sumeru.track('before'); sumeru.consent('denied'); sumeru.track('meanwhile')")
    page.evaluate("sumeru.consent('granted'); sumeru.track('after')")
    tracked.until(lambda: len(tracked.sent) == 2, hiding=True)
    assert sorted(tracked.types()) == ["after", "page_view"]


def test_a_withdrawn_consent_clears_the_storage(tracked: Tracked) -> None:
    page = tracked.open()
    tracked.hide()
    assert tracked.types() == ["page_view"]
    assert tracked.stored() == [["sumeru_session", "sumeru_visitor"], 0, "", 0]
    other = tracked.front.context.new_page()
    other.goto(tracked.front.store.origin)
    other.wait_for_function("window.sumeru?.pixel")
    page.evaluate("sumeru.track('last'); sumeru.consent('denied')")
    assert tracked.stored() == [[], 0, "", 0]
    other.wait_for_function("!sumeru.track('refused')")  # the other tab hears of it
    tracked.hide()
    assert set(tracked.types()) <= {"page_view", "refused", "consent_withdrawn"}
    (gone,) = tracked.of("consent_withdrawn")
    assert (gone["visitor_id"], "consent" in gone) == (tracked.of("page_view")[0]["visitor_id"], False)
    other.evaluate("sumeru.track('never')")
    other.goto("about:blank")
    tracked.hide()
    assert "never" not in tracked.types()
    assert "last" not in tracked.types()
    assert tracked.stored() == [[], 0, "", 0]


@pytest.mark.parametrize("allowed", [True, False])
def test_the_storefront_platforms_word(tracked: Tracked, allowed: bool) -> None:
    page = tracked.open("", "")
    page.evaluate(
        """(allowed) => { window.Shopify = {customerPrivacy: {analyticsProcessingAllowed: () => allowed}};
            document.dispatchEvent(new Event('shopifyCustomerPrivacyApiLoaded')); }""",
        allowed,
    )
    tracked.hide()
    assert tracked.types() == (["page_view"] if allowed else [])
    page.evaluate(
        "a => document.dispatchEvent(new CustomEvent('visitorConsentCollected', {detail: {analyticsAllowed: !a}}))",
        allowed,
    )
    page.evaluate("sumeru.track('later')")
    tracked.hide()
    # On a busy machine the first may have left by itself, and arrive after the second.
    assert sorted(tracked.types()) == (["consent_withdrawn", "page_view"] if allowed else ["later", "page_view"])
    assert tracked.stored()[0] == ([] if allowed else ["sumeru_session", "sumeru_visitor"])


def test_a_platform_that_allowed_before_the_pixel_came(tracked: Tracked) -> None:
    tracked.page.add_init_script("window.Shopify = {customerPrivacy: {analyticsProcessingAllowed: () => true}}")
    tracked.open("", "")
    tracked.hide()
    assert tracked.types() == ["page_view"]


def test_the_visitor_stays_and_the_visit_ends(tracked: Tracked) -> None:
    page = tracked.open()
    tracked.hide()

    def again(name: str, days: float) -> None:
        page.evaluate(
            """([name, ms]) => { const [id, at] = localStorage[name].split('.'); localStorage[name] = id + '.' + (at - ms); }""",
            [name, days * 86_400_000],
        )
        page.reload()
        page.wait_for_function("window.sumeru?.pixel")
        tracked.hide()

    again("sumeru_session", 29 / 1440)
    again("sumeru_session", 31 / 1440)
    again("sumeru_visitor", 394)
    again("sumeru_visitor", 396 - 394)
    visitors = [event["visitor_id"] for event in tracked.sent]
    sessions = [event["session_id"] for event in tracked.sent]
    assert [visitor == visitors[0] for visitor in visitors] == [True, True, True, True, False]
    assert [session == sessions[0] for session in sessions] == [True, True, False, False, False]
    assert sessions[2] == sessions[3] == sessions[4]
    assert page.evaluate("Object.values(localStorage).every((value) => /^[0-9a-f-]{36}\\.\\d{13}$/.test(value))")


def test_who_a_visitor_is_is_told_with_the_events_and_with_forms(tracked: Tracked) -> None:
    submit = """() => { const formData = new URLSearchParams();
      document.body.dispatchEvent(new CustomEvent('sumeru:before-submit', {bubbles: true, detail: {formData}}));
      return formData.get('visitor_id'); }"""
    page = tracked.open("", "data-customer-token=sct_one")
    assert page.evaluate(submit) is None  # nothing is made before consent
    page.evaluate("sumeru.consent('granted')")
    tracked.until(lambda: tracked.requests)
    page.evaluate("sumeru.identify('sct_two'); sumeru.track('step')")
    tracked.hide()
    assert [json.loads(seen.body)["customer_token"] for seen in tracked.requests] == ["sct_one", "sct_two"]
    assert page.evaluate(submit) == tracked.sent[0]["visitor_id"]
    valid(tracked)
