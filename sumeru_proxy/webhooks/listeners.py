"""What a listener to Sumeru's events is, and how the installed ones are found.

A listener is an app below ``sumeru_proxy/consumers/`` with a module ``listener`` that holds ``LISTENER``, or a dotted name
``package.module.NAME`` in the setting ``SUMERU_LISTENERS``. Each event gives each listener a job of its own; listeners never run in the
request and never see each other. Nothing here imports one by name, so that any of them can be taken out.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Protocol, runtime_checkable

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from sumeru_proxy import consumers
from sumeru_proxy.models import Shop

KIND_PREFIX = "listen:"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")


@dataclass(frozen=True, slots=True)
class Event:
    """An event as a listener gets it. ``data`` is a hint of what happened, possibly outdated or out of order."""

    id: str
    type: str
    occurred_at: datetime
    data: Mapping[str, Any]


Effect = Callable[[], None]
Read = Callable[[], Any]


@runtime_checkable
class Listener(Protocol):
    """Brings its side to what Sumeru says now.

    ``name`` is unique and stays the same for ever (jobs carry it); ``events`` lists event types, or ``*`` for all.
    """

    name: str
    events: tuple[str, ...]

    def handle(self, shop: Shop, event: Event, read: Read) -> Effect | None:
        """React to one event; called again after a failure or a crash, so it must end in the same state however often.

        ``read()`` gives the current order from Sumeru (None when the event names no order or it is gone; raises the client's
        errors, which mean "later"). Changes to our own database belong into the returned function: it runs in the transaction
        that marks the job done, so exactly once. Calls to other systems are made here, outside of any transaction, and need
        their own idempotency key. Any exception means "try again later".
        """


def kind_of(listener: Listener) -> str:
    """The kind of a listener's jobs."""
    return KIND_PREFIX + listener.name


def hears(listener: Listener, event_type: str) -> bool:
    """Whether the listener wants events of this type."""
    return "*" in listener.events or event_type in listener.events


@cache
def _found(named: tuple[str, ...]) -> tuple[Listener, ...]:
    modules = [
        f"{consumers.__name__}.{each.name}.listener"
        for each in pkgutil.iter_modules(consumers.__path__)
        if each.ispkg and importlib.util.find_spec(f"{consumers.__name__}.{each.name}.listener")
    ]
    found = [importlib.import_module(module).LISTENER for module in sorted(modules)]
    found += [import_string(name) for name in named]
    names: set[str] = set()
    for listener in found:
        if not isinstance(listener, Listener) or not _NAME.match(listener.name) or listener.name in names:
            raise ImproperlyConfigured(f"{listener!r} is no listener with a name of its own")
        names.add(listener.name)
    return tuple(found)


def listeners() -> tuple[Listener, ...]:
    """The installed listeners. Raises ImproperlyConfigured for one without a proper, unique name."""
    return _found(tuple(getattr(settings, "SUMERU_LISTENERS", ())))


def by_kind() -> dict[str, Listener]:
    """The installed listeners by the kind of their jobs."""
    return {kind_of(listener): listener for listener in listeners()}
