"""A quiz that ends in products: one question at a time, back, progress, results with reasons.

Where a shopper stands is wholly said by ``answers``, so every step has a URL, works without JavaScript and can be taken back.
Steps are read through copies that all shoppers share (the upstream counts each as one of few writes a minute), with a session id
that belongs to nobody; only the finished answers are sent with the shopper's own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from sumeru_proxy.client.resources_shopper import QUIZ
from sumeru_proxy.client.shapes import QuizOption, QuizQuestion, QuizResult, QuizStep
from sumeru_proxy.client.values import ID_CHARS
from sumeru_proxy.reading.reader import Missing, Pending, Query, Source
from widgets.base import (
    Call,
    Context,
    Desk,
    Frozen,
    IdentifierField,
    Refusal,
    Sent,
    Widget,
    WidgetParams,
    is_identifier,
)
from widgets.http import responses
from widgets.i18n import formatting
from widgets.theming import tokens

Answer = tuple[str, tuple[str, ...]]
"""A question's id and the ids of the options chosen."""

MAX_QUESTIONS = 20
MAX_OPTIONS = 100
PICTURED_OPTIONS = 20
"""Of a question with more options none has a picture."""
CHOSEN_CHARS = 400
ANSWERS_CHARS = 2_000
SHARED_SESSION = "shared-copy"
"""Under which steps are read upstream. A merchant who counts quiz sessions leaves this one out."""
LABEL_CHARS = 120
TEXT_CHARS = 600
PICTURE_URL_CHARS = 500


def parse_answers(text: str) -> tuple[Answer, ...]:
    """``q1:o1+o2;q2:o3`` as answers; ids are percent-encoded where needed. Raises ValueError for anything else."""
    if len(text) > ANSWERS_CHARS:
        raise ValueError("too long")
    answers: list[Answer] = []
    for part in text.split(";") if text else ():
        question, mark, options = part.partition(":")
        answers.append((_id(question), tuple(dict.fromkeys(map(_id, options.split("+"))))))
        if not mark or len(answers[-1][1]) > MAX_OPTIONS:
            raise ValueError("no options, or too many")
    if len(answers) > MAX_QUESTIONS or len({question for question, _options in answers}) < len(answers):
        raise ValueError("too many questions, or one twice")
    return tuple(answers)


def _id(text: str) -> str:
    decoded_id = unquote(text, errors="strict")
    if not is_identifier(decoded_id):
        raise ValueError("no id")
    return decoded_id


def format_answers(answers: Iterable[Answer]) -> str:
    """The canonical text of answers: the opposite of ``parse_answers``."""
    return ";".join(
        f"{quote(question, safe='')}:{'+'.join(quote(option, safe='') for option in options)}"
        for question, options in answers
    )


