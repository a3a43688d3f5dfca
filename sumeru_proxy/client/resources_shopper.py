"""Storefront endpoints about one shopper or cart: referral, quiz, experiment, nudge, pixel.

For each its address, its parameters and the one mapping from its JSON to our values (assumptions as in ``resources_catalogue``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sumeru_proxy.client import arguments, shapes
from sumeru_proxy.client.reading import ID_CHARS, TEXT_CHARS, Fields, json_object
from sumeru_proxy.client.resource import PIXEL, READS, REFERRAL_PATH, WRITES, Asked, Resource, query_of
from sumeru_proxy.client.resource_parts import has_data, picture_of, product_of, reward_of

MOST_EVENTS = 100


# -- referral


def _referral_of(data: Fields) -> shapes.Referral:
    return shapes.Referral(
        code=data.need_text("code", 100), share_url=data.need_url("share_url"), reward=data.child("reward", reward_of)
    )


def _check_of(data: Fields) -> shapes.ReferralCheck:
    return shapes.ReferralCheck(
        code=data.need_text("code", 100),
        valid=data.need_flag("valid"),
        referrer_name=data.text("referrer_name", 120),
        reward=data.child("reward", reward_of),
    )


def _read_referral(outer: Fields) -> shapes.Referral | None:
    return outer.need_child("data", _referral_of) if has_data(outer) else None


def _read_check(outer: Fields) -> shapes.ReferralCheck | None:
    return outer.need_child("data", _check_of) if has_data(outer) else None


REFERRAL = Resource("referral", "GET", REFERRAL_PATH, READS, _read_referral)
CHECK_REFERRAL = Resource("check_referral", "GET", REFERRAL_PATH, READS, _read_check)
CLAIM_REFERRAL = Resource(
    "claim_referral", "POST", REFERRAL_PATH, WRITES, lambda outer: outer.need_child("data", _referral_of)
)


def ask_referral(customer_id: str) -> Asked:
    """A customer's own code."""
    return Asked(query_of(customer_id=arguments.identifier("customer_id", customer_id)))


def ask_check_referral(code: str) -> Asked:
    """A friend's code."""
    return Asked(query_of(code=arguments.identifier("code", code)))


def ask_claim_referral(customer_id: str) -> Asked:
    """A code for this customer; the upstream gives the same one however often it is asked."""
    return Asked(body={"customer_id": arguments.identifier("customer_id", customer_id)})


# -- quiz


def _option_of(fields: Fields) -> shapes.QuizOption:
    return shapes.QuizOption(
        id=fields.need_text("id", ID_CHARS), label=fields.need_text("label"), image=picture_of(fields, "image")
    )


def _question_of(fields: Fields) -> shapes.QuizQuestion:
    return shapes.QuizQuestion(
        id=fields.need_text("id", ID_CHARS),
        text=fields.need_text("text", TEXT_CHARS),
        kind="multiple" if fields.text("kind", 20) == "multiple" else "single",
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
            quiz_id=data.need_text("quiz_id", ID_CHARS),
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


QUIZ = Resource("quiz", "POST", "/api/public/quiz", WRITES, _read_quiz)


def ask_quiz(quiz_id: str, session_id: str, answers: Sequence[tuple[str, Sequence[str]]] = ()) -> Asked:
    """A quiz step: ``answers`` are pairs of a question's id and the chosen options' ids; none asks for the first question."""
    if len(answers) > 100:
        raise arguments.invalid("answers", "must hold at most 100 answers")
    return Asked(
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


# -- experiment, nudge, pixel


def _assignment_of(data: Fields) -> shapes.Assignment:
    return shapes.Assignment(
        experiment=data.need_text("experiment", ID_CHARS),
        variant=data.need_text("variant", ID_CHARS),
        payload=json_object(data.raw("payload")),
        assigned_at=data.moment("assigned_at"),
    )


EXPERIMENT = Resource(
    "experiment",
    "GET",
    "/api/public/ab-experiment",
    READS,
    lambda outer: outer.need_child("data", _assignment_of),
    edge_s=86_400,
)


def ask_experiment(experiment: str, visitor_id: str) -> Asked:
    """The variant that a visitor gets."""
    return Asked(
        query_of(
            experiment=arguments.identifier("experiment", experiment),
            visitor_id=arguments.identifier("visitor_id", visitor_id),
        )
    )


def _nudge_progress_of(fields: Fields) -> shapes.NudgeProgress:
    return shapes.NudgeProgress(
        current=fields.need_decimal("current"),
        target=fields.need_decimal("target"),
        remaining=fields.need_decimal("remaining"),
    )


def _cta_of(fields: Fields) -> shapes.Cta:
    return shapes.Cta(label=fields.need_text("label"), url=fields.need_url("url", relative=True))


def _nudge_of(data: Fields) -> shapes.CartNudge:
    return shapes.CartNudge(
        id=data.need_text("id", ID_CHARS),
        kind=data.need_text("kind", 40),
        message=data.need_text("message"),
        progress=data.child("progress", _nudge_progress_of),
        cta=data.child("cta", _cta_of),
        expires_at=data.moment("expires_at"),
    )


def _read_nudge(outer: Fields) -> shapes.CartNudge | None:
    return outer.need_child("data", _nudge_of) if has_data(outer) else None


NUDGE = Resource("nudge", "GET", "/api/public/cart-nudge", READS, _read_nudge, edge_s=60)


def ask_nudge(cart_id: str, cart_total: Decimal | str, currency: str, item_count: int | None = None) -> Asked:
    """What to say next to this cart."""
    return Asked(
        query_of(
            cart_id=arguments.identifier("cart_id", cart_id),
            cart_total=arguments.money("cart_total", cart_total),
            currency=arguments.currency("currency", currency),
            item_count=None if item_count is None else arguments.whole("item_count", item_count, 0, 100_000),
        )
    )


PIXEL_EVENTS = Resource(
    "pixel",
    "POST",
    "/api/public/pixel",
    PIXEL,
    lambda outer: outer.need_child("data", lambda data: shapes.Accepted(accepted=data.need_integer("accepted"))),
)


def ask_pixel(events: Sequence[Mapping[str, object]]) -> Asked:
    """Up to 100 events, each with at least ``id``, ``type`` and ``occurred_at``. Counts one per event."""
    if not 1 <= len(events) <= MOST_EVENTS:
        raise arguments.invalid("events", f"must hold 1 to {MOST_EVENTS} events")
    for event in events:
        if not event.get("id") or not event.get("type") or not event.get("occurred_at"):
            raise arguments.invalid("events", "need an id, a type and occurred_at each")
    return Asked(body={"events": arguments.json_value("events", list(events))}, cost=len(events))
