"""What is owed to Sumeru: each kind of write, how its body is checked, in which order it goes, and the call that pays it.

Bodies have the shape of the upstream's own requests:

* ``review``: ``{product_id, rating, title, body, author: {name, email}, order_id?, locale?}``
* ``quiz_result``: ``{quiz_id, session_id, answers: [{question_id, option_ids}]}``, the complete answers
* ``referral_claim``: ``{customer_id}``
* ``pixel``: ``{events: [{id, type, occurred_at, …}]}``, any number up to 100; many such jobs become one ``pixel_batch``
* ``customer_update``: ``{customer_id, changes: {…}}``
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.crypto import salted_hmac

from sumeru_proxy.client import arguments, errors
from sumeru_proxy.client import resources_catalogue as catalogue
from sumeru_proxy.client import resources_shopper as shopper
from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.client.resource import ADMIN, PIXEL, WRITES
from sumeru_proxy.client.session import PAGE_BUDGET, Budget
from sumeru_proxy.models import Job
from sumeru_proxy.outbox import batching, claims, jobs
from sumeru_proxy.outbox.delivering import Handler, Outcome, Tried, WorkerTimings, attempt, client_of
from sumeru_proxy.reading import stamps

Body = Mapping[str, Any]
KEY_LEAST_CHARS = 8
INTERACTIVE_LEASE_S = 15.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of write. ``check`` raises Refused (status 0) naming a field; ``send`` makes one call with an idempotency key.

    ``order_of`` names what must stay in order (empty: nothing). ``stale_after`` gives the topics that a delivery makes stale.
    """

    limit_class: str
    check: Callable[[Body], object]
    send: Callable[[Sumeru, Body, str], dict[str, Any]]
    order_of: Callable[[Body], str] = lambda _body: ""
    stale_after: Callable[[Body, Mapping[str, Any]], list[str]] = lambda _body, _result: []


