"""A listener for tests: it brings a stamp per event, so that the database itself tells how often its effect happened."""

from __future__ import annotations

import os
from typing import Any

from django.db.models import F

from sumeru_proxy.models import Shop, Stamp
from sumeru_proxy.webhooks.listeners import Effect, Event, Read


class Recorder:
    """Counts the effect of each event under the topic ``heard:<event id>``. ``heard`` lists calls; ``fail`` raises once per item."""

    name = "recorder"
    events: tuple[str, ...] = ("order.attributed", "order.created")

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.fail: list[Exception] = []
        self.orders: list[Any] = []
        self.reads = False

    def handle(self, shop: Shop, event: Event, read: Read) -> Effect | None:
        self.heard.append(event.id)
        if self.fail:
            raise self.fail.pop(0)
        if self.reads:
            self.orders.append(read())
        if os.environ.get("RECORDER_DIES"):
            os._exit(9)

        def effect() -> None:
            topic = f"heard:{event.id}"
            if not Stamp.objects.filter(shop=shop, topic=topic).update(value=F("value") + 1):
                Stamp.objects.create(shop=shop, topic=topic, value=1)

        return effect


RECORDER = Recorder()
