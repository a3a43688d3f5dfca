"""How widgets hand in writes for Sumeru: the job is stored first, then tried once while the shopper waits."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import Error as DatabaseError

from sumeru_proxy.client import errors
from sumeru_proxy.outbox import jobs, writes
from widgets.http import responses

log = logging.getLogger(__name__)

PATIENCE_S = 2.5
"""How long a shopper's answer may wait for Sumeru's; after it the worker goes on."""


@dataclass(frozen=True, slots=True)
class ShopDesk:
    """The desk of one shop; see ``base.Desk``."""

    shop_id: int

    def hand_in(
        self, kind: str, body: Mapping[str, Any], key: str, *, interactive: bool = True
    ) -> Mapping[str, Any] | None:
        """See ``base.Desk.hand_in``. The row is committed before anything is sent, and before this returns."""
        try:
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
