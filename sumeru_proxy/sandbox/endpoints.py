"""The table of Sumeru's endpoints: method and path to a name, a surface (whose limits it counts in) and a scope."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``surface`` is public_reads, writes, pixel or admin; ``scope`` is what an admin token needs.

    ``lifetime_s``: how many seconds the edge keeps a finished answer, from the upstream's caching table; 0: not at all.
    """

    name: str
    surface: str
    scope: str = ""
    lifetime_s: int = 0

    @property
    def public(self) -> bool:
        """True when a public key or an allow-listed origin reaches it."""
        return self.surface != "admin"


_PUBLIC: dict[tuple[str, str], Endpoint] = {
    ("GET", "/api/public/reviews"): Endpoint("reviews", "public_reads", lifetime_s=60),
    ("POST", "/api/public/reviews"): Endpoint("reviews-submit", "writes"),
    ("GET", "/api/public/referral"): Endpoint("referral", "public_reads"),
    ("POST", "/api/public/referral"): Endpoint("referral-claim", "writes"),
    ("GET", "/api/public/bundles"): Endpoint("bundles", "public_reads", lifetime_s=300),
    ("GET", "/api/public/upsell"): Endpoint("upsell", "public_reads", lifetime_s=60),
    ("POST", "/api/public/quiz"): Endpoint("quiz", "writes"),
    # An experiment's answer is immutable for the session.
    ("GET", "/api/public/ab-experiment"): Endpoint("ab-experiment", "public_reads", lifetime_s=86_400),
    ("GET", "/api/public/product-feed"): Endpoint("product-feed", "public_reads", lifetime_s=300),
    ("GET", "/api/public/cart-nudge"): Endpoint("cart-nudge", "public_reads", lifetime_s=60),
    ("POST", "/api/public/pixel"): Endpoint("pixel", "pixel"),
}
# The operation page and the guide disagree about this path; both are served.
_PUBLIC[("GET", "/api/referral/public")] = _PUBLIC[("GET", "/api/public/referral")]
_PUBLIC[("POST", "/api/referral/public")] = _PUBLIC[("POST", "/api/public/referral")]

# Keys are (method, collection, how many segments follow it, the last of them when it is a verb).
_ADMIN: dict[tuple[str, str, int, str], Endpoint] = {
    ("GET", "customers", 0, ""): Endpoint("customers", "admin", "customers:read"),
    ("GET", "customers", 1, ""): Endpoint("customer", "admin", "customers:read"),
    ("PATCH", "customers", 1, ""): Endpoint("customer-update", "admin", "customers:write"),
    ("GET", "orders", 0, ""): Endpoint("orders", "admin", "orders:read"),
    ("GET", "orders", 1, ""): Endpoint("order", "admin", "orders:read"),
    ("GET", "attribution", 0, ""): Endpoint("attribution", "admin", "attribution:read"),
    ("GET", "webhook-subscriptions", 0, ""): Endpoint("webhook-subscriptions", "admin", "webhooks:read"),
    ("POST", "webhook-subscriptions", 0, ""): Endpoint("webhook-subscribe", "admin", "webhooks:write"),
    ("DELETE", "webhook-subscriptions", 1, ""): Endpoint("webhook-unsubscribe", "admin", "webhooks:write"),
    ("POST", "webhook-subscriptions", 2, "rotate"): Endpoint("webhook-rotate", "admin", "webhooks:write"),
    ("GET", "api-keys", 0, ""): Endpoint("api-keys", "admin", "api_keys:read"),
    ("POST", "api-keys", 0, ""): Endpoint("api-key-create", "admin", "api_keys:write"),
    ("DELETE", "api-keys", 1, ""): Endpoint("api-key-revoke", "admin", "api_keys:write"),
}

ALL_SCOPES = sorted({endpoint.scope for endpoint in _ADMIN.values()})
ENDPOINT_NAMES = sorted({endpoint.name for endpoint in (*_PUBLIC.values(), *_ADMIN.values())})


def find(method: str, path: str) -> tuple[Endpoint | None, str, bool]:
    """The endpoint, the id in its path (or empty), and whether the path is known with another method."""
    if method == "HEAD":
        method = "GET"
    path = path.rstrip("/")
    endpoint = _PUBLIC.get((method, path))
    if endpoint is not None:
        return endpoint, "", False
    if path.startswith("/api/v1/"):
        collection, *rest = path.removeprefix("/api/v1/").split("/")
        verb = rest[1] if len(rest) == 2 else ""
        admin = _ADMIN.get((method, collection, len(rest), verb))
        has_other_method = any(key[1:] == (collection, len(rest), verb) for key in _ADMIN)
        return admin, rest[0] if rest else "", has_other_method
    return None, "", any(key[1] == path for key in _PUBLIC)
