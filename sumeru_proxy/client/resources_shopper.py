"""Storefront endpoints about one shopper or cart: referral, quiz, experiment, nudge, pixel.

For each its address, its parameters and the one mapping from its JSON to our values (assumptions as in ``resources_catalogue``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from sumeru_proxy.client import arguments, shapes
from sumeru_proxy.client.reading import Fields
from sumeru_proxy.client.resource import (
    NEEDS_WRITE,
    NO_CUSTOMER,
    PIXEL,
    READS,
    REFERRAL_PATH,
    TEST_MARK,
    WRITES,
    CallArguments,
    Example,
    ProbeState,
    Resource,
    currency_of,
    query_of,
)
from sumeru_proxy.client.resource_parts import has_data, picture_of, product_of, reward_of
from sumeru_proxy.client.values import TEXT_CHARS, json_object

MOST_EVENTS = 100


# -- referral


def _referral_of(data: Fields) -> shapes.Referral:
    return shapes.Referral(
        code=data.need_word("code", 100), share_url=data.need_url("share_url"), reward=data.child("reward", reward_of)
    )


def _check_of(data: Fields) -> shapes.ReferralCheck:
    return shapes.ReferralCheck(
        code=data.need_word("code", 100),
        valid=data.need_flag("valid"),
        referrer_name=data.text("referrer_name", 120),
        reward=data.child("reward", reward_of),
    )


def _read_referral(outer: Fields) -> shapes.Referral | None:
    return outer.need_child("data", _referral_of) if has_data(outer) else None


def _read_check(outer: Fields) -> shapes.ReferralCheck | None:
    return outer.need_child("data", _check_of) if has_data(outer) else None


def ask_referral(customer_id: str) -> CallArguments:
    """A customer's own code."""
    return CallArguments(query_of(customer_id=arguments.identifier("customer_id", customer_id)))


def _probe_referral(state: ProbeState) -> CallArguments | str:
    customer = state.first("customers", "customers")
    return ask_referral(customer.id) if customer else NO_CUSTOMER


REFERRAL = Resource(
    "referral",
    "GET",
    REFERRAL_PATH,
    READS,
    _read_referral,
    ask_referral,
    Example("cus_1"),
    probe=_probe_referral,
    after="customers",
    fresh_s=3_600,
    topics=("customer:{customer_id}", "customers"),
)


def ask_check_referral(code: str) -> CallArguments:
    """A friend's code."""
    return CallArguments(query_of(code=arguments.identifier("code", code)))


CHECK_REFERRAL = Resource(
    "check_referral",
    "GET",
    REFERRAL_PATH,
    READS,
    _read_check,
    ask_check_referral,
    Example("NORA10"),
    probe=lambda _state: ask_check_referral("check-sumeru"),
    # Wrong codes are stored as long as right ones: the same guess costs one read.
    fresh_s=300,
    topics=("customers", "people"),
)


def ask_claim_referral(customer_id: str) -> CallArguments:
    """A code for this customer; the upstream gives the same one however often it is asked."""
    return CallArguments(body={"customer_id": arguments.identifier("customer_id", customer_id)})


def _probe_claim_referral(state: ProbeState) -> CallArguments | str:
    customer = state.first("customers", "customers")
    if customer is None:
        return NO_CUSTOMER
    return ask_claim_referral(customer.id) if state.write else NEEDS_WRITE


CLAIM_REFERRAL = Resource(
    "claim_referral",
    "POST",
    REFERRAL_PATH,
    WRITES,
    lambda outer: outer.need_child("data", _referral_of),
    ask_claim_referral,
    Example("cus_1"),
    probe=_probe_claim_referral,
    after="customers",
)


# -- quiz


def _option_of(fields: Fields) -> shapes.QuizOption:
    return shapes.QuizOption(
        id=fields.need_word("id"), label=fields.need_text("label"), image=picture_of(fields, "image")
    )


def _question_of(fields: Fields) -> shapes.QuizQuestion:
    return shapes.QuizQuestion(
        id=fields.need_word("id"),
        text=fields.need_text("text", TEXT_CHARS),
        kind=fields.choice("kind", ("single", "multiple"), "single"),
        options=fields.need_whole_items("options", _option_of),
    )


def _result_of(fields: Fields) -> shapes.QuizResult:
    return shapes.QuizResult(
        product=fields.need_child("product", product_of),
        score=fields.decimal("score", -(10**6)) or Decimal(0),
        reason=fields.text("reason"),
    )


def _progress_of(fields: Fields) -> tuple[int, int]:
    return fields.need_integer("answered"), fields.need_integer("total")


def _read_quiz(outer: Fields) -> shapes.QuizStep:
    def read(data: Fields) -> shapes.QuizStep:
        complete = data.need_flag("complete")
        answered, total = data.child("progress", _progress_of) or (0, 0)
        return shapes.QuizStep(
            quiz_id=data.need_word("quiz_id"),
            title=data.text("title"),
            complete=complete,
            answered=answered,
            total=total,
            next_question=data.child("next_question", _question_of)
            if complete
            else data.need_child("next_question", _question_of),
            results=data.need_items("results", _result_of) if complete else data.items("results", _result_of),
        )

    return outer.need_child("data", read)


