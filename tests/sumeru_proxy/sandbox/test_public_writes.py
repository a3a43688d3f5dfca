"""What shoppers send, and that it is done once."""

from __future__ import annotations

from typing import Any

import pytest

from sumeru_proxy.sandbox.server import Sandbox, running, small_catalogue
from tests.sumeru_proxy.sandbox.conversation import KEY, Conversation, review


def test_a_review_is_pending_until_published(server: Sandbox, talk: Conversation) -> None:
    answer = talk.post("reviews", review(product_id="prd_9"))
    assert answer.status == 201
    assert answer.data["status"] == "pending"
    assert talk.get("reviews?product_id=prd_9").data["summary"]["count"] == 0
    published = talk.call("POST", "/_sandbox/reviews/publish", {"id": answer.data["id"]})
    assert published.data == {"published": [answer.data["id"]]}
    assert talk.get("reviews?product_id=prd_9").data["reviews"][0]["title"] == "Good"
    assert b"nia@mail.example" not in talk.get("reviews?product_id=prd_9").body


def test_a_shop_may_publish_at_once() -> None:
    catalogue = small_catalogue()
    catalogue["shops"][0]["auto_publish"] = True
    with running(catalogue) as server:
        talk = Conversation(server)
        talk.get("reviews?product_id=prd_9")
        assert talk.post("reviews", review(product_id="prd_9", order_id="ord_1")).data["status"] == "published"
        assert talk.get("reviews?product_id=prd_9").data["summary"]["count"] == 1


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("product_id", {"product_id": "prd_none"}),
        ("rating", {"rating": 0}),
        ("rating", {"rating": True}),
        ("rating", {"rating": "5"}),
        ("author", {"author": None}),
        ("author.email", {"author": {"name": "Nia", "email": "nia"}}),
        ("author.name", {"author": {"name": " ", "email": "nia@mail.example"}}),
        ("title", {"title": "x" * 201}),
        ("body", {"body": "x" * 5001}),
        ("body", {"body": 5}),
    ],
)
def test_a_wrong_review_is_refused(talk: Conversation, field: str, changes: dict[str, Any]) -> None:
    answer = talk.post("reviews", review(**changes))
    assert answer.code == "validation_failed"
    assert list(answer.json()["error"]["details"]["fields"]) == [field]


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_a_body_must_be_a_json_object(talk: Conversation, raw: bytes) -> None:
    assert talk.post("reviews", raw).code == "validation_failed"


def test_the_same_key_gives_the_same_answer(server: Sandbox, talk: Conversation) -> None:
    first = talk.post("reviews", review(), Idempotency_Key="k1")
    second = talk.post("reviews", review(), Idempotency_Key="k1")
    assert (second.status, second.data) == (first.status, first.data)
    assert second.headers["idempotency-replayed"] == "true"
    conflict = talk.post("reviews", review(rating=1), Idempotency_Key="k1")
    assert (conflict.status, conflict.code) == (409, "idempotency_conflict")
    (entry,) = server.control.writes()["reviews"]
    assert (entry["idempotency_key"], entry["applied"], entry["received"]) == ("k1", 1, 2)


def test_a_key_is_forgotten_after_a_day_and_belongs_to_one_shop(server: Sandbox, talk: Conversation) -> None:
    first = talk.post("reviews", review(), Idempotency_Key="k1")
    other = talk.post("reviews", review(), Idempotency_Key="k1", X_Public_Key="pk_live_" + "2" * 32)
    assert other.status == 201
    assert "idempotency-replayed" not in other.headers
    server.clock.shift(24 * 3600 + 1)
    late = talk.post("reviews", review(), Idempotency_Key="k1")
    assert late.data["id"] != first.data["id"]
    entries = {entry["shop"]: entry["applied"] for entry in server.control.writes()["reviews"]}
    assert entries == {"small.example": 2, "other.example": 1}


def test_a_refused_body_does_not_use_up_the_key(talk: Conversation) -> None:
    assert talk.post("reviews", review(rating=9), Idempotency_Key="k1").status == 422
    assert talk.post("reviews", review(), Idempotency_Key="k1").status == 201


