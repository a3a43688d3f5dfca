"""The contract between the outbox and its consumers: what a consumer is, what it implements, what it may raise.

A *consumer* is an app that does something with Sumeru's orders, customers or visitor events elsewhere: an ERP, accounting files, an
attribution report. It is one line of the setting ``SUMERU_CONSUMERS`` (its Django app), and that app's ``consumer`` module holds
``CONSUMER``, a ``Consumer``. Taking the line away takes it out. Core imports none by name, and none imports another.

A *listener* is the part that hears events. Each event gives each listener a job of its own; listeners never run in the request and never
see each other. A listener alone, without an app, is a dotted name in the setting ``SUMERU_LISTENERS``.

What runs here may be killed at any instant and is then called again: a target needs an idempotency key of its own (``Work.key``, an order
with its fingerprint). Changes to our own database belong into the ``Effect``, which runs in the transaction that marks the job done, and so
happens exactly once. Errors:

* ``NotMappable``, ``Refused``: parked at once; a person reads the target's words in the admin, mends the cause and tries again.
* ``TargetDown``: waits as long as it takes (days), without attempts; one probe per target for all processes.
* the client's errors (from ``read`` and ``Work.sumeru``): what they mean everywhere; Sumeru's limits and outages wait by themselves.
* anything else is taken for a fault of the consumer: tried again with growing waits, parked after ``attempts_most``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from django.http import HttpRequest, HttpResponse

from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.client.shapes_admin import Order
from sumeru_proxy.models import Shop
from sumeru_proxy.outbox.target_errors import NotMappable, Refused, TargetDown, TargetError

__all__ = ["NotMappable", "Refused", "TargetDown", "TargetError"]

KIND_PREFIX = "listen:"
TRIES_MOST = 20
"""After so many failures of its own (about 1.4 hours) a consumer's job is parked. Outages do not count."""

Effect = Callable[[], None]
Person = frozenset[str]
"""By what a person is known: e-mail addresses and customer ids, case folded."""


# -- hearing events


@dataclass(frozen=True, slots=True)
class Event:
    """An event as a listener gets it. ``data`` is a hint of what happened, possibly outdated or out of order."""

    id: str
    type: str
    occurred_at: datetime
    data: Mapping[str, Any]


class Read(Protocol):
    """Gives the event's order as Sumeru has it now: read once for all listeners of an event, and by pages when many orders wait."""

    def __call__(self, include: Collection[str] = ()) -> Order | None:
        """The order, never older than the event; None when the event names none or it no longer exists.

        ``include``: what must be with it, of ``attributions``. Raises the client's errors, which mean "later". May be repeated: the
        same call of Sumeru serves it.
        """


@runtime_checkable
class Listener(Protocol):
    """Brings its side to what Sumeru says now.

    ``name`` is unique and stays the same for ever (jobs carry it); ``events`` lists event types, or ``*`` for all.
    """

    name: str
    events: tuple[str, ...]

    def handle(self, shop: Shop, event: Event, read: Read) -> Effect | None:
        """React to one event; called again after a failure or a crash, so it must end in the same state however often.

        Calls to other systems are made here, outside of any transaction; changes to our own database belong into the returned function.
        """


# -- the other side


@dataclass(frozen=True, slots=True)
class Target:
    """A consumer's other side. ``key`` (1 to 60 visible ASCII characters, no secret) is the same for jobs that end at the same system:
    they share one breaker and one probe. ``name`` is what people call it.
    """

    key: str
    name: str


# -- jobs of one's own


@dataclass(frozen=True, slots=True)
class Work:
    """A job of a consumer's own kind, as its ``run`` gets it. ``attempts`` counts the tries before this one.

    ``sumeru()`` gives a client that tries once and never sleeps: the job waits instead. ``order(id, include)`` reads one order through
    the shared reading (None when Sumeru has none).
    """

    shop: Shop
    body: Mapping[str, Any]
    key: str
    attempts: int
    sumeru: Callable[[], Sumeru] = field(repr=False)
    order: Callable[..., Order | None] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Done:
    """A job's end. ``result`` (small, JSON, nobody's data) is kept with it; ``effect`` runs in the transaction that marks it done."""

    result: Mapping[str, Any] = field(default_factory=dict)
    effect: Effect | None = None


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of jobs of the consumer's own. Jobs are owed by ``installed.owe(consumer, name, …)``; their kind reads ``consumer:name``.

    ``name``: up to 24 of a-z, 0-9 and _; it stays the same for ever. ``title`` is for people. ``run`` does it once (see the module).
    ``target_of``: at whose side such a job ends, None when at nobody's (may ask the database). ``latest_only``: of the waiting jobs
    with one order key only the newest is done, the earlier ones end *superseded*.
    """

    name: str
    title: str
    run: Callable[[Work], Done | None]
    target_of: Callable[[Shop, Mapping[str, Any]], Target | None] | None = None
    attempts_most: int | None = TRIES_MOST
    latest_only: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a range job: the ``work``, and where it is. ``cursor`` is what the step before gave as ``next`` (None: the first);
    ``done`` counts the units before it.
    """

    work: Work
    cursor: Any
    done: int


