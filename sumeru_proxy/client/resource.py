"""What a resource of Sumeru's API is to us: where it is, what limits it passes, and how its answer becomes a typed value."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sumeru_proxy.client.reading import Fields, Notes, document

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

READS = "public_reads"
WRITES = "writes"
PIXEL = "pixel"
ADMIN = "admin"
TEST_MARK = "check_sumeru test, please delete"
_NAMES = frozenset(
    {"product_id", "product_ids", "customer_id", "code", "experiment", "visitor_id", "cart_id", "collection"}
)
NEEDS_WRITE = "needs --write"
NO_PRODUCT = "no product known: give one with --product"
NO_CUSTOMER = "no customer known"
REFERRAL_PATH = "/api/public/referral"
"""The guide's form; an account may name the operation page's form instead."""


@dataclass(frozen=True, slots=True)
class CallArguments:
    """One call's own values, already checked. ``cost``: what it is known to count against the limits; ``items``: how many things a bulk
    call asks for, each of which may cost one (see ``costs``).
    """

    query: tuple[tuple[str, str], ...] = ()
    body: dict[str, Any] | None = None
    segments: tuple[tuple[str, str], ...] = ()
    cost: int = 1
    items: int = 1

    @property
    def names_something(self) -> bool:
        """Whether it is about a product, a code, a customer…: then "no such thing" and "not valid" are answers."""
        return bool(self.segments or self.body) or any(name in _NAMES for name, _value in self.query)


@dataclass(slots=True)
class ProbeState:
    """What a probe of an account may ask about: what it was told, and ``values``, what earlier calls brought by resource name."""

    product_id: str = ""
    quiz_id: str = ""
    experiment: str = ""
    webhook_url: str = ""
    run_id: str = ""
    write: bool = False
    values: dict[str, Any] = field(default_factory=dict)

    def first(self, resource_name: str, items: str) -> Any:
        """The first of a list that an earlier call brought; None when there is none."""
        found = getattr(self.values.get(resource_name), items, ())
        return found[0] if found else None


class Example:
    """Arguments of one call, as documentation shows it."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        self.positional, self.named = positional, named

    def python(self, method: str) -> str:
        """The call in Python."""
        words = [json.dumps(each, ensure_ascii=False) for each in self.positional]
        words += [f"{name}={json.dumps(each, ensure_ascii=False)}" for name, each in self.named.items()]
        return f"sumeru.{method}({', '.join(words)})"


@dataclass(frozen=True, slots=True)
class Resource(Generic[T_co]):
    """One endpoint, whole: adding one means adding one of these, a method of ``api`` that calls it, and its typed values.

    ``name`` is the method of ``api.Sumeru`` and the name in health, metrics and logs. ``path`` may hold ``{name}`` segments.
    ``limit_class`` is one of READS, WRITES, PIXEL and ADMIN; ADMIN also means that the call needs the account's token. ``read`` maps
    the outermost JSON object to the typed value and raises Unreadable; ``ask`` checks a call's arguments and raises Refused.

    ``fresh_s`` is how long a copy counts as fresh, by default the upstream's own edge lifetime in seconds; ``topics`` name what makes
    copies stale, with ``{argument}`` for an argument's value. ``example`` is documentation's. ``probe`` gives what ``check_sumeru``
    asks, or in words why it asks nothing; it comes ``after`` the resource of that name.
    """

    name: str
    method: str
    path: str
    limit_class: str
    read: Callable[[Fields], T_co] = field(repr=False)
    ask: Callable[..., CallArguments] = field(repr=False)
    example: Example
    probe: Callable[[ProbeState], CallArguments | str] = field(repr=False)
    after: str = ""
    fresh_s: float = 0.0
    topics: tuple[str, ...] = ()

    @property
    def is_write(self) -> bool:
        """Whether an answer that was lost leaves open what happened."""
        return self.method != "GET"


def read_answer(resource: Resource[T], raw: object, notes: Notes | None = None) -> T:
    """The typed value of a decoded answer; ``notes`` collects what was mapped, missing, unknown. Raises Unreadable."""
    outer = document(raw, notes if notes is not None else Notes())
    value = resource.read(outer)
    outer.finish()
    return value


def query_of(**values: str | int | bool | None) -> tuple[tuple[str, str], ...]:
    """Query parameters in the given order, without those that are None or empty; True becomes ``1``, False is left out."""
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        if value is None or value is False or value == "":
            continue
        found.append((name, "1" if value is True else str(value)))
    return tuple(found)


def currency_of(state: ProbeState) -> str:
    """The currency of a product that the probe has seen; US dollars before it has seen one."""
    product = state.first("products", "products")
    return product.currency if product else "USD"
