"""How many requests one client address may make. Counted per process: a brake for runaways, not an accounting."""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock

from sumeru_proxy import memory


class Meter:
    """A leaking counter per name: at most ``per_minute``, a burst of the same size. Bounded memory."""

    def __init__(self, most: int = 20_000) -> None:
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()
        self._most = most
        memory.register(self)

    def forget(self) -> None:
        """Everybody may ask as often as somebody new."""
        with self._lock:
            self._full_at.clear()

    def wait_s(self, name: str, per_minute: int, now: float | None = None) -> float:
        """Takes one; 0 when it was free, else the seconds until one will be."""
        now = time.monotonic() if now is None else now
        step = 60.0 / per_minute
        with self._lock:
            at = max(self._full_at.get(name, now), now)
            if at - now > 60.0 - step:
                return at - now - (60.0 - step)
            self._full_at[name] = at + step
            self._full_at.move_to_end(name)
            while len(self._full_at) > self._most:
                self._full_at.popitem(last=False)
        return 0.0


reads = Meter()
guesses = Meter()
