"""How much one client network may do. ``Meter`` counts in this process, ``SharedMeter`` in the store that all processes share."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock

from sumeru_proxy import limit_stores, memory
from sumeru_proxy.client.limiter import State, StoreBusy, StoreUnavailable
from sumeru_proxy.limit_stores import BRAKES


class Meter:
    """A leaking counter per name: at most ``per_minute`` in ``window_s``, a burst of the same size. Bounded memory."""

    def __init__(self, most: int = 20_000, window_s: float = 60.0) -> None:
        self._window_s = window_s
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()
        self._most = most
        memory.register(self)

    def forget(self) -> None:
        """Empty every bucket."""
        with self._lock:
            self._full_at.clear()

    def wait_s(self, name: str, per_minute: int, now: float | None = None) -> float:
        """Count one request: 0 when it is allowed, else the seconds until one will be."""
        now = time.monotonic() if now is None else now
        step = self._window_s / per_minute
        with self._lock:
            at = max(self._full_at.get(name, now), now)
            if at - now > self._window_s - step:
                return at - now - (self._window_s - step)
            self._full_at[name] = at + step
            self._full_at.move_to_end(name)
            while len(self._full_at) > self._most:
                self._full_at.popitem(last=False)
        return 0.0

    def charge(self, name: str, cost: float, per_minute: int, now: float | None = None) -> None:
        """Count more for what was allowed. A bucket holds two minutes at most: whoever spent much is free again after one."""
        now = time.monotonic() if now is None else now
        with self._lock:
            at = max(self._full_at.get(name, now), now) + cost * 60.0 / per_minute
            self._full_at[name] = min(at, now + 120.0)

    def fill(self, name: str, seconds: float, now: float | None = None) -> None:
        """Let the bucket be as full as others say: so many seconds until it is empty."""
        now = time.monotonic() if now is None else now
        with self._lock:
            self._full_at[name] = max(self._full_at.get(name, now), now + min(seconds, 120.0))


def owed(state: State, now: float) -> float:
    """Seconds until a stored bucket is empty. It holds what was owed at a moment, not until when: the clocks of machines may be hours
    apart, and nobody is refused for that. Pure.
    """
    owed_s, counted_at = float(state.get("owed_s", 0.0)), float(state.get("tat", now))
    return max(0.0, owed_s - max(0.0, now - counted_at))


class SharedMeter:
    """As ``Meter``, for what is rare and must hold for all processes together; in this process alone while the store is away.

    ``kind`` names what is counted. Names are stored as digests: an address is nobody's to read.
    """

    def __init__(self, kind: str, window_s: float = 60.0) -> None:
        self._kind = kind
        self._window_s = window_s
        self._alone = Meter(window_s=window_s)
        memory.register(self)

    def wait_s(self, name: str, per_window: int) -> float:
        """Takes one; 0 when it was free, else the seconds until one will be. Costs a change of the store."""
        key = f"{BRAKES}{self._kind}:{hashlib.blake2s(name.encode(), digest_size=12).hexdigest()}"
        step, now = self._window_s / per_window, time.time()

        def decide(states: Mapping[str, State]) -> tuple[Mapping[str, State], float]:
            owed_s = min(owed(states[key], now), self._window_s)
            if owed_s > self._window_s - step:
                return {}, owed_s - (self._window_s - step)
            return {key: {"tat": now, "owed_s": owed_s + step}}, 0.0

        try:
            with limit_stores.impatient():
                wait_s: float = limit_stores.shared().change([key], decide)
            return wait_s
        except (StoreUnavailable, StoreBusy):
            return self._alone.wait_s(name, per_window)

    def forget(self) -> None:
        """Drop what this process counted by itself."""
        self._alone.forget()


reads = Meter()
guesses = SharedMeter("guesses")
log_ins = SharedMeter("log_ins")
