"""Calls every endpoint of a real account once and says what came: statuses, fields mapped and missing, limits told."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.client.caller import Meta, Observed
from sumeru_proxy.client.errors import Refused, SumeruError, Unreadable
from sumeru_proxy.client.resource import ADMIN, CallArguments, ProbeState, Resource
from sumeru_proxy.client.resources import ADMIN_API, EVERY
from sumeru_proxy.client.resources_catalogue import PRODUCTS, ask_products
from sumeru_proxy.client.resources_shopper import CHECK_REFERRAL
from sumeru_proxy.client.session import Budget

TOTAL_S: Final = 22.0
CALL_S: Final = 5.0
LEAST_S: Final = 0.5
BULK_S: Final = 2.0
ADMIN_NAMES: Final = frozenset(resource.name for resource in ADMIN_API)


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """What the probe asks about. What is not given is looked up where possible, else its endpoints are left out."""

    product_id: str = ""
    quiz_id: str = ""
    experiment: str = ""
    webhook_url: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One endpoint: ``called`` is False when something needed was not known (``error`` says what)."""

    endpoint: str
    method: str
    path: str
    limit_class: str
    called: bool
    status: int = 0
    milliseconds: float = 0.0
    error: str = ""
    mapped: tuple[str, ...] = ()
    required_missing: str = ""
    optional_missing: tuple[str, ...] = ()
    misfit: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    limit: int | None = None
    remaining: int | None = None
    x_cache: str = ""
    late: bool = False
    """Not called, because the time was up."""

    @property
    def good(self) -> bool:
        """Whether the endpoint answered in the shape we know, or was rightly left out."""
        return not self.late and (not self.called or not (self.error or self.skipped or self.misfit))


class Probe:
    """One run over an account: each call is made once, whatever failed before it, and within ``total_s`` seconds altogether.

    It waits for our own limits as long as there is time, and for nothing else.
    """

    def __init__(
        self, sumeru: Sumeru, target: ProbeTarget, *, write: bool = False, run_id: str = "", total_s: float = TOTAL_S
    ) -> None:
        self._sumeru = sumeru
        self._until = time.monotonic() + total_s
        self._state = ProbeState(
            product_id=target.product_id,
            quiz_id=target.quiz_id,
            experiment=target.experiment,
            webhook_url=target.webhook_url,
            run_id=run_id or uuid.uuid4().hex[:12],
            write=write,
        )

    @property
    def left_s(self) -> float:
        """Seconds that are left."""
        return max(0.0, self._until - time.monotonic())

    @property
    def product_ids(self) -> list[str]:
        """The products that were seen so far."""
        return [product.id for product in getattr(self._state.values.get(PRODUCTS.name), "products", ())]

    def findings(self) -> Iterator[Finding]:
        """Every endpoint in turn. Writes only when asked to; what they send is marked as a test. Raises nothing of Sumeru's."""
        asked: set[str] = set()
        pending = list(EVERY)
        while pending:
            resource = next(each for each in pending if not each.after or each.after in asked)
            pending.remove(resource)
            asked.add(resource.name)
            yield self._finding(resource)

    def _finding(self, resource: Resource[Any]) -> Finding:
        needs_token = resource.limit_class == ADMIN or resource.after in ADMIN_NAMES
        if needs_token and not self._sumeru.account.token:
            return _left_out(resource, "needs the admin token")
        arguments = resource.probe(self._state)
        if isinstance(arguments, str):
            return _left_out(resource, arguments)
        if self.left_s < LEAST_S:
            return replace(_left_out(resource, "the time was up"), late=True)
        return self._call(resource, arguments)

    def _call(self, resource: Resource[Any], arguments: CallArguments) -> Finding:
        seen: list[Meta] = []
        outer = self._sumeru.observer

        def watch(observed: Observed) -> None:
            if observed.sent:
                seen.append(observed.meta)
            if outer is not None:
                outer(observed)

        probing = self._sumeru.watched_by(watch).for_a_test(budget_of(self.left_s), max(0.0, self.left_s - CALL_S))
        began = time.monotonic()
        common: dict[str, Any] = {
            "endpoint": resource.name,
            "method": resource.method,
            "path": self._sumeru.account.path_of(resource),
            "limit_class": resource.limit_class,
            "called": True,
        }
        try:
            answer = probing.call(
                resource, arguments, f"check-{self._state.run_id}-{resource.name}" if resource.is_write else None
            )
        except SumeruError as error:
            meta = seen[-1] if seen else Meta(resource.name, 0, time.monotonic() - began)
            unknown = resource is CHECK_REFERRAL and isinstance(error, Refused) and error.status == 404
            return Finding(
                **common,
                status=meta.status,
                milliseconds=meta.seconds * 1000,
                # That nobody has the code that is asked about is an answer.
                error="" if unknown else str(error),
                required_missing=error.path if isinstance(error, Unreadable) else "",
                limit=meta.limit,
                remaining=meta.remaining,
                x_cache=meta.x_cache,
            )
        self._state.values[resource.name] = answer.value
        if not self._state.product_id and (product := self._state.first("products", "products")):
            self._state.product_id = product.id
        notes, meta = answer.notes, answer.meta
        return Finding(
            **common,
            status=meta.status,
            milliseconds=meta.seconds * 1000,
            mapped=tuple(sorted(notes.mapped)),
            optional_missing=tuple(sorted(notes.missing - notes.mapped)),
            misfit=tuple(sorted(notes.misfit)),
            unknown=tuple(sorted(notes.unknown)),
            skipped=tuple(notes.skipped[:20]),
            withheld=tuple(sorted(notes.withheld)),
            limit=meta.limit,
            remaining=meta.remaining,
            x_cache=meta.x_cache,
        )


