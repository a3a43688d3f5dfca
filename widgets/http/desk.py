"""How widgets hand in writes for Sumeru: the job is stored first, then tried once while the shopper waits."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import Error as DatabaseError

from sumeru_proxy.client import errors
from sumeru_proxy.outbox import backlog, batching, jobs, writes
from widgets.http import responses, throttles

log = logging.getLogger(__name__)

WAITING_MOST = 300
"""Debts of one kind of a shop that may wait: a quarter of an hour of all writes that Sumeru allows. More would be promises."""
EVENTS_WAITING_MOST = 20_000
FULL_RETRY_S = 60.0
NETWORK_BURST = 20
"""New debts of one client network, kind and shop at once; then so many in ten minutes."""
debts = throttles.SharedMeter("debts", window_s=600.0)
PATIENCE_S = 2.5
"""How long a shopper's answer may wait for Sumeru's; after it the worker goes on."""


@dataclass(frozen=True, slots=True)
class ShopDesk:
    """The desk of one shop; see ``base.Desk``."""

    shop_id: int
    network: str = ""
    """Who hands in; empty for ourselves."""

    def hand_in(
        self, kind: str, body: Mapping[str, Any], key: str, *, interactive: bool = True
    ) -> Mapping[str, Any] | None:
        """See ``base.Desk.hand_in``. The row is committed before anything is sent, and before this returns.

        Raises a 429 problem for a new debt when too many wait already.
        """
        try:
            self._refuse_too_many(kind, key)
            owed = writes.owe(self.shop_id, kind, body, key=key)
        except jobs.KeyReused:
            raise responses.Problem(
                409, "idempotency_conflict", "This key was used before for something else.", {"key": ["Use a new key."]}
            ) from None
        except jobs.Unfit as error:
            raise responses.invalid({"": [str(error)]}) from None
        except errors.Refused as error:
            raise responses.invalid({"": [str(error)]}) from None
        except DatabaseError as error:
            log.error("shop %s: %s not stored: %s", self.shop_id, kind, type(error).__name__)
            raise responses.unavailable("This cannot be kept just now. Send it again.") from None
        if interactive and owed.job.state == "waiting":
            try:
                writes.deliver_now(owed.job, PATIENCE_S)
            except DatabaseError as error:  # it is owed already: the worker goes on
                log.error("shop %s: %s not delivered at once: %s", self.shop_id, kind, type(error).__name__)
                return None
        return owed.job.result if owed.job.state == "done" else None

    def _refuse_too_many(self, kind: str, key: str) -> None:
        """A debt that exists already is never refused: who sends it again wants to know what became of it."""
        wait_s = 0.0
        most = EVENTS_WAITING_MOST if kind == batching.EVENT_KIND else WAITING_MOST
        if backlog.waiting_of(self.shop_id, kind, most) >= most:
            wait_s = FULL_RETRY_S
        elif kind != batching.EVENT_KIND and self.network:
            wait_s = debts.wait_s(f"{self.shop_id}:{kind}:{self.network}", NETWORK_BURST)
        if wait_s and not jobs.is_owed(self.shop_id, kind, key):
            log.warning("shop %s: %s refused: too many wait", self.shop_id, kind)
            raise responses.limited(wait_s)
