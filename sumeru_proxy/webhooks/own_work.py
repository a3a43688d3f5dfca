"""How jobs of consumers' own kinds are done: single ones, ranges step by step, and the parts of ranges that failed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.utils import timezone

from sumeru_proxy.client.shapes_admin import Order
from sumeru_proxy.models import Job, Shop
from sumeru_proxy.outbox import jobs
from sumeru_proxy.outbox.delivering import Handler, Outcome, client_of
from sumeru_proxy.webhooks import installed, ranges
from sumeru_proxy.webhooks.listeners import Done, Effect, JobKind, RangeKind, Step, Target, TargetError, Work
from sumeru_proxy.webhooks.readings import personal_texts, readings

TargetOf = Callable[[Shop, Mapping[str, Any]], Target | None]


class _Seen:
    """The orders that a try has read: whom a target's words may name."""

    def __init__(self) -> None:
        self.orders: list[Order | None] = []

    def told(self, error: TargetError) -> None:
        error.personal += tuple(text for order in self.orders for text in personal_texts(order))


def _work(job: Job, body: Mapping[str, Any], seen: _Seen) -> Work:
    def order(order_id: str, include: Collection[str] = ()) -> Order | None:
        found = readings.order(job.shop, order_id, job.pk, include)
        seen.orders.append(found)
        return found

    return Work(job.shop, body, job.key, job.attempts, lambda: client_of(job.shop), order)


def _key_of(target_of: TargetOf | None, body: Callable[[Job], Mapping[str, Any]]) -> Callable[[Job], str] | None:
    if target_of is None:
        return None

    def key(job: Job) -> str:
        target = target_of(job.shop, body(job))
        return target.key if target is not None else ""

    return key


def _single(kind: JobKind, name: str) -> Handler:
    def run(job: Job) -> Outcome:
        if not job.body_text:
            return Outcome({"skipped": "no body"})
        seen = _Seen()
        try:
            done = kind.run(_work(job, job.body, seen)) or Done()
        except TargetError as error:
            seen.told(error)
            raise
        return Outcome(done.result, done.effect)

    target_of = _key_of(kind.target_of, lambda job: job.body)
    return Handler(run, False, (name,), kind.attempts_most, target_of, kind.latest_only)


def _range(kind: RangeKind, name: str) -> Handler:
    def run(job: Job) -> Outcome:
        progress = job.progress
        step = Step(_work(job, job.body, _Seen()), progress.get("cursor"), int(progress.get("done", 0)))
        stride = kind.step(step)
        after = ranges.after(progress, stride, timezone.now())

        def effect() -> None:
            if stride.effect is not None:
                stride.effect()
            if stride.failed is not None:
                part = {"cursor": step.cursor, "range": job.body}
                jobs.owe(
                    job.shop_id,
                    name + installed.PART,
                    part,
                    key=f"{job.pk}/{progress.get('pages', 0)}",
                    target=job.target,
                )

        if stride.next is None:
            return Outcome(ranges.figures(after), effect)
        return Outcome({}, effect, after)

    target_of = _key_of(kind.target_of, lambda job: job.body)
    return Handler(run, False, (name,), kind.attempts_most, target_of)


def _part(kind: RangeKind, name: str) -> Handler:
    def run(job: Job) -> Outcome:
        if not job.body_text:
            return Outcome({"skipped": "no body"})
        body = job.body
        stride = kind.step(Step(_work(job, body["range"], _Seen()), body["cursor"], 0))
        if stride.failed is not None:
            raise stride.failed
        effect: Effect | None = stride.effect
        return Outcome({"units": stride.units, "skipped": stride.skipped}, effect)

    target_of = _key_of(kind.target_of, lambda job: job.body.get("range", {}))
    return Handler(run, False, (name,), kind.attempts_most, target_of)


def handlers() -> dict[str, Handler]:
    """How the jobs of all installed consumers' own kinds are done, by kind."""
    found: dict[str, Handler] = {}
    for name, (_consumer, kind) in installed.own_kinds().items():
        if isinstance(kind, RangeKind):
            found[name] = _range(kind, name)
            found[name + installed.PART] = _part(kind, name + installed.PART)
        else:
            found[name] = _single(kind, name)
    return found