class AnswersField(serializers.CharField):
    """Answers as canonical text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            **{"required": False, "default": "", "allow_blank": True, "max_length": ANSWERS_CHARS, **kwargs}
        )

    def to_internal_value(self, data: Any) -> str:
        """Raises ValidationError for text that is no list of answers."""
        try:
            return format_answers(parse_answers(super().to_internal_value(data)))
        except ValueError:
            raise serializers.ValidationError(_("Write answers as question:option+option;question:option.")) from None


class QuizParams(WidgetParams):
    """What a page may ask."""

    quiz_id = IdentifierField(help_text=_("The quiz."))
    answers = AnswersField(
        help_text=_("The answers so far: question:option+option;question:option. None: the first question.")
    )
    session = IdentifierField(
        required=False,
        default="",
        allow_blank=True,
        help_text=_("Names one shopper's way through the quiz; made when it is left out."),
    )
    chosen = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=CHOSEN_CHARS,
        help_text=_("Options of the question that are chosen at first, joined by +. The back link uses it."),
    )


class QuizForm(serializers.Serializer[Any]):
    """What a shopper submits: the answer to one question."""

    question = serializers.CharField(max_length=ID_CHARS, help_text=_("The question that is answered."))
    option = serializers.ListField(
        child=serializers.CharField(max_length=ID_CHARS, trim_whitespace=False),
        required=False,
        default=list,
        max_length=MAX_OPTIONS,
        help_text=_("The options chosen; exactly one for a single choice."),
    )
    answers = AnswersField(help_text=_("The answers before this one."))
    session = IdentifierField(
        required=False, default="", allow_blank=True, help_text=_("The session; made when it is left out.")
    )


class QuizOptions(serializers.Serializer[Any]):
    """What a merchant may set."""

    heading = serializers.CharField(
        label=_("heading"),
        max_length=80,
        required=False,
        default="",
        allow_blank=True,
        help_text=_("Replaces the quiz's own title."),
    )
    results = serializers.IntegerField(
        label=_("results"), min_value=1, max_value=12, required=False, default=3, help_text=_("Most products: 1 to 12.")
    )
    share_s = serializers.IntegerField(
        label=_("sharing"),
        min_value=60,
        max_value=7 * 86_400,
        required=False,
        default=86_400,
        help_text=_(
            "For how many seconds shoppers with the same answers share what Sumeru said. Longer: more shoppers can take the quiz "
            "at the same time. Shorter: changes to the quiz are seen sooner."
        ),
    )


@dataclass(frozen=True, slots=True)
class QuizPosition:
    """Where a list of answers leads: the answers that the quiz knows, in its own order, and the step after them."""

    answers: tuple[Answer, ...]
    step: QuizStep


class Quiz(Widget):
    """One question at a time; Sumeru chooses the next one and the results."""

    name = "quiz"
    title = gettext_lazy("Quiz")
    description = _("A few questions, one at a time, that end in the products that fit.")
    audience = "visitor"
    Params = QuizParams
    Options = QuizOptions
    Form = QuizForm
    styles = ("products.css", "quiz.css")
    parts = tokens.parts(
        "title",
        "progress",
        "form",
        "error",
        "button",
        "product",
        "picture",
        "name",
        "price",
        "before",
        "add",
        quiz=_("The whole widget."),
        question=_("The question."),
        option=_("One answer to choose."),
        results=_("The list of what fits."),
    )
    example = {"quiz_id": "quiz_1"}
    soonest_s = 0.3
    sends_per_minute = 60
    sends_per_token = 60
    sends_per_subject_per_minute = 6_000

    def context(self, call: Call, source: Source) -> Context:
        """``question`` or, when ``complete``, ``results``; ``answers`` so far, ``progress``, ``links``, and ``form`` for those who
        render themselves.

        Answers that the quiz does not know (it was changed, the link was made up) end the way before them. Lets Pending and
        Missing through.
        """
        answers, session, chosen_ids = _requested_state(call)
        if call.sent and "step" in call.sent.data:
            view = dict(call.sent.data["step"])
        else:
            place = walk(source, call.params.quiz_id, answers, call.options.share_s)
            view = _view(call, place, session, chosen_ids)
        errors = call.sent.errors if call.sent else {}
        view["form"] = {
            "token": call.seal.token if call.seal else "",
            "key": call.seal.key if call.seal else "",
            "errors": list(errors.get("option", ())),
            "problems": [text for name, texts in errors.items() if name != "option" for text in texts],
        }
        return view

    def submit(self, call: Call, form: Frozen, key: str, desk: Desk, source: Source) -> Sent:
        """Take one answer. Outcome ``next`` or, with the last one, ``complete``: then the answers are handed in, once per session."""
        quiz_id, share_s = call.params.quiz_id, call.options.share_s
        session = form.session or key[:64]
        try:
            place = walk(source, quiz_id, parse_answers(form.answers), share_s)
            if not place.step.complete:
                place = self._take_answer(call, place, form, source)
        except Missing:
            raise responses.not_found("quiz") from None
        except Pending:
            raise Refusal(
                {"": [gettext("The next step is not available right now. Please try again in a moment.")]}
            ) from None
        if place.step.complete and place.answers:
            _hand_in(desk, quiz_id, session, place.answers)
        outcome = "complete" if place.step.complete else "next"
        return Sent(outcome=outcome, data={"step": _view(call, place, session, ())})

    def _take_answer(self, call: Call, place: QuizPosition, form: Frozen, source: Source) -> QuizPosition:
        question = place.step.next_question
        if question is None or question.id != form.question or len(place.answers) >= MAX_QUESTIONS:
            raise Refusal({"": [gettext("This quiz has changed meanwhile. Please go on from here.")]})
        chosen_ids = tuple(option.id for option in question.options if option.id in form.option)
        if not chosen_ids or len(chosen_ids) < len(set(form.option)):
            several = question.kind == "multiple"
            raise Refusal(
                {"option": [gettext("Choose at least one answer.") if several else gettext("Choose an answer.")]}
            )
        if question.kind != "multiple" and len(chosen_ids) > 1:
            raise Refusal({"option": [gettext("Choose only one answer.")]})
        so_far = (*place.answers, (question.id, chosen_ids))
        return QuizPosition(so_far, source.get(step_query(call.params.quiz_id, so_far, call.options.share_s)))

    def landing(self, call: Call, sent: Sent) -> str:
        """The next step's own page."""
        step = sent.data.get("step")
        return call.link(answers=step["answers"], session=step["session"], chosen=None) if step else call.link()


def step_query(quiz_id: str, so_far: tuple[Answer, ...], share_s: float) -> Query:
    """The read of the step after these answers; the same for every shopper."""
    return Query.of(QUIZ, share_s, quiz_id=quiz_id, session_id=SHARED_SESSION, answers=so_far)


