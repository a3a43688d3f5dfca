"""The public endpoints that act. Each gives a status, the JSON object to answer with, and the operations that make it so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sumeru_proxy.sandbox.clock import iso, seconds_of
from sumeru_proxy.sandbox.problems import Problem, invalid
from sumeru_proxy.sandbox.shop_data import ShopData
from sumeru_proxy.sandbox.world import World, fingerprint

Item = dict[str, Any]
PIXEL_LIMIT = 100
RESULTS_LIMIT = 3


@dataclass(slots=True)
class Deed:
    """What a writing call comes to. ``log`` lines become operations ``write`` (what was received and applied)."""

    status: int
    body: Item
    operations: list[Item] = field(default_factory=list)
    log: list[tuple[str, str, Item, int]] = field(default_factory=list)


Write = Callable[[World, ShopData, Item, str], Deed]


def _text(value: Any, field_name: str, limit: int, required: bool = False) -> str:
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        raise invalid(field_name, "must be a string")
    if required and not value.strip():
        raise invalid(field_name, "is required")
    if len(value) > limit:
        raise invalid(field_name, f"may have at most {limit} characters")
    return value


def _submit_review(world: World, shop: ShopData, body: Item, key: str) -> Deed:
    product_id = _text(body.get("product_id"), "product_id", 100, True)
    if product_id not in shop.products:
        raise invalid("product_id", "is not a product of this shop")
    rating = body.get("rating")
    if not isinstance(rating, int) or isinstance(rating, bool) or not 1 <= rating <= 5:
        raise invalid("rating", "must be a whole number from 1 to 5")
    author = body.get("author")
    if not isinstance(author, dict):
        raise invalid("author", "is required")
    email = _text(author.get("email"), "author.email", 254, True)
    if email.count("@") != 1 or email.startswith("@") or "." not in email.split("@")[1]:
        raise invalid("author.email", "must be an e-mail address")
    order = shop.orders.get(_text(body.get("order_id"), "order_id", 100))
    is_verified = order is not None and any(line["product_id"] == product_id for line in order["line_items"])
    review = {
        "id": world.new_id("rev"),
        "product_id": product_id,
        "rating": rating,
        "title": _text(body.get("title"), "title", 200),
        "body": _text(body.get("body"), "body", 5_000),
        "author": {
            "name": _text(author.get("name"), "author.name", 100, True),
            "email": email,
            "verified_buyer": is_verified,
            "country": "",
        },
        "created_at": iso(world.clock.now()),
        "locale": _text(body.get("locale"), "locale", 35),
        "variant_title": "",
        "helpful_count": 0,
        "media": [],
        "reply": None,
        "status": "published" if shop.auto_publish else "pending",
    }
    answer = {"data": {"id": review["id"], "status": review["status"]}}
    entry: Item = {**review, "fingerprint": fingerprint(body)}
    operation = {"do": "review", "shop": shop.domain, "review": review}
    return Deed(201, answer, [operation], [("reviews", key or str(review["id"]), entry, 1)])


def _claim_referral(world: World, shop: ShopData, body: Item, key: str) -> Deed:
    customer_id = _text(body.get("customer_id"), "customer_id", 100, True)
    if customer_id not in shop.customers:
        raise Problem("not_found", "No such customer.")
    has_code = customer_id in shop.referrals
    own = shop.referral_of(customer_id)
    reward = shop.referral.get("reward")
    answer = {"data": {"code": own["code"], "share_url": own["share_url"], "reward": reward}}
    operation = {"do": "referral", "shop": shop.domain, "customer_id": customer_id}
    entry = {"customer_id": customer_id, "code": own["code"]}
    return Deed(200, answer, [operation], [("referrals", customer_id, entry, 0 if has_code else 1)])


def _pixel(world: World, shop: ShopData, body: Item, key: str) -> Deed:
    events = body.get("events")
    if not isinstance(events, list) or not 1 <= len(events) <= PIXEL_LIMIT:
        raise invalid("events", f"must be a list of 1 to {PIXEL_LIMIT} events")
    deed = Deed(202, {"data": {"accepted": len(events)}})
    event_ids: set[str] = set()
    for place, event in enumerate(events):
        if not isinstance(event, dict):
            raise invalid(f"events.{place}", "must be an object")
        event_id = _text(event.get("id"), f"events.{place}.id", 100, True)
        _text(event.get("type"), f"events.{place}.type", 100, True)
        try:
            seconds_of(_text(event.get("occurred_at"), f"events.{place}.occurred_at", 40, True))
        except ValueError:
            raise invalid(f"events.{place}.occurred_at", "must be an ISO 8601 time") from None
        is_duplicate = event_id in event_ids or f"{shop.domain}|{event_id}" in world.writes["pixel"]
        event_ids.add(event_id)
        deed.log.append(("pixel", event_id, {"event": event}, 0 if is_duplicate else 1))
    return deed


def _quiz(world: World, shop: ShopData, body: Item, key: str) -> Deed:
    quiz = shop.quizzes.get(_text(body.get("quiz_id"), "quiz_id", 100, True))
    if quiz is None:
        raise Problem("not_found", "No such quiz.")
    session_id = _text(body.get("session_id"), "session_id", 200, True)
    answers = body.get("answers", [])
    if not isinstance(answers, list):
        raise invalid("answers", "must be a list")
    questions = {question["id"]: question for question in quiz["questions"]}
    order = list(questions)
    current: str | None = order[0]
    points: dict[str, float] = {}
    for place, answer in enumerate(answers):
        options = _chosen_options(questions, current, answer, f"answers.{place}")
        onward = None
        for option in options:
            for target, score in (option.get("points") or {}).items():
                points[target] = points.get(target, 0) + score
            onward = onward or option.get("next")
        current = _following(order, questions, str(current), onward)
    complete = current is None
    step: Item = {
        "quiz_id": quiz["id"],
        "title": quiz["title"],
        "complete": complete,
        "progress": {"answered": len(answers), "total": len(answers) + _remaining_questions(order, questions, current)},
        "next_question": None if current is None else _shown_question(shop, questions[current]),
        "results": _results(shop, quiz, points) if complete else None,
    }
    deed = Deed(200, {"data": step})
    if complete:
        entry = {"quiz_id": quiz["id"], "session_id": session_id, "answers": answers}
        entry_key = key or f"{quiz['id']}|{session_id}"
        is_duplicate = f"{shop.domain}|{entry_key}" in world.writes["quizzes"]
        deed.log.append(("quizzes", entry_key, entry, 0 if is_duplicate else 1))
    return deed


def _chosen_options(questions: dict[str, Item], current: str | None, answer: Any, where: str) -> list[Item]:
    if not isinstance(answer, dict) or current is None or answer.get("question_id") != current:
        raise invalid(f"{where}.question_id", "is not the question that follows")
    question, ids = questions[current], answer.get("option_ids")
    options = {option["id"]: option for option in question["options"]}
    if not isinstance(ids, list) or not ids or not all(isinstance(item, str) and item in options for item in ids):
        raise invalid(f"{where}.option_ids", "must be a list of this question's options")
    if question["kind"] == "single" and len(ids) != 1:
        raise invalid(f"{where}.option_ids", "must hold exactly one option")
    return [options[item] for item in dict.fromkeys(ids)]


def _following(order: list[str], questions: dict[str, Item], current: str, onward: str | None) -> str | None:
    """Where the quiz goes from ``current``: an option's or the question's own ``next`` ("end" ends it), else the next one."""
    target = onward or questions[current].get("next")
    if target == "end":
        return None
    if target:
        return str(target)
    place = order.index(current) + 1
    return order[place] if place < len(order) else None


def _remaining_questions(order: list[str], questions: dict[str, Item], current: str | None) -> int:
    count = 0
    while current is not None and count <= len(order):
        count += 1
        current = _following(order, questions, current, None)
    return count


def _shown_question(shop: ShopData, question: Item) -> Item:
    options = [
        {"id": option["id"], "label": option["label"], "image": shop.filled(option.get("image"))}
        for option in question["options"]
    ]
    return {"id": question["id"], "text": question["text"], "kind": question["kind"], "options": options}


def _results(shop: ShopData, quiz: Item, points: dict[str, float]) -> list[Item]:
    scores = []
    for place, product in enumerate(shop.products.values()):
        names = [product["id"], *(f"collection:{name}" for name in product.get("collections") or [])]
        names += [f"tag:{tag}" for tag in product.get("tags") or []]
        score = sum(points.get(name, 0) for name in names)
        if score > 0 and product["available"]:
            scores.append((-score, place, product))
    best = sorted(scores, key=lambda entry: entry[:2])[: quiz.get("results_limit", RESULTS_LIMIT)]
    top = -best[0][0] if best else 1
    reason = quiz.get("reason") or "Matches your answers."
    return [
        {"product": shop.shown_product(product), "score": round(-score / top, 2), "reason": reason}
        for score, _, product in best
    ]


WRITES: dict[str, Write] = {
    "reviews-submit": _submit_review,
    "referral-claim": _claim_referral,
    "pixel": _pixel,
    "quiz": _quiz,
}
