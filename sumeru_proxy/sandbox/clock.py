"""The sandbox's own time, which tests may move."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime


class Clock:
    """Seconds since the epoch, plus a shift; ``freeze`` makes it stand still. Thread-safe."""

    def __init__(self, shift_s: float = 0.0) -> None:
        self._lock = threading.Lock()
        self._shift_s = shift_s
        self._frozen_at: float | None = None

    def now(self) -> float:
        """Unix seconds as the sandbox sees them."""
        frozen = self._frozen_at
        return frozen if frozen is not None else time.time() + self._shift_s

    def shift(self, seconds: float) -> None:
        """Moves the clock by ``seconds`` (negative: back), frozen or not."""
        with self._lock:
            self._shift_s += seconds
            if self._frozen_at is not None:
                self._frozen_at += seconds

    def set(self, now: float) -> None:
        """Makes ``now()`` answer ``now`` (Unix seconds) at this instant."""
        self.shift(now - self.now())

    def freeze(self, frozen: bool) -> None:
        """Stops or starts the flow of time; starting again continues from where it stood."""
        with self._lock:
            if frozen and self._frozen_at is None:
                self._frozen_at = time.time() + self._shift_s
            elif not frozen and self._frozen_at is not None:
                self._shift_s = self._frozen_at - time.time()
                self._frozen_at = None

    @property
    def shift_s(self) -> float:
        """How far this clock is ahead of the machine's, in seconds."""
        return self.now() - time.time() if self._frozen_at is not None else self._shift_s

    @property
    def frozen(self) -> bool:
        """True while time stands still."""
        return self._frozen_at is not None


def iso(seconds: float) -> str:
    """Unix seconds as ``2026-01-31T10:00:00Z``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(text: str) -> float:
    """Unix seconds of an ISO 8601 time; one without an offset is UTC. Raises ValueError on anything else."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