def budget_of(left_s: float) -> Budget:
    """What one call of a person's test may take when so many seconds are left."""
    total_s = min(CALL_S, max(left_s, LEAST_S))
    return Budget(min(3.0, total_s), total_s, total_s)


def _left_out(resource: Resource[Any], why: str) -> Finding:
    return Finding(resource.name, resource.method, resource.path, resource.limit_class, False, error=why)


@dataclass(frozen=True, slots=True)
class LimitFinding:
    """Per class of calls: the smallest limit per minute that answers named, and what this account is configured for."""

    limit_class: str
    told: int
    configured: int
    setting: str

    @property
    def verdict(self) -> str:
        """What to do about it."""
        if self.told == self.configured:
            return "as configured"
        if self.told < self.configured:
            return f"lower than configured: set {self.setting} to {self.told}"
        return f"higher than configured: {self.setting} may be raised to {self.told}"


def limits_told(sumeru: Sumeru, findings: list[Finding]) -> list[LimitFinding]:
    """What the account's answers said of its limits, class by class."""
    found: list[LimitFinding] = []
    for limit_class in dict.fromkeys(finding.limit_class for finding in findings):
        told = [each.limit for each in findings if each.limit_class == limit_class and each.limit is not None]
        setting = "admin" if limit_class == ADMIN else f"{limit_class}_per_ip"
        if told:
            found.append(LimitFinding(limit_class, min(told), sumeru.account.limit(setting), setting))
    return found


BULK_IDS: Final = 5


@dataclass(frozen=True, slots=True)
class BulkFinding:
    """What a read of many ids costs: ``items`` asked for in one call, ``cost`` as the answers tell it (None: they do not, ``why``)."""

    endpoint: str
    items: int
    cost: int | None
    why: str = ""

    @property
    def verdict(self) -> str:
        """In words; the server learns the same from its own calls and counts it."""
        if self.cost is None:
            return f"not measured: {self.why}"
        if self.cost <= 1:
            return "one per call"
        return "one per item" if self.cost == self.items else f"{self.cost} for {self.items} items"


def bulk_cost(sumeru: Sumeru, product_ids: Sequence[str]) -> BulkFinding:
    """Reads one product and then several in one call each, and compares what is left of the minute. Raises nothing of Sumeru's.

    Other calls from the same address at the same moment count as its cost.
    """
    ids = list(dict.fromkeys(product_ids))[:BULK_IDS]
    if len(ids) < 2:
        return BulkFinding(PRODUCTS.name, len(ids), None, "fewer than two products are known")
    asking = sumeru.for_a_test(budget_of(BULK_S), BULK_S)
    try:
        first = asking.call(PRODUCTS, ask_products(product_ids=ids[:1], limit=1)).meta
        several = asking.call(PRODUCTS, ask_products(product_ids=ids, limit=len(ids))).meta
    except SumeruError as error:
        return BulkFinding(PRODUCTS.name, len(ids), None, str(error))
    if several.cache_hit:
        return BulkFinding(PRODUCTS.name, len(ids), None, "Sumeru's own cache answered")
    if first.remaining is None or several.remaining is None or several.remaining >= first.remaining:
        return BulkFinding(PRODUCTS.name, len(ids), None, "the answers do not tell what is left")
    return BulkFinding(PRODUCTS.name, len(ids), first.remaining - several.remaining)
