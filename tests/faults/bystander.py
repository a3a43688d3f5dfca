"""Another client, who only reads while something goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.running_site import Site, Web


class Bystander(threading.Thread):
    """Asks for a page without pause and notes how long each answer took."""

    def __init__(self, place: Site, web: Web) -> None:
        super().__init__(daemon=True)
        self.path, self.web = f"/w/v1/{place.key}/reviews.json?product_id=prd_1", web
        self.took_s: list[float] = []
        self.statuses: set[int] = set()
        self.states: set[str] = set()
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.is_set():
            reply = self.web.get(self.path)
            self.took_s.append(reply.seconds)
            self.statuses.add(reply.status)
            self.states.add(reply.json()["state"])
            self.done.wait(0.01)


@contextmanager
def bystander(place: Site, web: Web) -> Iterator[Bystander]:
    """Reads during the ``with`` block, from copies that both processes have."""
    other = Bystander(place, web)
    for _ in range(8):
        web.get(other.path)
    other.start()
    try:
        yield other
    finally:
        other.done.set()
        other.join(30)