def ask_quiz(quiz_id: str, session_id: str, answers: Sequence[tuple[str, Sequence[str]]] = ()) -> CallArguments:
    """A quiz step: ``answers`` are pairs of a question's id and the chosen options' ids; none asks for the first question."""
    if len(answers) > 100:
        raise arguments.invalid("answers", "must hold at most 100 answers")
    return CallArguments(
        body={
            "quiz_id": arguments.identifier("quiz_id", quiz_id),
            "session_id": arguments.identifier("session_id", session_id),
            "answers": [
                {
                    "question_id": arguments.identifier("question_id", question_id),
                    "option_ids": [arguments.identifier("option_ids", option) for option in options],
                }
                for question_id, options in answers
            ],
        }
    )


def _probe_quiz(state: ProbeState) -> CallArguments | str:
    if not state.write:
        return NEEDS_WRITE
    return ask_quiz(state.quiz_id, f"ses_{state.run_id}") if state.quiz_id else "needs --quiz"


QUIZ = Resource(
    "quiz",
    "POST",
    "/api/public/quiz",
    WRITES,
    _read_quiz,
    ask_quiz,
    Example("quiz_gift", "session-1"),
    probe=_probe_quiz,
    topics=("quizzes", "quiz:{quiz_id}"),
)


# -- experiment, nudge, pixel


def _assignment_of(data: Fields) -> shapes.Assignment:
    return shapes.Assignment(
        experiment=data.need_word("experiment"),
        variant=data.need_word("variant"),
        payload=json_object(data.raw("payload")),
        assigned_at=data.moment("assigned_at"),
    )


def ask_experiment(experiment: str, visitor_id: str) -> CallArguments:
    """The variant that a visitor gets."""
    return CallArguments(
        query_of(
            experiment=arguments.identifier("experiment", experiment),
            visitor_id=arguments.identifier("visitor_id", visitor_id),
        )
    )


EXPERIMENT = Resource(
    "experiment",
    "GET",
    "/api/public/ab-experiment",
    READS,
    lambda outer: outer.need_child("data", _assignment_of),
    ask_experiment,
    Example("exp_1", "visitor-1"),
    probe=lambda state: (
        ask_experiment(state.experiment, f"vis_{state.run_id}") if state.experiment else "needs --experiment"
    ),
    # An assignment never changes, and a read of it costs one of 100 a minute for all shoppers together.
    fresh_s=30 * 86_400,
    topics=("experiments", "experiment:{experiment}"),
)


def _nudge_progress_of(fields: Fields) -> shapes.NudgeProgress:
    return shapes.NudgeProgress(
        current=fields.need_decimal("current"),
        target=fields.need_decimal("target"),
        remaining=fields.need_decimal("remaining"),
    )


def _cta_of(fields: Fields) -> shapes.Cta:
    return shapes.Cta(label=fields.need_text("label"), url=fields.need_url("url"))


def _nudge_of(data: Fields) -> shapes.CartNudge:
    return shapes.CartNudge(
        id=data.need_word("id"),
        kind=data.need_word("kind", 40),
        message=data.need_text("message"),
        progress=data.child("progress", _nudge_progress_of),
        cta=data.child("cta", _cta_of),
        expires_at=data.moment("expires_at"),
    )


def _read_nudge(outer: Fields) -> shapes.CartNudge | None:
    return outer.need_child("data", _nudge_of) if has_data(outer) else None


def ask_nudge(cart_id: str, cart_total: Decimal | str, currency: str, item_count: int | None = None) -> CallArguments:
    """What to say next to this cart."""
    return CallArguments(
        query_of(
            cart_id=arguments.identifier("cart_id", cart_id),
            cart_total=arguments.money("cart_total", cart_total),
            currency=arguments.currency("currency", currency),
            item_count=None if item_count is None else arguments.whole("item_count", item_count, 0, 100_000),
        )
    )


NUDGE = Resource(
    "nudge",
    "GET",
    "/api/public/cart-nudge",
    READS,
    _read_nudge,
    ask_nudge,
    Example("cart-1", "49.00", "EUR", 2),
    probe=lambda state: ask_nudge(f"cart_{state.run_id}", "10.00", currency_of(state), 1),
    after="products",
    fresh_s=60,
    topics=("cart_nudge",),
)


def ask_pixel(events: Sequence[Mapping[str, object]]) -> CallArguments:
    """Up to 100 events, each with at least ``id``, ``type`` and ``occurred_at``. Counts one per event."""
    if not 1 <= len(events) <= MOST_EVENTS:
        raise arguments.invalid("events", f"must hold 1 to {MOST_EVENTS} events")
    for event in events:
        if not event.get("id") or not event.get("type") or not event.get("occurred_at"):
            raise arguments.invalid("events", "need an id, a type and occurred_at each")
    return CallArguments(body={"events": arguments.json_value("events", list(events))}, cost=len(events))


def _probe_pixel(state: ProbeState) -> CallArguments | str:
    if not state.write:
        return NEEDS_WRITE
    event = {
        "id": f"check_{state.run_id}",
        "type": "check_sumeru.test",
        "occurred_at": datetime.now(UTC),
        "visitor_id": f"vis_{state.run_id}",
        "properties": {"note": TEST_MARK},
    }
    return ask_pixel([event])


PIXEL_EVENTS = Resource(
    "pixel",
    "POST",
    "/api/public/pixel",
    PIXEL,
    lambda outer: outer.need_child("data", lambda data: shapes.Accepted(accepted=data.need_integer("accepted"))),
    ask_pixel,
    Example([{"id": "evt_1", "type": "page_view", "occurred_at": "2026-05-01T10:00:00Z"}]),
    probe=_probe_pixel,
)
