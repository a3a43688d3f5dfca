"""What one process remembers of lines, limits and outages, shared by its threads: which line is next, and which jobs cannot be
sent now anyway.

Losing it costs a few failed tries. What must hold for all processes is in the rows and in the limiter's store.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from sumeru_proxy.models import Job
from sumeru_proxy.outbox import claims, targets
from sumeru_proxy.outbox.claims import Line
from sumeru_proxy.outbox.delivering import Handler, Tried

FAILURES_OF_OUTAGE = 3
LOOK_EVERY_S = 0.5
"""So old may the list of lines be while those on it still fill a worker's hands."""
SLOW_S = 0.5
"""Jobs of a line that take longer on average may not hold all threads of a process."""
_LOOK_SHARE = 20.0
"""Looking for lines takes at most a twentieth of a process's time, however many jobs wait."""
_REMEMBERED = 10_000


class Turns:
    """Thread-safe. ``threads``: how many work in this process."""

    def __init__(self, threads: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self._threads = threads
        self._clock = clock
        self._lock = threading.Lock()
        self._lines: list[Line] = []
        self._look_at = 0.0
        self._served: dict[Line, float] = {}
        self._busy: dict[Line, int] = {}
        self._mean_s: dict[Line, float] = {}
        self._until: dict[int, dict[tuple[frozenset[str], str], float]] = {}
        self._failures: dict[tuple[int, frozenset[str]], int] = {}

    # -- whose turn

    def choose(
        self, kinds: Collection[str], most: int, now: datetime, *, fresh: bool = False
    ) -> list[tuple[Line, int]]:
        """Which lines to take from, and how many of each. ``fresh``: ask the database now which lines there are."""
        if fresh or self._clock() >= self._look_at:
            began = self._clock()
            lines = claims.lines_due(kinds, now)
            ended = self._clock()
            with self._lock:
                self._lines = lines
                self._look_at = ended + max(LOOK_EVERY_S, (ended - began) * _LOOK_SHARE)
        with self._lock:
            places = {line: place for place, line in enumerate(self._lines) if line.kind in kinds}
            free = [line for line in places if not self._in_vain(line) and self._has_room(line)]
            free.sort(key=lambda line: (self._busy.get(line, 0), self._served.get(line, 0.0), places[line]))
            return claims.portions(free, most)

    def _has_room(self, line: Line) -> bool:
        slow = self._mean_s.get(line, 0.0) > SLOW_S
        return not slow or self._busy.get(line, 0) < max(1, self._threads - 1)

    def began(self, line: Line) -> None:
        """A thread starts a job of this line."""
        with self._lock:
            self._busy[line] = self._busy.get(line, 0) + 1
            self._served[line] = self._clock()

    def ended(self, line: Line, took_s: float) -> None:
        """The thread is done with it."""
        with self._lock:
            self._busy[line] = self._busy.get(line, 1) - 1
            self._mean_s[line] = 0.7 * self._mean_s.get(line, took_s) + 0.3 * took_s
            if len(self._served) > _REMEMBERED:
                self._served = {each: at for each, at in self._served.items() if self._busy.get(each)}
                self._mean_s = {each: mean for each, mean in self._mean_s.items() if self._busy.get(each)}
            if not self._busy[line]:
                del self._busy[line]

    # -- limits and outages

    def _in_vain(self, line: Line) -> bool:
        now = self._clock()
        return any(
            until > now and line.kind in kinds and target in ("", line.target)
            for (kinds, target), until in self._until.get(line.shop_id, {}).items()
        )

    def _pause(self, shop_id: int, kinds: frozenset[str], target: str, wait_s: float) -> None:
        now = self._clock()
        pauses = {key: until for key, until in self._until.get(shop_id, {}).items() if until > now}
        self._until[shop_id] = {**pauses, (kinds, target): now + wait_s}

    def note(self, job: Job, handler: Handler, tried: Tried) -> bool:
        """Learn from a try; True when an outage of Sumeru has just ended for this shop and these kinds."""
        kinds = frozenset(handler.group)
        with self._lock:
            if tried.target:
                # Another process may find out that it is back: look again soon.
                wait_s = min(tried.wait_s, targets.LOOK_AGAIN_S)
                self._pause(job.shop_id, frozenset({job.kind}), job.target, wait_s)
            elif tried.held_back and kinds:
                self._pause(job.shop_id, kinds, "", tried.wait_s)
            if tried.reason == Job.Reason.UNAVAILABLE:
                self._failures[job.shop_id, kinds] = self._failures.get((job.shop_id, kinds), 0) + 1
                return False
            answered = tried.state in ("done", "parked")
            return answered and self._failures.pop((job.shop_id, kinds), 0) >= FAILURES_OF_OUTAGE


def same_fate(job: Job, handler: Handler, tried: Tried, others: Iterable[Job]) -> list[Job]:
    """Those of other claimed jobs that would be held back for the same cause. Pure."""
    if not tried.held_back:
        return []
    if tried.target:
        return [other for other in others if claims.line_of(other) == claims.line_of(job)]
    return [other for other in others if other.shop_id == job.shop_id and other.kind in handler.group]
