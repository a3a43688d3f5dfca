"""What the worker does by itself once a day: forget what is old enough, and owe the consumers' daily jobs.

Any number of workers may run: a row says who is at it and which day is done. One that dies at it is replaced after an hour.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import Error as DatabaseTrouble
from django.db import close_old_connections, connections
from django.utils import timezone

from sumeru_proxy import pruning
from sumeru_proxy.client.limiter import State, StoreUnavailable
from sumeru_proxy.limit_stores import DatabaseStore
from sumeru_proxy.webhooks import installed

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 60.0
HOUR: Final = 2
"""The hour (UTC) from which on the day's work is done: when most shops are quiet, and yesterday is complete."""
LEASE: Final = timedelta(hours=1)
_KEY: Final = "housekeeping:daily"


def whose(state: State, now: datetime) -> State | None:
    """The state to store when the day's work is the caller's now; None: it is done, another is at it, or it is too early. Pure."""
    if now.hour < HOUR or state.get("day") == now.date().isoformat():
        return None
    until = state.get("until", "")
    if until and now < datetime.fromisoformat(until) <= now + LEASE * 2:
        return None
    return {**state, "until": (now + LEASE).isoformat()}


def daily(now: datetime | None = None) -> dict[str, int] | None:
    """Do the day's work unless it is done; gives what was forgotten and owed, None when it was not to be done. May be repeated and killed.

    Raises django.db.Error when the database fails; the day's work is then done later.
    """
    now = (now or timezone.now()).astimezone(UTC)

    def take(states: Mapping[str, State]) -> tuple[Mapping[str, State], bool]:
        after = whose({name: value for name, value in states[_KEY].items() if name != "tat"}, now)
        return ({} if after is None else {_KEY: after}), after is not None

    try:
        if not DatabaseStore().change([_KEY], take):
            return None
    except StoreUnavailable:
        return None
    counts = pruning.prune(now)
    counts["daily_jobs"] = installed.owe_daily(now.date())
    DatabaseStore().change([_KEY], lambda _states: ({_KEY: {"day": now.date().isoformat()}}, None))
    log.info("daily: %s", ", ".join(f"{count} {what}" for what, count in counts.items()))
    return counts


def run(stopping: threading.Event) -> None:
    """Look every LOOK_EVERY_S until stopped. For a thread of its own."""
    try:
        while not stopping.is_set():
            try:
                close_old_connections()
                daily()
            except (DatabaseTrouble, StoreUnavailable) as error:
                log.error("daily work: database: %s; trying again", type(error).__name__)
                connections.close_all()
            except Exception:  # a consumer's hook
                log.exception("daily work failed; it is tried again in an hour")
            stopping.wait(LOOK_EVERY_S)
    finally:
        connections.close_all()