def walk(source: Source, quiz_id: str, answers: Sequence[Answer], share_s: float) -> QuizPosition:
    """Follow the answers from the first question, each against the step before it, so that no made-up answer is sent to Sumeru.

    Ends before the first answer that does not belong there. Options come in the question's order, so each set of options has one
    copy. A step is usually copied already, because the shopper has passed it. Raises Pending and Missing.
    """
    so_far: tuple[Answer, ...] = ()
    step: QuizStep = source.get(step_query(quiz_id, so_far, share_s))
    for question_id, option_ids in answers:
        question = step.next_question
        if step.complete or question is None or question.id != question_id:
            break
        chosen_ids = tuple(option.id for option in question.options if option.id in option_ids)
        if len(chosen_ids) < len(option_ids) or (question.kind != "multiple" and len(chosen_ids) > 1):
            break
        so_far = (*so_far, (question_id, chosen_ids))
        step = source.get(step_query(quiz_id, so_far, share_s))
    return QuizPosition(so_far, step)


def _hand_in(desk: Desk, quiz_id: str, session: str, answers: tuple[Answer, ...]) -> None:
    digest = hashlib.sha256(f"{quiz_id}\n{session}".encode()).hexdigest()
    body = {
        "quiz_id": quiz_id,
        "session_id": session,
        "answers": [{"question_id": question, "option_ids": list(options)} for question, options in answers],
    }
    try:
        # Not interactive: the results are known, nobody waits for Sumeru.
        desk.hand_in("quiz_result", body, f"quiz-{digest[:40]}", interactive=False)
    except responses.Problem as problem:
        if problem.status != 409:
            raise
        # This session has ended before, with other answers: one result per session, the first.


def _requested_state(call: Call) -> tuple[tuple[Answer, ...], str, tuple[str, ...]]:
    """Answers, session and chosen options to show: those of a refused form, else those of the URL."""
    text, session = call.params.answers, call.params.session
    chosen_ids: tuple[str, ...] = tuple(call.params.chosen.split("+"))
    if call.sent and call.sent.errors:
        refused_form = QuizForm(data={**call.sent.values, "option": [], "question": "-"})
        if refused_form.is_valid():
            text, session = refused_form.validated_data["answers"], refused_form.validated_data["session"]
        option = call.sent.values.get("option")
        chosen_ids = tuple(str(each) for each in option) if isinstance(option, list | tuple) else ()
    return parse_answers(text), session or (call.seal.key if call.seal else ""), chosen_ids


def _view(call: Call, place: QuizPosition, session: str, chosen_ids: Sequence[str]) -> Context:
    step, answer_count = place.step, len(place.answers)
    question = None if step.complete else step.next_question
    here = call.link(answers=None, session=None, chosen=None)
    back = None
    if place.answers:
        before = format_answers(place.answers[:-1])
        last_options = ""
        for option in place.answers[-1][1]:
            more = f"{last_options}+{quote(option, safe='')}" if last_options else quote(option, safe="")
            last_options = more if len(more) <= CHOSEN_CHARS else last_options
        # A finished session stays as it was handed in; who goes back from the results begins another one.
        back = call.link(answers=before, session=None if step.complete else session, chosen=last_options)
    results = sorted(step.results, key=lambda each: -each.score) if step.complete else []
    return {
        "quiz_id": call.params.quiz_id,
        "title": call.options.heading or formatting.clipped(step.title),
        "answers": format_answers(place.answers),
        "session": session,
        "complete": step.complete,
        "progress": {
            "answered": answer_count,
            "number": answer_count + 1,
            "total": max(step.total, answer_count + (not step.complete)) if step.total > 0 else 0,
        },
        "question": _question(call, question, chosen_ids) if question else None,
        "results": [_result(call, each) for each in results[: call.options.results]],
        "links": {"here": here, "back": back, "again": here if place.answers else None},
    }


def _question(call: Call, question: QuizQuestion, chosen_ids: Sequence[str]) -> Context:
    decoded_ids = {unquote(each) for each in chosen_ids}
    return {
        "id": question.id,
        "text": formatting.clipped(question.text, TEXT_CHARS),
        "kind": question.kind,
        "options": [
            _option(call, option, option.id in decoded_ids, pictured=len(question.options) <= PICTURED_OPTIONS)
            for option in question.options[:MAX_OPTIONS]
        ],
    }


def _option(call: Call, option: QuizOption, is_chosen: bool, *, pictured: bool) -> Context:
    picture = formatting.address(call.shop, option.image.url) if option.image and pictured else ""
    return {
        "id": option.id,
        "label": formatting.clipped(option.label, LABEL_CHARS),
        "image": picture if len(picture) <= PICTURE_URL_CHARS else "",
        "chosen": is_chosen,
    }


def _result(call: Call, result: QuizResult) -> Context:
    product = result.product
    add = None
    if product.available:
        add = formatting.add_to_cart(call.shop, "quiz", call.params.quiz_id, [(product.variant_id, 1)])
    return {
        **formatting.product_card(call.shop, product, call.formats),
        "score": result.score,
        "reason": formatting.clipped(result.reason, TEXT_CHARS),
        "add": add,
    }
