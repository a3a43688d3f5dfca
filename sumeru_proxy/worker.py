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
from sumeru_proxy.outbox import batching, claims, jobs, writes
from sumeru_proxy.outbox.delivering import Handler, WorkerTimings, attempt
from sumeru_proxy.outbox.turns import Turns, same_fate
from sumeru_proxy.webhooks import erasing, installed, listening, own_work
from sumeru_proxy.webhooks.listeners import KIND_PREFIX

log = logging.getLogger(__name__)

IDLE_S = 0.5
DATABASE_PAUSE_S = 1.0
SLICE_S = 0.5
"""After so long a worker looks anew whose turn it is, whatever it still has in hand."""


def handlers(only: Collection[str] | None = None) -> dict[str, Handler]:
    """How each known kind of job is done. Jobs of other kinds (a listener that was taken out) are left waiting.

    Raises ValueError for a name in ``only`` that is no kind.
    """
    found: dict[str, Handler] = {kind: writes.handler(kind) for kind in writes.KINDS}
    found |= {kind: listening.handler(consumer) for kind, consumer in installed.by_kind().items()}
    found |= own_work.handlers()
    found[erasing.KIND] = erasing.handler()
    if only is None:
        return found
    names = {batching.BATCH_KIND if name == batching.EVENT_KIND else name for name in only}
    if unknown := sorted(names - found.keys()):
        raise ValueError(f"unknown kinds: {', '.join(unknown)}; known: {', '.join(sorted(found))}")
    return {kind: handler for kind, handler in found.items() if kind in names}


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
        pace: WorkerTimings | None = None,
        turns: Turns | None = None,
    ) -> None:
        self.known = known
        listening = [kind for kind in known if kind.startswith(KIND_PREFIX)]
        self.listening = listening if len(listening) > 1 else []
        self.batch = batch
        self.idle_s = idle_s
        self.pace = pace or WorkerTimings()
        self.turns = turns or Turns()
        self.stopping = threading.Event()
        self.name = f"{socket.gethostname()[:40]}:{os.getpid()}:{threading.get_ident() % 10_000}"

    def stop(self) -> None:
        """Ask the loop to end. May be repeated."""
        self.stopping.set()

    def once(self) -> int:
        """Claim and try one batch; gives how many jobs were tried. Raises django.db.Error when the database is gone."""
        if batching.BATCH_KIND in self.known:
            batching.gather(timezone.now(), also=installed.visit_kinds())
        jobs.free_expired(timezone.now())
        claimed = self._claim(self.batch, fresh=False)
        if len(claimed) < self.batch:
            claimed += self._claim(self.batch - len(claimed), fresh=True)
        tried, slice_ends = 0, time.monotonic() + SLICE_S
        while claimed and not self.stopping.is_set():
            job = claimed.pop(0)
            claimed = self._try(job, claimed)
            tried += 1
            if time.monotonic() > slice_ends:
                break  # the rest is given back: others may be free, or it is another line's turn
        jobs.release(claimed)
        return tried

    def _claim(self, most: int, *, fresh: bool) -> list[Job]:
        now = timezone.now()
        chosen = self.turns.choose(self.known, most, now, fresh=fresh)
        return claims.claim_lines(self.name, chosen, lease_s=self.pace.lease_s, now=now, siblings=self.listening)

    def _try(self, job: Job, claimed: list[Job]) -> list[Job]:
        """Try a job; gives those of the claimed that are still worth trying."""
        handler, line, began = self.known[job.kind], claims.line_of(job), time.monotonic()
        self.turns.began(line)
        try:
            newest = claims.take_latest(job) if handler.latest_only else job
            if newest is None:
                return claimed
            result = attempt(newest, handler, self.pace)
        finally:
            self.turns.ended(line, time.monotonic() - began)
        if self.turns.note(newest, handler, result):
            woken = jobs.wake(job.shop_id, handler.group)
            log.info("shop %s: Sumeru answers again, %d jobs are due now", job.shop_id, woken)
        in_vain = same_fate(newest, handler, result, claimed)
        jobs.release(in_vain)
        siblings = claims.claim_siblings(newest, self.listening, self.name, lease_s=self.pace.lease_s)
        return [*siblings, *(other for other in claimed if other not in in_vain)]

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


def run_many(
    workers: Sequence[Worker],
    *,
    until_idle: bool = False,
    started: Callable[[], None] | None = None,
    beside: Sequence[Callable[[threading.Event], None]] = (),
) -> None:
    """Run workers in threads of this process, the first in this one, until all have ended; ``beside`` runs in threads of its own until
    then, and is told by the event.
    """
    over = threading.Event()

    def run(worker: Worker) -> None:
        try:
            worker.run(until_idle=until_idle)
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=run, args=(worker,), name=f"work-{number}")
        for number, worker in enumerate(workers[1:], 2)
    ]
    others = [threading.Thread(target=each, args=(over,), name=f"beside-{each.__module__}") for each in beside]
    for thread in others:
        thread.start()
    for thread in threads:
        thread.start()
    if started is not None:
        started()
    try:
        workers[0].run(until_idle=until_idle)
    finally:
        over.set()
        for thread in [*threads, *others]:
            thread.join()
