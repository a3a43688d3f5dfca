"""What a target is: the ERP, endpoint or file that orders are written to. Small on purpose: a new target is one module.

The engine owns all memory (which order is which document there, what was sent last, what was refused); a target owns none. It gets
whole documents and brings its side to them, however often and in whatever order it is asked.

Errors are those of the consumers' contract: ``NotMappable(reason, text)`` (the order cannot be expressed there as things are),
``Refused(reason, text)`` (the target understood and said no) and ``TargetDown(retry_after_s, text)`` (everything waits and goes on by
itself). Names and addresses that may be in a text of the target's are masked by the engine before it is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol, runtime_checkable

from sumeru_proxy.consumers.order_sync.document import Document
from sumeru_proxy.outbox.target_errors import NotMappable, Refused, TargetDown, TargetError

__all__ = [
    "ACTIONS",
    "CANCELLED",
    "CREATED",
    "ERROR",
    "OK",
    "REFUNDED",
    "UNCHANGED",
    "UPDATED",
    "WARNING",
    "BookedOrder",
    "DocumentsOf",
    "Entry",
    "Finding",
    "Forecast",
    "Kind",
    "NotMappable",
    "Place",
    "Receipt",
    "Refused",
    "Target",
    "TargetDown",
    "TargetError",
]  # fmt: skip


# -- actions: what a writing did
CREATED = "created"
UPDATED = "updated"
CANCELLED = "cancelled"
REFUNDED = "refunded"
UNCHANGED = "unchanged"
ACTIONS = (CREATED, UPDATED, CANCELLED, REFUNDED, UNCHANGED)


@dataclass(frozen=True, slots=True)
class Entry:
    """One order to be written. ``before`` is the document that this target acknowledged last (None: never), ``remote_id`` what the
    target called it then. Both are only hints: after a crash the target may hold more than is known here.
    """

    document: Document
    before: Document | None = None
    remote_id: str = ""

    @property
    def key(self) -> str:
        """The same for the same content: the order's id and the fingerprint. For idempotency keys and message ids."""
        return f"{self.document.order_id}.{self.document.fingerprint[:32]}"


@dataclass(frozen=True, slots=True)
class Receipt:
    """An order that stands in the target now as its document says.

    ``total`` is the target's own sum in minor units as it answered it (None when it cannot say), refunds not subtracted; ``refunded``
    likewise; ``rounding`` the amount on its rounding line. ``number`` is for people, ``url`` leads to it.
    """

    remote_id: str
    action: str
    number: str = ""
    total: int | None = None
    refunded: int | None = None
    rounding: int = 0
    state: str = ""
    url: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BookedOrder:
    """An order as the target holds it, for the daily proof. Amounts are minor units; ``state`` is ``open`` or ``cancelled``.

    A cancelled order's ``total`` counts as it was. ``refund_ids`` are Sumeru's.
    """

    order_id: str
    remote_id: str
    day: date
    currency: str
    total: int
    refunded: int = 0
    state: str = "open"
    refund_ids: tuple[str, ...] = ()
    number: str = ""


# -- findings: what `order_sync check` says
OK = "ok"
WARNING = "warning"
ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at in the target: ``level`` ok, warning or error; ``code`` stable; ``hint`` what to do."""

    level: str
    code: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What writing a document would do, found out by reading alone. ``problem`` is why it would park (None: it would not).

    ``action`` as in ``Receipt``. ``missing_skus`` go to the fallback product; ``party`` is ``known``, ``matched`` (by e-mail) or
    ``new``; ``rounding`` in minor units.
    """

    order_id: str
    action: str
    total: int
    rounding: int = 0
    missing_skus: tuple[str, ...] = ()
    party: str = ""
    problem: TargetError | None = None


DocumentsOf = Callable[[date], Iterable[Document]]


@dataclass(frozen=True, slots=True)
class Place:
    """What a target is made from: the shop's slug, this target's name within the shop, its options (checked by ``options_of``), its
    secret (never logged, never shown), and ``documents_of(day)``: the latest document of every order of that day (UTC) that is due in
    this target, oldest first - for targets that write whole days.
    """

    shop: str
    name: str
    options: Mapping[str, Any]
    secret: str = field(default="", repr=False)
    documents_of: DocumentsOf = field(default=lambda _day: (), repr=False)


@runtime_checkable
class Target(Protocol):
    """One place to write to. Made for a batch of work and closed after it; never shared between threads.

    Every method may raise TargetDown; a key that the target refuses is one too (``reason`` ``key_refused``): all waits until it is
    mended. None sleeps longer than its own time limits; none retries by itself.
    """

    batch_size: int
    """How many entries one ``write`` takes at best: 1, or more where the target is faster in batches."""
    reads_back: bool
    """Whether ``orders_between`` and ``orders_by_id`` can say what the target holds. If not, the proof counts what it acknowledged."""

    def check(self) -> Sequence[Finding]:
        """Look, read only, whether the target is set up; names everything that is missing."""

    def write(self, entries: Sequence[Entry]) -> Sequence[Receipt | TargetError]:
        """Bring the target to these documents: create, update, cancel, refund; one outcome for each entry, in their order.

        Safe to repeat, after any crash and concurrently: the same order never exists twice. An entry that cannot be written is
        answered by NotMappable or Refused in its place and never stops the others. Raises TargetDown when the target went away:
        what was written by then is found again by the next call.
        """

    def forecast(self, documents: Sequence[Document]) -> Sequence[Forecast]:
        """What ``write`` would do with them; changes nothing there."""

    def orders_between(self, since: date, until: date) -> Iterator[BookedOrder]:
        """Every order of ours that the target holds, dated from ``since`` to ``until`` (both included)."""

    def orders_by_id(self, order_ids: Sequence[str]) -> Mapping[str, BookedOrder]:
        """Those of these orders that the target holds."""

    def close(self) -> None:
        """Free connections and files. May be repeated."""


@runtime_checkable
class Kind(Protocol):
    """A kind of target. A module in this folder that has ``KIND`` with this shape is found by itself."""

    name: str
    """One lower-case word that stays the same for ever (rows carry it), like ``tryton``."""
    title: str
    """For people."""
    secret_label: str
    """What the secret is called in forms; empty when there is none."""

    def options_of(self, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """The options, checked and with defaults filled in. Raises ValueError whose text names the option."""

    def open(self, place: Place) -> Target:
        """A target ready to work; ``place.options`` come from ``options_of``. Must not reach out to the network yet."""
