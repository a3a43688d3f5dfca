"""The widget `quiz`: every step with and without JavaScript, shared copies, and one result per session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.template.loader import render_to_string
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from sumeru_proxy.client.shapes import Image, QuizOption, QuizQuestion, QuizResult, QuizStep
from sumeru_proxy.reading.reader import Query
from tests.widgets.fragments import Page, assert_safe_fragment, call_of
from tests.widgets.quiz_steps import PRODUCT, QUESTIONS, Steps
from widgets.base import Call, Context, Frozen, Refusal, Seal, Sent
from widgets.catalog import quiz
from widgets.catalog.quiz import Answer, Quiz, format_answers, parse_answers, walk
from widgets.http import responses as problems
from widgets.http.rendering import SIZE_LIMIT_BYTES

SEAL = Seal("a-token", "0123456789abcdef0123456789abcdef")


# -- answers as text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        ("q1:o1", (("q1", ("o1",)),)),
        ("q1:o1+o2;q2:o3", (("q1", ("o1", "o2")), ("q2", ("o3",)))),
        ("q1:o1+o1", (("q1", ("o1",)),)),
        ("a%3Ab:c%2Bd%3B", (("a:b", ("c+d;",)),)),
        ("fr%C3%A5ga:s%20v", (("fråga", ("s v",)),)),
    ],
)
def test_answers_as_text(text: str, found: tuple[Answer, ...]) -> None:
    assert parse_answers(text) == found
    assert parse_answers(format_answers(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        "q1",
        "q1:",
        ":o1",
        "q1:o1;",
        ";",
        "q1:o1++o2",
        "q1:o1;q1:o2",
        "q1:a,b",
        "q1:%00",
        "q1:%ff",
        "q1: o1",
        "q1:%E2%80%A8",
        "q1:" + "x" * 191,
        "q1:" + "+".join(f"o{n}" for n in range(101)),
        ";".join(f"q{n}:o" for n in range(21)),
        "q1:" + "x" * 2_000,
    ],
)
def test_what_are_no_answers(text: str) -> None:
    with pytest.raises(ValueError):
        parse_answers(text)
    assert not Quiz.Params(data={"quiz_id": "quiz_1", "answers": text}).is_valid()


ids = st.text(min_size=1, max_size=12).filter(
    lambda text: (
        text.isprintable()
        and text == text.strip()
        and "," not in text
        and text not in (".", "..")
        and text.encode("utf-8", "replace").decode() == text
    )
)


@given(st.dictionaries(ids, st.lists(ids, min_size=1, max_size=4, unique=True), max_size=6))
def test_any_ids_survive_the_text(chosen: dict[str, list[str]]) -> None:
    found = tuple((question, tuple(options)) for question, options in chosen.items())
    text = format_answers(found)
    if len(text) <= quiz.ANSWERS_CHARS:
        assert parse_answers(text) == found


# -- the widget over a quiz in memory


class Tray:
    """A desk that keeps what is handed in, each key once."""

    def __init__(self) -> None:
        self.held: dict[str, Mapping[str, Any]] = {}

    def hand_in(self, kind: str, body: Mapping[str, Any], key: str, *, interactive: bool = True) -> None:
        assert (kind, interactive) == ("quiz_result", False)
        if self.held.setdefault(key, body) != body:
            raise problems.Problem(409, "idempotency_conflict", "used")


def call_at(answers: str = "", options: Mapping[str, Any] | None = None, **asked: str) -> Call:
    call = call_of(Quiz(), options, **{"quiz_id": "quiz_1", "answers": answers, **asked})
    return replace(call, seal=SEAL)


def made(call: Call, source: Steps) -> tuple[Context, Page]:
    widget = Quiz()
    with translation.override(call.locale):
        context = widget.context(call, source)  # type: ignore[arg-type]
        html = render_to_string(widget.template, {"w": context, "call": call, "shop": call.shop})
    page = Page(html)
    assert_safe_fragment(page)
    assert json.dumps(context, cls=DjangoJSONEncoder)
    assert len(html.encode()) < SIZE_LIMIT_BYTES
    return context, page


def form_of(**values: Any) -> Frozen:
    form = Quiz.Form(data=values)
    assert form.is_valid(), form.errors
    return Frozen(form.validated_data)


def sent(call: Call, source: Steps, tray: Tray, key: str = SEAL.key, **values: Any) -> Sent:
    return Quiz().submit(call, form_of(**values), key, tray, source)  # type: ignore[arg-type]


def test_the_first_question() -> None:
    context, page = made(call_at(), Steps())
    assert context["question"]["text"] == "About q1?"
    assert (context["complete"], context["answers"], context["results"]) == (False, "", [])
    assert context["session"] == SEAL.key
    assert "Question 1 of 3" in page.text
    assert page.all("progress", max="3", value="0")
    assert [attrs["value"] for attrs in page.all("input", type="radio", name="option[]")] == ["a", "b", "c"]
    assert page.all("form", method="post", action="https://widgets.example/w/v1/shopkey/quiz?quiz_id=quiz_1")
    assert [
        page.all("input", name=name)[0]["value"] for name in ("token", "key", "session", "answers", "question")
    ] == [
        SEAL.token,
        SEAL.key,
        SEAL.key,
        "",
        "q1",
    ]
    assert page.all("input", name="website", tabindex="-1", autocomplete="off")
    assert not page.all("a")


def test_a_later_question_leads_back_with_its_answer_kept() -> None:
    context, page = made(call_at("q1:b", session="session-1"), Steps())
    assert page.all("input", type="checkbox", name="option[]", value="a")
    assert "More than one answer is fine." in page.text
    back = parse_qs(urlsplit(context["links"]["back"]).query)
    assert back == {"quiz_id": ["quiz_1"], "session": ["session-1"], "chosen": ["b"]}
    again, page = made(call_at(session="session-1", chosen="b"), Steps())
    assert [each["chosen"] for each in again["question"]["options"]] == [False, True, False]
    assert ["checked" in attrs for attrs in page.all("input", type="radio")] == [False, True, False]


def test_the_results() -> None:
    results = [
        QuizResult(replace(PRODUCT, id=f"prd_{n}", title=f"Jacket {n}", available=n != 3), Decimal(n), f"Reason {n}")
        for n in range(5)
    ]
    context, page = made(call_at("q1:a;q2:a+b;q3:c", session="session-1"), Steps(results=results))
    assert [each["title"] for each in context["results"]] == ["Jacket 4", "Jacket 3", "Jacket 2"]
    assert [each["add"] is not None for each in context["results"]] == [True, False, True]
    assert "Reason 4" in page.text
    assert "€99.50" in page.text
    assert page.text.count("Sold out") == 1
    add = page.all("a", part="add")[0]
    assert json.loads(add["data-add"]) == {
        "items": [{"variant_id": "var_1", "quantity": 1}],
        "source": "quiz",
        "id": "quiz_1",
    }
    assert add["href"] == "https://shop.example/cart/var_1:1"
    assert context["links"]["again"] == "https://widgets.example/w/v1/shopkey/quiz?quiz_id=quiz_1"
    assert "session" not in parse_qs(urlsplit(context["links"]["back"]).query)
    assert not page.all("form")
    assert len(made(call_at("q1:a;q2:a;q3:c", {"results": 5}), Steps(results=results))[0]["results"]) == 5


def test_no_product_fits() -> None:
    source = Steps()
    source.results = ()
    _, page = made(call_at("q1:a;q2:a;q3:c"), source)
    assert "Nothing fits these answers yet." in page.text


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("q9:a", ""),
        ("q1:z", ""),
        ("q1:a+b", ""),
        ("q2:a;q1:a", ""),
        ("q1:a;q2:z", "q1:a"),
        ("q1:a;q2:b+z", "q1:a"),
        ("q1:a;q2:c+a", "q1:a;q2:a+c"),
        ("q1:a;q2:a;q3:a;q4:a", "q1:a;q2:a;q3:a"),
    ],
)
def test_answers_the_quiz_does_not_know_end_the_way_and_are_never_asked_upstream(asked: str, kept: str) -> None:
    source = Steps()
    context, _ = made(call_at(asked), source)
    assert context["answers"] == kept
    assert (
        [format_answers(dict(each.arguments)["answers"]) for each in source.asked]
        == [  # type: ignore[arg-type]
            ";".join(kept.split(";")[:n]) for n in range(len(kept.split(";")) + 1 if kept else 1)
        ]
    )


def test_equal_answers_are_one_read_for_everybody() -> None:
    one, two = Steps(), Steps()
    made(call_at("q1:a;q2:c+a", session="session-1"), one)
    made(call_at("q1:a;q2:a+c", session="session-2"), two)
    assert [each.key(1) for each in one.asked] == [each.key(1) for each in two.asked]
    assert {dict(each.arguments)["session_id"] for each in one.asked} == {quiz.SHARED_SESSION}
    assert {each.fresh_s for each in one.asked} == {86_400}
    other = Steps()
    made(call_at(options={"share_s": 600}), other)
    assert other.asked[0].fresh_s == 600


def test_an_answer_leads_on() -> None:
    tray = Tray()
    outcome = sent(call_at(), Steps(), tray, question="q1", option=["b"], session="session-1")
    assert (str(outcome.outcome), outcome.errors, tray.held) == ("next", {}, {})
    call = replace(call_at(), sent=outcome)
    context, page = made(call, source := Steps())
    assert source.asked == []
    assert (context["answers"], context["question"]["id"], context["session"]) == ("q1:b", "q2", "session-1")
    assert page.all("h3", tabindex="-1")
    assert parse_qs(urlsplit(Quiz().landing(call_at(), outcome)).query) == {
        "quiz_id": ["quiz_1"],
        "answers": ["q1:b"],
        "session": ["session-1"],
    }


@pytest.mark.parametrize(
    ("answers", "question_id", "option", "errors"),
    [
        ("", "q1", [], {"option": ["Choose an answer."]}),
        ("", "q1", ["z"], {"option": ["Choose an answer."]}),
        ("", "q1", ["a", "z"], {"option": ["Choose an answer."]}),
        ("", "q1", ["a", "b"], {"option": ["Choose only one answer."]}),
        ("q1:a", "q2", [], {"option": ["Choose at least one answer."]}),
        ("q1:a", "q1", ["a"], {"": ["This quiz has changed meanwhile. Please go on from here."]}),
        ("", "q3", ["a"], {"": ["This quiz has changed meanwhile. Please go on from here."]}),
    ],
)
def test_errors_stand_beside_the_question(
    answers: str, question_id: str, option: list[str], errors: dict[str, list[str]]
) -> None:
    tray = Tray()
    values = {"question": question_id, "option": option, "answers": answers, "session": "session-1"}
    with translation.override("en"), pytest.raises(Refusal) as caught:
        sent(call_at(), Steps(), tray, **values)
    assert caught.value.errors == errors
    assert not tray.held
    # Made anew as the submission view does: the URL says nothing of the answers, the kept values do.
    context, page = made(replace(call_at(), sent=Sent(values=values, errors=errors)), Steps())
    assert (context["answers"], context["session"]) == (answers, "session-1")
    message = next(iter(errors.values()))[0]
    assert message in page.text
    inputs = [attrs for attrs in page.all("input", name="option[]") if attrs.get("aria-invalid") == "true"]
    if "option" in errors:
        assert len(inputs) == 3
        assert all(page.all("p", id=attrs["aria-describedby"]) for attrs in inputs)
        assert [attrs["value"] for attrs in page.all("input", name="option[]") if "checked" in attrs] == [
            each for each in option if each != "z"
        ]
    else:
        assert inputs == []
        assert page.all("p", role="alert", data_focus="")


@pytest.mark.parametrize("odd", [7, None, {"a": 1}, ["x"], "q1", "\x00", "x" * 5_000])
def test_kept_values_may_be_anything(odd: object) -> None:
    values = {"question": odd, "option": odd, "answers": odd, "session": odd}
    context, _ = made(replace(call_at("q1:a"), sent=Sent(values=values, errors={"": ["Again."]})), Steps())
    assert context["answers"] == "q1:a"
    assert context["form"]["problems"] == ["Again."]


def test_the_last_answer_is_handed_in_once_per_session() -> None:
    tray = Tray()
    last = {"question": "q3", "answers": "q1:a;q2:a+b", "session": "session-1"}
    first = sent(call_at(), Steps(), tray, option=["c"], **last)
    assert str(first.outcome) == "complete"
    assert list(tray.held.values()) == [
        {
            "quiz_id": "quiz_1",
            "session_id": "session-1",
            "answers": [
                {"question_id": "q1", "option_ids": ["a"]},
                {"question_id": "q2", "option_ids": ["a", "b"]},
                {"question_id": "q3", "option_ids": ["c"]},
            ],
        }
    ]
    sent(call_at(), Steps(), tray, key="another-key", option=["c"], **last)
    changed = sent(call_at(), Steps(), tray, key="a-third-key", option=["a"], **last)
    assert str(changed.outcome) == "complete"
    assert changed.data["step"]["answers"] == "q1:a;q2:a+b;q3:a"
    assert len(tray.held) == 1
    sent(call_at(), Steps(), tray, option=["c"], **{**last, "session": "session-2"})
    assert len(tray.held) == 2
    assert all(8 <= len(key) <= 190 for key in tray.held)


def test_a_submission_without_a_session_gets_the_forms_key_as_one() -> None:
    tray = Tray()
    outcome = sent(call_at(), Steps(QUESTIONS[:1]), tray, key="key-of-the-form", question="q1", option=["a"])
    assert next(iter(tray.held.values()))["session_id"] == "key-of-the-form"
    assert outcome.data["step"]["session"] == "key-of-the-form"


def test_a_step_that_cannot_be_had_keeps_the_form() -> None:
    source = Steps()
    source.down_after = 1
    tray = Tray()
    with pytest.raises(Refusal) as caught:
        sent(call_at(), source, tray, question="q1", option=["a"])
    assert list(caught.value.errors) == [""]
    assert not tray.held


def test_nothing_of_a_quiz_becomes_markup_or_fills_the_page() -> None:
    hostile = "</h3><script>alert(1)</script>\" onclick='x' {{ call }}" * 60
    options = tuple(
        QuizOption(f"o{n}\"'><", hostile, Image(f"https://cdn.example/{n}?{'a' * 400}&x=<")) for n in range(100)
    )
    context, page = made(call_at(), Steps([QuizQuestion("q\"'><", hostile, "multiple", options)]))
    assert len(context["question"]["options"]) == quiz.MAX_OPTIONS
    assert not page.all("script")
    sly = (
        QuizOption("a", "A", Image("javascript:alert(1)")),
        QuizOption("b", "B", Image("https://cdn.example/" + "a" * 900)),
    )
    _, page = made(call_at(), Steps([QuizQuestion("q", "?", "single", sly)]))
    assert not page.all("img")


def test_direction_and_language() -> None:
    call = replace(call_of(Quiz(), language="ar", quiz_id="quiz_1"), seal=SEAL)
    _, page = made(call, Steps())
    assert page.elements[0][1]["dir"] == "rtl"


def test_a_quiz_that_does_not_say_how_long_it_is() -> None:
    class Silent(Steps):
        def get(self, wanted: Query) -> QuizStep:
            return replace(super().get(wanted), total=0, answered=0)

    _, page = made(call_at("q1:a"), Silent())
    assert "Question 2" in page.text
    assert " of " not in page.text
    assert not page.all("progress")


def test_walking_costs_a_read_for_each_step() -> None:
    source = Steps()
    place = walk(source, "quiz_1", parse_answers("q1:a;q2:b;q3:c"), 60)  # type: ignore[arg-type]
    assert place.step.complete
    assert len(source.asked) == 4