@dataclass(frozen=True, slots=True)
class Stride:
    """What a step did. ``next`` (JSON) is stored with ``effect`` in one transaction and given to the next step; None: the end.

    ``units`` were done in it. ``total``: how many there are in all, when known. ``reached``/``last``: up to which moment, of which last
    one, when units come in order of time; the estimated end is made from either. ``skipped`` could not be read. ``failed``: this
    part was not done; it becomes a job of its own (same cursor), stays owed, and the range goes on.
    """

    next: Any
    units: int = 0
    effect: Effect | None = None
    total: int | None = None
    reached: datetime | None = None
    last: datetime | None = None
    skipped: int = 0
    failed: Exception | None = None


@dataclass(frozen=True, slots=True)
class RangeKind:
    """A long job that goes step by step: one row that keeps its cursor and figures, pauses, resumes, is cancelled, survives kills.

    Owed by ``installed.owe`` like any job, by ``manage.py ranges`` and in the admin. ``step`` is called with each cursor at
    least once (again after a failure or a kill), and between two steps every other waiting job has its turn.
    ``walking.over_orders`` makes a ``step`` that reads pages of 100 orders. Parts that failed have the kind ``consumer:name.part``.
    """

    name: str
    title: str
    step: Callable[[Step], Stride]
    target_of: Callable[[Shop, Mapping[str, Any]], Target | None] | None = None
    attempts_most: int | None = TRIES_MOST


# -- hooks


@dataclass(frozen=True, slots=True)
class Metric:
    """Figures for ``/metrics``. ``name`` begins with the consumer's; ``samples`` are pairs of labels and value."""

    name: str
    text: str
    samples: Sequence[tuple[Mapping[str, str], float]]
    counter: bool = False


@dataclass(frozen=True, slots=True)
class AdminPage:
    """A page about a shop in the admin, a tab beside the core's: ``view(request, shop)`` for people with ``permission``
    (``app.codename``). A ``TemplateResponse`` gets the desk's frame: its template extends ``admin/sumeru_proxy/consumer_base.html``.
    Models are registered in the app's own ``admin`` module, as in any Django app.
    """

    slug: str
    title: str
    view: Callable[[HttpRequest, Shop], HttpResponse]
    permission: str


@dataclass(frozen=True, slots=True)
class DocsPage:
    """A page below ``/docs/``: ``template`` extends ``docs/base.html``; ``context(request)`` adds to it. ``summary`` is one sentence."""

    slug: str
    title: str
    template: str
    summary: str = ""
    context: Callable[[HttpRequest], Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """A row of the settings table: an environment variable of the consumer's. Read it with ``installed.setting_value``."""

    name: str
    default: str
    text: str
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of the privacy table: what a model (``app_label.ModelName``) holds, whether of persons, and for how long."""

    model: str
    what: str
    personal: bool
    kept: str


@dataclass(frozen=True, slots=True)
class Consumer:
    """All that the core asks of a consumer. Everything but ``name`` and ``title`` is optional.

    ``name``: up to 24 of a-z, 0-9 and _, unique, the same for ever. ``listener``: its ``name`` is the consumer's. ``latest_only``: of
    the waiting events of one order only the newest is handled (the listener brings its side to what is true now); the earlier ones
    end *superseded*. ``target_of``: where the listener's jobs end (None: nowhere else, or in jobs of its own kinds).

    Hooks: ``erase(shop_id, person, dry_run)`` joins the erasing transaction and gives counts by what was erased, as ``prune(now, dry_run)``
    does for what is older than the consumer keeps (both may be repeated); ``export(shop_id, person)`` gives what is held of a person,
    as JSON; ``metrics()`` is asked at each ``/metrics`` (cheap). ``visits`` names the consumer's own job kind that gets what our pixel
    gathered, as ``{"events": […]}`` of up to 100 (each carries its ``consent``), each event in exactly one job. Our server adds, where
    known, ``device`` (``mobile`` …), ``excluded`` (``bot``, ``internal``: not to be counted), ``customer_id`` (proven by a customer
    token). Two types it makes itself: ``identified`` (a form gave the ``email`` of the ``visitor_id``), ``consent_withdrawn`` (forget
    the visitor and take nothing of them any more, also what comes late). ``urlconf`` is mounted at ``/consumers/<name>/``.
    ``daily`` names own kinds that are owed once per shop and day (key: the date), with an empty body.
    """

    name: str
    title: str
    listener: Listener | None = None
    latest_only: bool = True
    target_of: Callable[[Shop], Target | None] | None = None
    kinds: tuple[JobKind, ...] = ()
    ranges: tuple[RangeKind, ...] = ()
    daily: tuple[str, ...] = ()
    visits: str = ""
    erase: Callable[[int, Person, bool], Mapping[str, int]] | None = None
    export: Callable[[int, Person], Mapping[str, Any]] | None = None
    prune: Callable[[datetime, bool], Mapping[str, int]] | None = None
    metrics: Callable[[], Iterable[Metric]] | None = None
    admin_pages: tuple[AdminPage, ...] = ()
    docs_pages: tuple[DocsPage, ...] = ()
    settings: tuple[Setting, ...] = ()
    stores: tuple[Stored, ...] = ()
    urlconf: str = ""


def kind_of(listener: Listener) -> str:
    """The kind of a listener's jobs."""
    return KIND_PREFIX + listener.name


def hears(listener: Listener, event_type: str) -> bool:
    """Whether the listener wants events of this type."""
    return "*" in listener.events or event_type in listener.events


def order_key(name: str, order_id: str) -> str:
    """Under which a consumer's jobs about one order are done in turn: use it for own kinds too, so that two never bring the same order to
    the target at the same time.
    """
    return f"{name}:{order_id}"
