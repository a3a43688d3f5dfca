"""Calls every endpoint of a real account once and says what came: statuses, fields mapped and missing, limits told."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sumeru_proxy.client import resources_admin as admin
from sumeru_proxy.client import resources_catalogue as catalogue
from sumeru_proxy.client import resources_shopper as shopper
from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.client.caller import Meta, Observed
from sumeru_proxy.client.errors import SumeruError, Unreadable
from sumeru_proxy.client.resource import ADMIN, Asked, Resource

TEST_MARK: Final = "check_sumeru test, please delete"


@dataclass(frozen=True, slots=True)
class Target:
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
    limit: int | None = None
    remaining: int | None = None
    x_cache: str = ""

    @property
    def good(self) -> bool:
        """Whether the endpoint answered in the shape we know, or was rightly left out."""
        return not self.called or not (self.error or self.skipped or self.misfit)


class Probe:
    """One run over an account. Give it a worker-lane ``Sumeru``: it waits for the limits instead of skipping endpoints."""

    def __init__(self, sumeru: Sumeru, target: Target, *, write: bool = False, run_id: str = "") -> None:
        self._sumeru = sumeru
        self._target = target
        self._write = write
        self._run_id = run_id or uuid.uuid4().hex[:12]
        self._last: Any = None

    def findings(self) -> Iterator[Finding]:
        """Every endpoint in turn. Writes only when asked to; what they send is marked as a test. Raises nothing of Sumeru's."""
        yield from self._storefront()
        yield from self._admin()

    def _storefront(self) -> Iterator[Finding]:
        target = self._target
        yield self._call(catalogue.PRODUCTS, catalogue.ask_products(limit=5))
        products = self._last.products if self._last else ()
        product_id = target.product_id or (products[0].id if products else "")
        need = "no product known: give one with --product"
        if not product_id:
            for resource in (catalogue.REVIEWS, catalogue.BUNDLES, catalogue.UPSELL):
                yield _left_out(resource, need)
        else:
            yield self._call(catalogue.REVIEWS, catalogue.ask_reviews(product_id, limit=100))
            yield self._call(catalogue.BUNDLES, catalogue.ask_bundles(product_id))
            currency = products[0].currency if products else "USD"
            yield self._call(catalogue.UPSELL, catalogue.ask_upsell((product_id,), "10.00", currency, 5))
        currency = products[0].currency if products else "USD"
        yield self._call(shopper.NUDGE, shopper.ask_nudge(f"cart_{self._run_id}", "10.00", currency, 1))
        if target.experiment:
            yield self._call(shopper.EXPERIMENT, shopper.ask_experiment(target.experiment, f"vis_{self._run_id}"))
        else:
            yield _left_out(shopper.EXPERIMENT, "needs --experiment")
        yield self._call(shopper.CHECK_REFERRAL, shopper.ask_check_referral("check-sumeru"))
        yield from self._storefront_writes(product_id)

    def _storefront_writes(self, product_id: str) -> Iterator[Finding]:
        if not self._write:
            for resource in (catalogue.SUBMIT_REVIEW, shopper.QUIZ, shopper.PIXEL_EVENTS):
                yield _left_out(resource, "needs --write")
            return
        if product_id:
            asked = catalogue.ask_submit_review(
                product_id, 5, TEST_MARK, "check_sumeru", "check_sumeru@example.com", TEST_MARK
            )
            yield self._call(catalogue.SUBMIT_REVIEW, asked)
        else:
            yield _left_out(catalogue.SUBMIT_REVIEW, "no product known: give one with --product")
        if self._target.quiz_id:
            yield self._call(shopper.QUIZ, shopper.ask_quiz(self._target.quiz_id, f"ses_{self._run_id}"))
        else:
            yield _left_out(shopper.QUIZ, "needs --quiz")
        event = {
            "id": f"check_{self._run_id}",
            "type": "check_sumeru.test",
            "occurred_at": datetime.now(UTC),
            "visitor_id": f"vis_{self._run_id}",
            "properties": {"note": TEST_MARK},
        }
        yield self._call(shopper.PIXEL_EVENTS, shopper.ask_pixel([event]))

    def _admin(self) -> Iterator[Finding]:
        if not self._sumeru.account.token:
            for resource in (shopper.REFERRAL, shopper.CLAIM_REFERRAL, *admin.EVERY):
                yield _left_out(resource, "needs the admin token")
            return
        yield self._call(admin.CUSTOMERS, admin.ask_list(limit=5))
        customer = self._last.customers[0] if self._last and self._last.customers else None
        if customer is None:
            for resource in (admin.CUSTOMER, shopper.REFERRAL, shopper.CLAIM_REFERRAL, admin.UPDATE_CUSTOMER):
                yield _left_out(resource, "no customer known")
        else:
            yield self._call(admin.CUSTOMER, admin.ask_one("customer_id", customer.id))
            yield self._call(shopper.REFERRAL, shopper.ask_referral(customer.id))
            if self._write:
                yield self._call(shopper.CLAIM_REFERRAL, shopper.ask_claim_referral(customer.id))
                # The tags it has already: a change that changes nothing.
                same = admin.ask_update_customer(customer.id, {"tags": list(customer.tags)})
                yield self._call(admin.UPDATE_CUSTOMER, same)
            else:
                yield _left_out(shopper.CLAIM_REFERRAL, "needs --write")
                yield _left_out(admin.UPDATE_CUSTOMER, "needs --write")
        yield self._call(
            admin.ORDERS, admin.ask_list(limit=5, include=admin.ORDER_INCLUDES, allowed_includes=admin.ORDER_INCLUDES)
        )
        order = self._last.orders[0] if self._last and self._last.orders else None
        yield (
            self._call(admin.ORDER, admin.ask_one("order_id", order.id))
            if order
            else _left_out(admin.ORDER, "no order known")
        )
        yield self._call(admin.ATTRIBUTION, admin.ask_list(limit=5))
        if self._write and self._target.webhook_url:
            yield self._call(admin.SUBSCRIBE, admin.ask_subscribe(self._target.webhook_url, ("webhook.failed",)))
        else:
            yield _left_out(admin.SUBSCRIBE, "needs --write and --webhook-url")

    def _call(self, resource: Resource[Any], asked: Asked) -> Finding:
        self._last = None
        seen: list[Meta] = []
        outer = self._sumeru.observer

        def watch(observed: Observed) -> None:
            if observed.sent:
                seen.append(observed.meta)
            if outer is not None:
                outer(observed)

        probing = self._sumeru.watched_by(watch)
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
                resource, asked, f"check-{self._run_id}-{resource.name}" if resource.is_write else None
            )
        except SumeruError as error:
            meta = seen[-1] if seen else Meta(resource.name, 0, time.monotonic() - began)
            return Finding(
                **common,
                status=meta.status,
                milliseconds=meta.seconds * 1000,
                error=str(error),
                required_missing=error.path if isinstance(error, Unreadable) else "",
                limit=meta.limit,
                remaining=meta.remaining,
                x_cache=meta.x_cache,
            )
        self._last = answer.value
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
            limit=meta.limit,
            remaining=meta.remaining,
            x_cache=meta.x_cache,
        )


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
