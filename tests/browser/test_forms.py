"""What shoppers fill in: reviews and the quiz, by mouse, by keyboard, and without scripts, until Sumeru has it."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.visiting import EXPECTED_422, MODES, Facts, Open, Visitor, product_path, ready, warm, widget, written
from tests.widgets.demo_runs import eventually

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# A form that comes back faster than a person could fill it is refused; see forms.SOONEST_S.
A_PERSONS_PACE_MS = 2_200


def fill(form: Locator, text: str) -> None:
    form.locator("label[for=sw-r4]").click()
    form.get_by_label("Your review").fill(text)
    form.get_by_label("Your name").fill("Nora Shopper")
    form.get_by_label("Your e-mail").fill("nora@shopper.example")


def arrived(facts: Facts, text: str) -> dict[str, Any]:
    """The review with this text, as Sumeru got it: once."""
    found = eventually(lambda: [each for each in written(facts, "reviews") if text in str(each)], 30, "the review")
    assert len(found) == 1
    entry: dict[str, Any] = found[0]
    assert entry["applied"] == 1
    return entry


@pytest.mark.parametrize("mode", MODES)
def test_a_review_is_written_in_place(visitor: Open, facts: Facts, mode: str) -> None:
    text = f"Carried me over the hills {uuid.uuid4().hex}"
    tab = visitor()
    page = tab.goto(product_path(facts, mode))
    address = page.url
    reviews = ready(page, "reviews")
    reviews.get_by_role("link", name="Write a review").click()
    form = reviews.locator("form[method=post]")
    expect(form.get_by_role("heading", name="Write a review")).to_be_focused()
    page.wait_for_timeout(A_PERSONS_PACE_MS)

    form.get_by_label("Your review").fill(text)
    form.get_by_role("button", name="Send review").click()
    expect(form.locator(".sw-error").first).to_be_visible()
    expect(form.get_by_role("radio").first).to_be_focused()  # the first field that is wrong
    email = form.get_by_label("Your e-mail")
    expect(email).to_have_attribute("aria-invalid", "true")
    told = email.get_attribute("aria-describedby") or ""
    expect(form.locator(f"#{told}")).to_contain_text("e-mail address")
    expect(form.get_by_label("Your review")).to_have_value(text)  # nothing is lost

    page.wait_for_timeout(A_PERSONS_PACE_MS)
    fill(form, text)
    form.get_by_role("button", name="Send review").click()
    thanks = reviews.locator("[part=thanks]")
    expect(thanks).to_contain_text("Thank you!")
    expect(thanks).to_be_focused()
    assert page.url == address
    assert '"rating": 4' in str(arrived(facts, text)).replace("'", '"')
    assert tab.said == []


def test_a_review_that_could_not_be_sent_is_kept_and_sent_again(visitor: Open, facts: Facts) -> None:
    text = f"Through the tunnel {uuid.uuid4().hex}"
    tab = visitor(360)
    page = tab.goto(product_path(facts, "server"))
    reviews = ready(page, "reviews")
    reviews.get_by_role("link", name="Write a review").click()
    form = reviews.locator("form[method=post]")
    expect(form.get_by_role("heading", name="Write a review")).to_be_focused()
    expect(form.locator("[data-unsent]")).to_be_hidden()
    page.wait_for_timeout(A_PERSONS_PACE_MS)
    fill(form, text)
    tab.context.set_offline(True)
    form.get_by_role("button", name="Send review").click()
    expect(form.get_by_role("alert")).to_have_text("This could not be sent. Please wait a moment and send it again.")
    expect(form.get_by_label("Your review")).to_have_value(text)
    tab.context.set_offline(False)
    form.get_by_role("button", name="Send review").click()
    expect(reviews.locator("[part=thanks]")).to_contain_text("Thank you!")
    arrived(facts, text)


def test_a_review_by_keyboard(visitor: Open, facts: Facts) -> None:
    text = f"Typed {uuid.uuid4().hex}"
    tab = visitor(360)
    page = tab.goto(product_path(facts, "server"))
    reviews = widget(page, "reviews")
    tab.tab_to(lambda: tab.focused.endswith("Write a review"))
    tab.press("Enter")
    expect(reviews.get_by_role("heading", name="Write a review")).to_be_focused()
    tab.press("Tab", "ArrowRight")
    chosen = reviews.locator("input[name=rating]:checked")
    expect(chosen).to_have_count(1)
    rating = chosen.get_attribute("value")
    for name, value in (("title", "Fine"), ("body", text), ("name", "Kay"), ("email", "kay@shopper.example")):
        tab.tab_to(lambda name=name: tab.focused.startswith(f"{name}|"), 4)
        page.keyboard.type(value)
    page.wait_for_timeout(A_PERSONS_PACE_MS)
    tab.tab_to(lambda: "Send review" in tab.focused, 4)
    tab.press("Enter")
    expect(reviews.locator("[part=thanks]")).to_be_focused()
    assert f"'rating': {rating}" in str(arrived(facts, text))
    assert tab.said == []


@pytest.mark.parametrize("mode", MODES)
def test_a_review_without_scripts(visitor: Open, facts: Facts, mode: str) -> None:
    text = f"Plain {uuid.uuid4().hex}"
    tab = visitor(360, scripts=False)
    page = tab.finished(product_path(facts, mode)) if mode == "server" else tab.goto(product_path(facts, mode))
    if mode == "script":
        tab.follow(widget(page, "reviews").get_by_role("link"))
    tab.follow(page.get_by_role("link", name="Write a review"))
    assert page.url.startswith(facts["widgets"])
    page.wait_for_timeout(A_PERSONS_PACE_MS)
    page.get_by_label("Your review").fill(text)
    tab.follow(page.get_by_role("button", name="Send review"))
    expect(page.locator(".sw-error:not([hidden])")).to_have_count(3)
    expect(page.get_by_label("Your review")).to_have_value(text)
    page.wait_for_timeout(A_PERSONS_PACE_MS)
    fill(page.locator("form[method=post]"), text)
    tab.follow(page.get_by_role("button", name="Send review"))
    assert page.url.startswith(f"{facts['storefront']}products/")
    assert "sumeru_result=reviews%3Apending#reviews" in page.url
    arrived(facts, text)
    for _ in range(10):  # the thanks are server HTML, for which no page waits on a busy machine
        if page.locator("[part=thanks]").count():
            break
        page.reload()
    expect(page.locator("[part=thanks]")).to_contain_text("Thank you!")
    assert [line for line in tab.said if EXPECTED_422 not in line] == []


PATH = (("q_who", "walker"), ("q_weather", "rain"), ("q_mood", "light+scent"), ("q_budget", "proper"))


@pytest.fixture(scope="module")
def walked(facts: Facts) -> None:
    """Somebody went this way before: the upstream allows few steps a minute, and shoppers share what it said."""
    for number in range(len(PATH) + 1):
        so_far = ";".join(f"{question}:{options}" for question, options in PATH[:number])
        warm(facts, "quiz", quiz_id="quiz_gift", answers=so_far)


def answer(tab: Visitor, page: Page, *labels: str) -> None:
    for label in labels:
        page.get_by_label(label).check()
    page.wait_for_timeout(400)  # a person's pace: see Quiz.soonest_s
    page.get_by_role("button", name=re.compile("Next|Show results")).click()


def results_of(facts: Facts) -> list[str]:
    return [str(each) for each in written(facts, "quizzes") if "shared-copy" not in str(each) and "proper" in str(each)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.usefixtures("walked")
def test_the_quiz_forth_back_and_to_its_end(visitor: Open, facts: Facts, mode: str) -> None:
    before = len(results_of(facts))
    tab = visitor()
    page = tab.goto(f"/quiz?mode={mode}")
    quiz = ready(page, "quiz")
    expect(quiz.get_by_text("Question 1 of 4")).to_be_visible()
    page.wait_for_timeout(400)
    quiz.locator("form").evaluate("(form) => (form.noValidate = true)")
    quiz.get_by_role("button", name="Next").click()
    expect(quiz.locator(".sw-error:not([hidden])")).to_have_text("Choose an answer.")
    expect(quiz.get_by_role("radio").first).to_be_focused()

    answer(tab, page, "Somebody who is always outside")
    expect(quiz.get_by_role("heading", name="Which weather do they like best?")).to_be_focused()
    quiz.get_by_role("link", name="Back").click()
    expect(quiz.get_by_text("Question 1 of 4")).to_be_visible()
    expect(quiz.get_by_label("Somebody who is always outside")).to_be_checked()
    answer(tab, page)
    expect(quiz.get_by_text("Question 2 of 4")).to_be_visible()
    answer(tab, page, "Honest rain")
    expect(quiz.get_by_text("Question 3 of 4")).to_be_visible()
    answer(tab, page, "Warm light", "A good scent")
    expect(quiz.get_by_text("Question 4 of 4")).to_be_visible()
    answer(tab, page, "A proper present")
    expect(quiz.get_by_role("heading", name="These fit you")).to_be_focused()
    expect(quiz.locator("[part=product]").first).to_contain_text("Fits what you told us.")
    quiz.get_by_role("link", name="Add").first.click()
    expect(page.locator("#cart-count")).to_have_text("1")
    assert page.url == f"{facts['storefront']}quiz?mode={mode}"
    eventually(lambda: len(results_of(facts)) == before + 1, 30, "the finished quiz is with Sumeru")
    assert tab.said == []


@pytest.mark.usefixtures("walked")
def test_the_quiz_by_keyboard(visitor: Open, facts: Facts) -> None:
    tab = visitor(360)
    page = tab.finished("/quiz")
    quiz = ready(page, "quiz")
    tab.tab_to(lambda: "|walker|" in tab.focused)
    tab.press("Space")
    page.wait_for_timeout(400)
    tab.press("Enter")  # a form is sent from any of its fields
    expect(quiz.get_by_role("heading", name="Which weather do they like best?")).to_be_focused()
    tab.press("Tab", "ArrowDown")
    expect(quiz.get_by_label("Honest rain")).to_be_checked()
    page.wait_for_timeout(400)
    tab.press("Enter")
    expect(quiz.get_by_text("Question 3 of 4")).to_be_visible()
    tab.press("Tab", "Space", "Tab", "Space")
    page.wait_for_timeout(400)
    tab.tab_to(lambda: tab.focused.endswith("Next"), 6)
    tab.press("Enter")
    expect(quiz.get_by_text("Question 4 of 4")).to_be_visible()
    tab.tab_to(lambda: "Back" in tab.focused, 6)
    tab.press("Enter")
    expect(quiz.get_by_text("Question 3 of 4")).to_be_visible()
    expect(quiz.get_by_role("checkbox", checked=True)).to_have_count(2)
    assert tab.said == []


@pytest.mark.usefixtures("walked")
def test_the_quiz_without_scripts(visitor: Open, facts: Facts) -> None:
    tab = visitor(scripts=False)
    page = tab.finished("/quiz")
    for labels in (
        ["Somebody who is always outside"],
        ["Honest rain"],
        ["Warm light", "A good scent"],
        ["A proper present"],
    ):
        tab.settle()
        answer(tab, page, *labels)
        tab.settle()
    expect(page.get_by_role("heading", name="These fit you")).to_be_visible()
    assert page.url.startswith(facts["widgets"])
    tab.follow(page.get_by_role("link", name="Change the last answer"))
    expect(page.get_by_label("A proper present")).to_be_checked()
    page.go_back()
    tab.settle()
    tab.follow(page.get_by_role("link", name="Add").first)
    assert page.url == f"{facts['storefront']}cart"
    expect(page.locator(".line")).to_have_count(1)
    assert tab.said == []
