"""Which consumers are installed, and how they owe jobs of their own kinds. The contract itself is ``listeners.py``."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from sumeru_proxy.models import Job, Shop
from sumeru_proxy.outbox import jobs
from sumeru_proxy.webhooks.listeners import Consumer, JobKind, Listener, RangeKind, Setting, Target, kind_of

log = logging.getLogger(__name__)

PART = ".part"
"""Ends the kind of a range's part that failed and is owed by itself."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,23}\Z")
_LISTENER_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")


def _consumer_of(found: object) -> Consumer:
    if isinstance(found, Consumer):
        return found
    if isinstance(found, Listener):
        # A listener by itself may count events, so each is given to it.
        return Consumer(name=found.name, title=found.name, listener=found, latest_only=False)
    raise ImproperlyConfigured(f"{found!r} is neither a listener nor a consumer")


def _check(consumer: Consumer) -> None:
    listener = consumer.listener
    own: list[JobKind | RangeKind] = [*consumer.kinds, *consumer.ranges]
    good = bool((_NAME if own else _LISTENER_NAME).match(consumer.name)) and consumer.name != "listen"
    good = good and (listener is None or (isinstance(listener, Listener) and listener.name == consumer.name))
    names = [kind.name for kind in own]
    good = good and all(_NAME.match(name) for name in names) and len(set(names)) == len(names)
    good = good and {*consumer.daily, consumer.visits} - {""} <= set(names)
    if not good:
        raise ImproperlyConfigured(
            f"consumer {consumer.name!r}: its name and its kinds' names are 1 to 24 of a-z, 0-9 and _, each once; "
            "its listener has its name; `daily` and `visits` name kinds of its own"
        )


@cache
def _found(apps: tuple[str, ...], named: tuple[str, ...]) -> tuple[Consumer, ...]:
    found = [_consumer_of(importlib.import_module(f"{app}.consumer").CONSUMER) for app in apps]
    found += [_consumer_of(import_string(name)) for name in named]
    names: set[str] = set()
    for consumer in found:
        _check(consumer)
        if consumer.name in names:
            raise ImproperlyConfigured(f"consumer {consumer.name!r} is there twice")
        names.add(consumer.name)
    return tuple(found)


def consumers() -> tuple[Consumer, ...]:
    """The installed consumers, listeners of ``SUMERU_LISTENERS`` included. Raises ImproperlyConfigured for one that does not fit."""
    return _found(tuple(getattr(settings, "SUMERU_CONSUMERS", ())), tuple(getattr(settings, "SUMERU_LISTENERS", ())))


def consumer(name: str) -> Consumer | None:
    """The installed consumer of this name."""
    return next((each for each in consumers() if each.name == name), None)


def listeners() -> tuple[Listener, ...]:
    """The installed listeners. Raises ImproperlyConfigured as ``consumers`` does."""
    return tuple(each.listener for each in consumers() if each.listener is not None)


def by_kind() -> dict[str, Consumer]:
    """The installed consumers that listen, by the kind of their listeners' jobs."""
    return {kind_of(each.listener): each for each in consumers() if each.listener is not None}


def own_kinds() -> dict[str, tuple[Consumer, JobKind | RangeKind]]:
    """The installed consumers' own kinds, by the kind of their jobs; not the parts of ranges."""
    found: dict[str, tuple[Consumer, JobKind | RangeKind]] = {}
    for each in consumers():
        found |= {f"{each.name}:{kind.name}": (each, kind) for kind in each.kinds}
        found |= {f"{each.name}:{kind.name}": (each, kind) for kind in each.ranges}
    return found


def target_of(job: Job) -> Target | None:
    """At whose side a job ends, as its consumer says now; None when at nobody's, or the consumer cannot say. For people to see."""
    try:
        found = by_kind().get(job.kind)
        if found is not None:
            return found.target_of(job.shop) if found.target_of is not None else None
        own = own_kinds().get(job.kind.removesuffix(PART))
        if own is None or own[1].target_of is None:
            return None
        return own[1].target_of(job.shop, job.body.get("range", {}) if job.kind.endswith(PART) else job.body)
    except Exception as error:  # the consumer's own function
        log.warning("job %s: its target cannot be named: %s", job.pk, type(error).__name__)
        return None


def visit_kinds() -> list[str]:
    """The kinds of jobs that get what our pixel gathered."""
    return [f"{each.name}:{each.visits}" for each in consumers() if each.visits]


def owe_visits(shop_id: int, events: Sequence[Mapping[str, Any]], *, key: str) -> None:
    """Owe these events to every consumer that gets visits, outside of what the pixel gathers. The same key does it once.

    Joins the caller's transaction. Raises jobs.Unfit.
    """
    for kind in visit_kinds():
        with contextlib.suppress(jobs.KeyReused):  # told before; the first time counts
            jobs.owe(shop_id, kind, {"events": list(events)}, key=key)


def owe_daily(day: date) -> int:
    """Owe every consumer's daily jobs of this day for all active shops; gives how many are new. May be repeated."""
    kinds = [f"{each.name}:{name}" for each in consumers() for name in each.daily]
    shop_ids = list(Shop.objects.filter(active=True).values_list("pk", flat=True)) if kinds else []
    return sum(jobs.owe(shop_id, kind, {}, key=day.isoformat()).created for shop_id in shop_ids for kind in kinds)


def owe(
    consumer_name: str,
    kind_name: str,
    shop_id: int,
    body: Mapping[str, Any],
    *,
    key: str,
    order_key: str = "",
    target: str = "",
    due_at: datetime | None = None,
) -> jobs.Owed:
    """Owe a job of a consumer's own kind or start a range; see ``jobs.owe``, whose errors it raises. Joins the caller's transaction.

    ``target`` is the key of the job's ``Target`` where it is known already: jobs of one kind for different targets then never wait for
    each other. Raises KeyError for a kind that is not installed.
    """
    kind = f"{consumer_name}:{kind_name}"
    if kind not in own_kinds():
        raise KeyError(kind)
    return jobs.owe(shop_id, kind, body, key=key, order_key=order_key, target=target, due_at=due_at)


def setting_value(setting: Setting) -> str:
    """A consumer's setting: Django's setting of that name, else the environment's (a secret also from the file ``<NAME>_FILE``
    names), else its default.
    """
    given = getattr(settings, setting.name, None)
    if given is not None:
        return str(given)
    path = os.environ.get(f"{setting.name}_FILE", "") if setting.secret else ""
    if path:
        return Path(path).read_text(encoding="utf-8").strip()
    return os.environ.get(setting.name, setting.default)