def _object(field: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise arguments.invalid(field, "must be an object")
    return value


def _submitter(text: str) -> str:
    # Order needs only that the same person gives the same value; the address itself has no place in a column.
    return salted_hmac("sumeru_proxy.writes.order", text.strip().casefold()).hexdigest()[:32]


# -- review


def _review(body: Body) -> dict[str, Any]:
    author = _object("author", body.get("author"))
    return {
        "product_id": body.get("product_id"),
        "rating": body.get("rating"),
        "title": body.get("title") or "",
        "body": body.get("body") or "",
        "author_name": author.get("name"),
        "author_email": author.get("email"),
        "order_id": body.get("order_id") or None,
        "locale": body.get("locale") or None,
    }


def _send_review(sumeru: Sumeru, body: Body, key: str) -> dict[str, Any]:
    submitted = sumeru.submit_review(**_review(body), idempotency_key=key)
    return {"id": submitted.id, "status": submitted.status}


def _stale_after_review(body: Body, result: Mapping[str, Any]) -> list[str]:
    # One that waits for moderation is not to be seen yet.
    if result.get("status") != "published":
        return []
    return [f"reviews:{body['product_id']}", f"product:{body['product_id']}"]


# -- quiz, referral, customer


def _answers(body: Body) -> list[tuple[str, list[str]]]:
    answers = body.get("answers")
    if not isinstance(answers, list) or not answers:
        raise arguments.invalid("answers", "must be a list of answers")
    pairs: list[tuple[str, list[str]]] = []
    for each in answers:
        answer = _object("answers", each)
        options = answer.get("option_ids")
        if not isinstance(options, list):
            raise arguments.invalid("option_ids", "must be a list")
        pairs.append((answer.get("question_id", ""), options))
    return pairs


def _check_quiz(body: Body) -> object:
    return shopper.ask_quiz(body.get("quiz_id", ""), body.get("session_id", ""), _answers(body))


def _send_quiz(sumeru: Sumeru, body: Body, key: str) -> dict[str, Any]:
    step = sumeru.quiz(body["quiz_id"], body["session_id"], _answers(body), idempotency_key=key)
    return {"complete": step.complete}


def _send_claim(sumeru: Sumeru, body: Body, key: str) -> dict[str, Any]:
    referral = sumeru.claim_referral(body["customer_id"], idempotency_key=key)
    return {"code": referral.code}


def _check_update(body: Body) -> object:
    arguments.identifier("customer_id", body.get("customer_id"))
    changes = _object("changes", body.get("changes"))
    if not changes:
        raise arguments.invalid("changes", "must name what changes")
    return arguments.json_value("changes", changes)


def _send_update(sumeru: Sumeru, body: Body, key: str) -> dict[str, Any]:
    sumeru.update_customer(body["customer_id"], body["changes"], idempotency_key=key)
    return {}


# -- pixel


def _check_events(body: Body) -> object:
    events = body.get("events")
    if not isinstance(events, list) or not all(isinstance(event, Mapping) for event in events):
        raise arguments.invalid("events", "must be a list of events")
    return shopper.ask_pixel(events)


def _send_events(sumeru: Sumeru, body: Body, key: str) -> dict[str, Any]:
    return {"accepted": sumeru.pixel(body["events"], idempotency_key=key).accepted}


KINDS: Mapping[str, Kind] = {
    "review": Kind(
        WRITES,
        lambda body: catalogue.ask_submit_review(**_review(body)),
        _send_review,
        lambda body: _submitter(str(body["author"]["email"])),
        _stale_after_review,
    ),
    "quiz_result": Kind(WRITES, _check_quiz, _send_quiz, lambda body: _submitter(body["session_id"])),
    "referral_claim": Kind(
        WRITES,
        lambda body: shopper.ask_claim_referral(body.get("customer_id", "")),
        _send_claim,
        stale_after=lambda body, _result: [f"customer:{body['customer_id']}"],
    ),
    batching.BATCH_KIND: Kind(PIXEL, _check_events, _send_events),
    "customer_update": Kind(
        ADMIN,
        _check_update,
        _send_update,
        lambda body: _submitter(body["customer_id"]),
        lambda body, _result: [f"customer:{body['customer_id']}"],
    ),
}


def owe(shop_id: int, kind: str, body: Body, *, key: str) -> jobs.Owed:
    """Check a write and write it down (see ``jobs.owe``, whose errors it raises too). Joins the caller's transaction.

    Raises Refused (status 0, code ``invalid_argument``) naming the first field that is wrong. The key comes from the browser
    and is sent with every try: 8 to 190 visible ASCII characters.
    """
    if len(key) < KEY_LEAST_CHARS:
        raise jobs.Unfit(f"the key must have at least {KEY_LEAST_CHARS} characters")
    if kind == batching.EVENT_KIND:
        _check_events(body)
        return jobs.owe(shop_id, kind, body, key=key)
    KINDS[kind].check(body)
    return jobs.owe(
        shop_id, kind, body, key=key, order_key=f"{kind}:{order}" if (order := KINDS[kind].order_of(body)) else ""
    )


def group_of(kind: str) -> frozenset[str]:
    """The kinds that pass the same limits as this one."""
    return frozenset(name for name, each in KINDS.items() if each.limit_class == KINDS[kind].limit_class)


def handler(kind: str, lane: str = "worker", budget: Budget | None = None) -> Handler:
    """How jobs of this kind are delivered. One try takes at most the time budget (the lane's unless given) and never sleeps."""
    what = KINDS[kind]

    def run(job: Job) -> Outcome:
        body = job.body
        try:
            result = what.send(client_of(job.shop, lane, budget), body, job.key)
        except errors.Refused as error:
            if kind == batching.BATCH_KIND and batching.can_split(error, body):
                return batching.split(job)
            raise
        topics = what.stale_after(body, result)
        return Outcome(result, (lambda: stamps.invalidate(job.shop_id, topics)) if topics else None)

    return Handler(run, keyed=True, group=group_of(kind))


def deliver_now(job: Job, budget_s: float = PAGE_BUDGET.total_s) -> Tried:
    """One try at once, within ``budget_s`` seconds, for a shopper who waits; ``job`` is read again.

    When it is not delivered it stays owed and the worker goes on: the caller answers "accepted". Never sleeps, never raises for a
    failing upstream. A job that another holds, that waits its turn or is finished is left alone (``lost``).
    """
    if not claims.claim_one(job, "page", lease_s=INTERACTIVE_LEASE_S):
        return Tried("lost")
    budget = Budget(min(PAGE_BUDGET.connect_s, budget_s), min(PAGE_BUDGET.read_s, budget_s), budget_s)
    tried = attempt(job, handler(job.kind, "write", budget), WorkerTimings(lease_s=INTERACTIVE_LEASE_S))
    job.refresh_from_db()
    return tried
