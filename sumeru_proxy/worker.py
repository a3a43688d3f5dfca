"""The loop behind ``manage.py work``: claim, try, write down, until told to stop. Any number of them may run."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from django.db import Error as DatabaseTrouble
from django.db import close_old_connections, connections
from django.utils import timezone

from sumeru_proxy.models import Job
from sumeru_proxy.outbox import batching, jobs, writes
from sumeru_proxy.outbox.delivering import Handler, Pace, Tried, attempt
from sumeru_proxy.webhooks import erasing, installed, listening

log = logging.getLogger(__name__)

IDLE_S = 0.5
DATABASE_PAUSE_S = 1.0
FAILURES_OF_OUTAGE = 3


def handlers(only: Collection[str] | None = None) -> dict[str, Handler]:
    """How each known kind of job is done. Jobs of other kinds (a listener that was taken out) are left waiting.

    Raises ValueError for a name in ``only`` that is no kind.
    """
    found: dict[str, Handler] = {kind: writes.handler(kind) for kind in writes.KINDS}
    found |= {kind: listening.handler(consumer) for kind, consumer in installed.by_kind().items()}
    found[erasing.KIND] = erasing.handler()
    if only is None:
        return found
    names = {batching.BATCH_KIND if name == batching.EVENT_KIND else name for name in only}
    if unknown := sorted(names - found.keys()):
        raise ValueError(f"unknown kinds: {', '.join(unknown)}; known: {', '.join(sorted(found))}")
    return {kind: handler for kind, handler in found.items() if kind in names}


class Pauses:
    """What this process knows of limits and outages; shared by its threads. Losing it only costs a few vain tries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[tuple[int, frozenset[str]], float] = {}
        self._failures: dict[tuple[int, frozenset[str]], int] = {}

    def skipped(self) -> list[tuple[int, frozenset[str]]]:
        """Shops and kinds whose limits are reached just now."""
        now = time.monotonic()
        with self._lock:
            self._until = {key: until for key, until in self._until.items() if until > now}
            return list(self._until)

    def note(self, job: Job, handler: Handler, tried: Tried) -> bool:
        """Learn from a try; True when an outage has just ended for this shop and these kinds."""
        key = (job.shop_id, frozenset(handler.group))
        with self._lock:
            if tried.held_back and key[1]:
                self._until[key] = time.monotonic() + tried.wait_s
            if tried.reason == Job.Reason.UNAVAILABLE:
                self._failures[key] = self._failures.get(key, 0) + 1
                return False
            answered = tried.state in ("done", "parked")
            return answered and self._failures.pop(key, 0) >= FAILURES_OF_OUTAGE


class Worker:
    """One loop. ``stop`` may be called from a signal handler or another thread: the job in hand is finished, the claimed rest
    is given back.
    """

    def __init__(
        self,
        known: Mapping[str, Handler],
        *,
        batch: int = 10,
        idle_s: float = IDLE_S,
        pace: Pace | None = None,
        pauses: Pauses | None = None,
    ) -> None:
        self.known = known
        self.batch = batch
        self.idle_s = idle_s
        self.pace = pace or Pace()
        self.pauses = pauses or Pauses()
        self.stopping = threading.Event()
        self.name = f"{socket.gethostname()[:40]}:{os.getpid()}:{threading.get_ident() % 10_000}"

    def stop(self) -> None:
        """Ask the loop to end. May be repeated."""
        self.stopping.set()

    def once(self) -> int:
        """Claim and try one batch; gives how many jobs were tried. Raises django.db.Error when the database is gone."""
        if batching.BATCH_KIND in self.known:
            batching.gather(timezone.now())
        claimed = jobs.claim(
            self.name, kinds=list(self.known), most=self.batch, lease_s=self.pace.lease_s, skip=self.pauses.skipped()
        )
        tried = 0
        while claimed and not self.stopping.is_set():
            job = claimed.pop(0)
            handler = self.known[job.kind]
            result = attempt(job, handler, self.pace)
            tried += 1
            if self.pauses.note(job, handler, result):
                woken = jobs.wake(job.shop_id, handler.group)
                log.info("shop %s: Sumeru answers again, %d jobs are due now", job.shop_id, woken)
            if result.held_back and handler.group:
                # The others of the group would only be told the same.
                same = [other for other in claimed if other.shop_id == job.shop_id and other.kind in handler.group]
                jobs.release(same)
                claimed = [other for other in claimed if other not in same]
        jobs.release(claimed)
        return tried

    def run(self, *, until_idle: bool = False) -> None:
        """Work until stopped, or until nothing is due (``until_idle``). Survives a database that goes away and comes back."""
        while not self.stopping.is_set():
            try:
                close_old_connections()
                if self.once() == 0:
                    if until_idle:
                        return
                    self.stopping.wait(self.idle_s)
            except DatabaseTrouble as error:
                log.error("database: %s; trying again", type(error).__name__)
                connections.close_all()
                if until_idle:
                    raise
                self.stopping.wait(DATABASE_PAUSE_S)


def run_many(workers: Sequence[Worker], *, until_idle: bool = False, started: Callable[[], None] | None = None) -> None:
    """Run workers in threads of this process, the first in this one, until all have ended."""

    def run(worker: Worker) -> None:
        try:
            worker.run(until_idle=until_idle)
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=run, args=(worker,), name=f"work-{number}")
        for number, worker in enumerate(workers[1:], 2)
    ]
    for thread in threads:
        thread.start()
    if started is not None:
        started()
    try:
        workers[0].run(until_idle=until_idle)
    finally:
        for thread in threads:
            thread.join()
