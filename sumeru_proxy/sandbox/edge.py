"""The upstream's edge cache: finished answers with a lifetime; what it answers costs nothing against the limits."""

from __future__ import annotations

import threading
from dataclasses import dataclass

SIZE_LIMIT_ENTRIES = 20_000

Key = tuple[str, str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Copy:
    """A finished body, when it was made (Unix seconds), and for how many seconds it counts."""

    body: bytes
    made_at: float
    lifetime_s: int


class Edge:
    """Copies by shop, endpoint and query. Thread-safe."""

    def __init__(self, on: bool = True) -> None:
        self.on = on
        self._copies: dict[Key, Copy] = {}
        self._lock = threading.Lock()

    def load(self, key: Key, now: float) -> Copy | None:
        """The copy under ``key`` while its lifetime lasts."""
        copy = self._copies.get(key)
        if not self.on or copy is None:
            return None
        # A clock moved back must not make a copy from the future immortal.
        return copy if 0 <= now - copy.made_at < copy.lifetime_s else None

    def keep(self, key: Key, body: bytes, now: float, lifetime_s: int) -> None:
        """Stores a successful answer."""
        if not self.on:
            return
        with self._lock:
            if len(self._copies) >= SIZE_LIMIT_ENTRIES:
                self._copies.clear()
            self._copies[key] = Copy(body, now, lifetime_s)

    def purge(self, shop: str | None = None) -> None:
        """Forgets all copies, or those of one shop."""
        with self._lock:
            self._copies = {key: copy for key, copy in self._copies.items() if shop is not None and key[0] != shop}
