"""``/docs/client/``: each call of the typed client in Python and in plain HTTP, made from the client's own resources."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from sumeru_proxy.client import resources_admin as admin
from sumeru_proxy.client import resources_catalogue as catalogue
from sumeru_proxy.client import resources_shopper as shopper
from sumeru_proxy.client.resource import ADMIN, Asked, Resource
from sumeru_proxy.client.session import Call
from widgets.docs import python_package
from widgets.http.requests import public_base

HOST = "https://api.sumeru.systems"
_LIMITS = {
    "public_reads": "100 a minute",
    "writes": "20 a minute",
    "pixel": "1,000 events a minute",
    "admin": "by plan",
}


@dataclass(frozen=True, slots=True)
class Example:
    """One call: ``python`` is an expression with ``sumeru`` in it; ``http`` the same as a command line for curl."""

    python: str
    resource: Resource[object]
    asked: Asked

    @property
    def limit(self) -> str:
        """Which of Sumeru's limits counts it."""
        return _LIMITS[self.resource.limit_class]

    def http(self, host: str = HOST) -> str:
        """The command line; the key and the token are read from the environment."""
        found, asked = self.resource, self.asked
        call = Call(host, found.method, found.path, query=asked.query, segments=asked.segments)
        word = '-H "Authorization: Bearer $TOKEN"' if found.limit_class == ADMIN else '-H "X-Public-Key: $PUBLIC_KEY"'
        parts = ["curl -sS", word]
        if found.is_write:
            parts = ["curl -sS -X " + found.method, word, '-H "Idempotency-Key: $(uuidgen)"']
            parts += [
                "-H 'Content-Type: application/json'",
                "-d " + shlex.quote(json.dumps(asked.body, ensure_ascii=False)),
            ]
        return " \\\n  ".join([*parts, shlex.quote(call.url())])


EVENT = {"id": "evt_1", "type": "page_view", "occurred_at": "2026-05-01T10:00:00Z"}
EXAMPLES: tuple[Example, ...] = (
    Example('sumeru.reviews("prd_1", limit=10)', catalogue.REVIEWS, catalogue.ask_reviews("prd_1", limit=10)),
    Example(
        'sumeru.submit_review("prd_1", 5, "Light and strong.", "Nora", "nora@example.com")',
        catalogue.SUBMIT_REVIEW,
        catalogue.ask_submit_review("prd_1", 5, "Light and strong.", "Nora", "nora@example.com"),
    ),
    Example('sumeru.bundles("prd_1")', catalogue.BUNDLES, catalogue.ask_bundles("prd_1")),
    Example(
        'sumeru.upsell(["prd_1"], "49.00", "EUR")', catalogue.UPSELL, catalogue.ask_upsell(["prd_1"], "49.00", "EUR")
    ),
    Example("sumeru.products(limit=24)", catalogue.PRODUCTS, catalogue.ask_products(limit=24)),
    Example('sumeru.referral("cus_1")', shopper.REFERRAL, shopper.ask_referral("cus_1")),
    Example('sumeru.check_referral("NORA10")', shopper.CHECK_REFERRAL, shopper.ask_check_referral("NORA10")),
    Example('sumeru.claim_referral("cus_1")', shopper.CLAIM_REFERRAL, shopper.ask_claim_referral("cus_1")),
    Example('sumeru.quiz("quiz_gift", "session-1")', shopper.QUIZ, shopper.ask_quiz("quiz_gift", "session-1")),
    Example(
        'sumeru.experiment("exp_1", "visitor-1")', shopper.EXPERIMENT, shopper.ask_experiment("exp_1", "visitor-1")
    ),
    Example('sumeru.nudge("cart-1", "49.00", "EUR", 2)', shopper.NUDGE, shopper.ask_nudge("cart-1", "49.00", "EUR", 2)),
    Example(f"sumeru.pixel([{json.dumps(EVENT)}])", shopper.PIXEL_EVENTS, shopper.ask_pixel([EVENT])),
    Example("sumeru.customers(limit=50)", admin.CUSTOMERS, admin.ask_list(limit=50)),
    Example('sumeru.customer("cus_1")', admin.CUSTOMER, admin.ask_one("customer_id", "cus_1")),
    Example(
        'sumeru.update_customer("cus_1", {"tags": ["vip"]})',
        admin.UPDATE_CUSTOMER,
        admin.ask_update_customer("cus_1", {"tags": ["vip"]}),
    ),
    Example("sumeru.orders(limit=50)", admin.ORDERS, admin.ask_list(limit=50)),
    Example('sumeru.order("ord_1")', admin.ORDER, admin.ask_one("order_id", "ord_1")),
    Example("sumeru.attribution(limit=50)", admin.ATTRIBUTION, admin.ask_list(limit=50)),
    Example(
        'sumeru.subscribe("https://widgets.example.com/hooks/sumeru/SHOP", ["*"])',
        admin.SUBSCRIBE,
        admin.ask_subscribe("https://widgets.example.com/hooks/sumeru/SHOP", ["*"]),
    ),
)


def page(request: HttpRequest) -> HttpResponse:
    """``GET /docs/client/``."""
    rows = [{"example": each, "http": each.http()} for each in EXAMPLES]
    context = {"rows": rows, "base": public_base(request), "wheel": python_package.wheel().file}
    return render(request, "docs/client.html", context)
