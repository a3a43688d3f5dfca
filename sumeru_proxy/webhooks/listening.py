"""Runs a listener's job: gives it the event and a way to read the order as it is now, then marks both done together."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sumeru_proxy.client import arguments
from sumeru_proxy.client.resources_admin import ORDER_INCLUDES
from sumeru_proxy.client.shapes_admin import Order
from sumeru_proxy.models import InboundEvent, Job
from sumeru_proxy.outbox.delivering import Handler, Outcome
from sumeru_proxy.webhooks import topics
from sumeru_proxy.webhooks.listeners import TRIES_MOST, Consumer, Event, TargetError, kind_of
from sumeru_proxy.webhooks.readings import personal_texts, readings


def handler(consumer: Consumer) -> Handler:
    """The handler of the jobs of this consumer's listener. Raises ValueError for a consumer that does not listen."""
    listener = consumer.listener
    if listener is None:
        raise ValueError(consumer.name)

    def run(job: Job) -> Outcome:
        event: InboundEvent | None = job.event
        if event is None or not event.body_text:
            # Erased or pruned: there is nothing left to react to.
            return Outcome({"skipped": "no body"})
        data = event.data
        order_id = topics.order_of(event.type, data)
        seen: list[Order | None] = []

        def read(include: Collection[str] = ()) -> Order | None:
            for each in include:
                arguments.choice("include", each, ORDER_INCLUDES)
            order = readings.order(job.shop, order_id, job.pk, include) if order_id is not None else None
            seen.append(order)
            return order

        try:
            effect = listener.handle(job.shop, Event(event.event_id, event.type, event.occurred_at, data), read)
        except TargetError as error:
            error.personal += tuple(text for order in seen for text in personal_texts(order))
            raise
        return Outcome({}, effect)

    return Handler(
        run,
        keyed=False,
        group=(kind_of(listener),),
        attempts_most=TRIES_MOST,
        target_of=_target_of(consumer),
        latest_only=consumer.latest_only,
    )


def _target_of(consumer: Consumer) -> Callable[[Job], str] | None:
    of_shop = consumer.target_of
    if of_shop is None:
        return None

    def key(job: Job) -> str:
        target = of_shop(job.shop)
        return target.key if target is not None else ""

    return key
