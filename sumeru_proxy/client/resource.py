"""What a resource of Sumeru's API is to us: where it is, what limits it passes, and how its answer becomes a typed value."""

from __future__ import annotations

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
REFERRAL_PATH = "/api/public/referral"
"""The guide's form; an account may name the operation page's form instead."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call's own values, already checked. ``cost``: what it counts against the limits (a bulk call: one per item)."""

    query: tuple[tuple[str, str], ...] = ()
    body: dict[str, Any] | None = None
    segments: tuple[tuple[str, str], ...] = ()
    cost: int = 1


@dataclass(frozen=True, slots=True)
class Resource(Generic[T_co]):
    """One endpoint. ``path`` may hold ``{name}`` segments; ``edge_s`` is the upstream's own cache lifetime in seconds.

    ``read`` maps the outermost JSON object to the typed value and raises Unreadable. ``limit_class`` is one of READS, WRITES,
    PIXEL and ADMIN; ADMIN also means that the call needs the account's token.
    """

    name: str
    method: str
    path: str
    limit_class: str
    read: Callable[[Fields], T_co] = field(repr=False)
    edge_s: float = 0.0

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