def test_claiming_a_referral_twice_gives_one(server: Sandbox, talk: Conversation) -> None:
    first = talk.post("referral", {"customer_id": "cus_2"})
    second = talk.post("/api/referral/public", {"customer_id": "cus_2"})
    assert first.status == second.status == 200
    assert first.data == second.data == talk.get("referral?customer_id=cus_2").data
    (entry,) = server.control.writes()["referrals"]
    assert (entry["applied"], entry["received"]) == (1, 2)
    assert talk.post("referral", {"customer_id": "cus_none"}).code == "not_found"


def quiz(*answers: tuple[str, list[str]]) -> dict[str, Any]:
    given = [{"question_id": question, "option_ids": options} for question, options in answers]
    return {"quiz_id": "quiz_1", "session_id": "s1", "answers": given}


def test_a_quiz_branches_and_ends(server: Sandbox, talk: Conversation) -> None:
    first = talk.post("quiz", quiz()).data
    assert first["next_question"]["id"] == "q_where"
    assert first["progress"] == {"answered": 0, "total": 3}
    assert talk.post("quiz", quiz(("q_where", ["trail"]))).data["next_question"]["id"] == "q_weather"
    jump = talk.post("quiz", quiz(("q_where", ["home"]))).data
    assert (jump["next_question"]["id"], jump["next_question"]["kind"]) == ("q_colours", "multiple")
    assert server.control.writes()["quizzes"] == []
    answers = quiz(("q_where", ["home"]), ("q_colours", ["blue", "green"]))
    last = talk.post("quiz", answers).data
    assert (last["complete"], last["next_question"]) == (True, None)
    assert last["results"][0]["product"]["id"] == "prd_4"
    assert last["results"][0]["score"] == 1
    assert talk.post("quiz", answers).data == last
    (entry,) = server.control.writes()["quizzes"]
    assert (entry["applied"], entry["received"]) == (1, 2)


@pytest.mark.parametrize(
    "answers",
    [
        quiz(("q_weather", ["rain"])),
        quiz(("q_where", ["rain"])),
        quiz(("q_where", ["home", "trail"])),
        quiz(("q_where", [])),
        quiz(("q_where", ["home"]), ("q_colours", ["blue"]), ("q_weather", ["sun"])),
        {"quiz_id": "quiz_1", "session_id": "s", "answers": "none"},
    ],
)
def test_a_quiz_refuses_what_does_not_follow(talk: Conversation, answers: dict[str, Any]) -> None:
    assert talk.post("quiz", answers).code == "validation_failed"


def event(number: int) -> dict[str, Any]:
    return {"id": f"e{number}", "type": "browse", "occurred_at": "2026-05-01T10:00:00Z", "visitor_id": "v"}


def test_pixel_events_count_once(server: Sandbox, talk: Conversation) -> None:
    assert talk.post("pixel", {"events": [event(1), event(2), event(1)]}).data == {"accepted": 3}
    answer = talk.post("pixel", {"events": [event(2)]})
    assert answer.status == 202
    counts = {entry["event"]["id"]: (entry["applied"], entry["received"]) for entry in server.control.writes()["pixel"]}
    assert counts == {"e1": (1, 2), "e2": (1, 2)}


@pytest.mark.parametrize(
    "events", [[], [event(n) for n in range(101)], [{"id": "x"}], ["x"], [{**event(1), "occurred_at": "soon"}]]
)
def test_wrong_pixel_calls(talk: Conversation, events: Any) -> None:
    assert talk.post("pixel", {"events": events}).code == "validation_failed"


def test_a_lone_surrogate_survives(server: Sandbox, talk: Conversation) -> None:
    answer = talk.post("reviews", b'{"product_id":"prd_9","rating":5,"body":"\\ud83d","author":'
                                  b'{"name":"N","email":"n@mail.example"}}')  # fmt: skip
    assert answer.status == 201
    server.control.publish_reviews({})
    assert talk.call("GET", "/api/public/reviews?product_id=prd_9", None, {"X-Public-Key": KEY}).status == 200
