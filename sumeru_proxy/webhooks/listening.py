"""How a listener's job is done: give it the event and a way to read the current order, then mark both done together."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sumeru_proxy.client import errors
from sumeru_proxy.client.shapes_admin import Order
from sumeru_proxy.models import InboundEvent, Job, Shop
from sumeru_proxy.outbox.delivering import Handler, Outcome, client_of
from sumeru_proxy.webhooks import topics
from sumeru_proxy.webhooks.listeners import TRIES_MOST, Consumer, Event, Read, kind_of


def reader_of(shop: Shop, event_type: str, data: dict[str, Any]) -> Read:
    """A function that reads the event's order as it is now; None when the event names none or it no longer exists."""

    def read(include: Collection[str] = ()) -> Order | None:
        order_id = topics.order_of(event_type, data)
        if order_id is None:
            return None
        try:
            return client_of(shop).order(order_id, include)
        except errors.Refused as error:
            if error.status == 404:
                return None
            raise

    return read


def handler(consumer: Consumer) -> Handler:
    """How the jobs of this consumer's listener are done. Raises ValueError for a consumer that does not listen."""
    listener = consumer.listener
    if listener is None:
        raise ValueError(consumer.name)

    def run(job: Job) -> Outcome:
        event: InboundEvent | None = job.event
        if event is None or not event.body_text:
            # Erased or pruned: there is nothing left to react to.
            return Outcome({"skipped": "no body"})
        data = event.data
        effect = listener.handle(
            job.shop,
            Event(event.event_id, event.type, event.occurred_at, data),
            reader_of(job.shop, event.type, data),
        )
        return Outcome({}, effect)

    return Handler(run, keyed=False, group=(kind_of(listener),), attempts_most=TRIES_MOST)
