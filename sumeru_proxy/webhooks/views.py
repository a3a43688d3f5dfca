"""``POST /hooks/sumeru/{shop}``: 401 for an invalid signature, 200 for an event that was taken, kept or seen before, 500 when Sumeru
should send it again.

What Sumeru signed is never refused: it is kept, and shown to operators when it cannot be acted upon.
"""

from __future__ import annotations

import json
import logging
import secrets as random_secrets
import time
from collections.abc import Mapping
from threading import Lock
from typing import Any, NamedTuple

from django.db import Error as DatabaseTrouble
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.utils import timezone

from sumeru_proxy import memory, secrets
from sumeru_proxy.models import Credential, Shop
from sumeru_proxy.webhooks import intake, signature

log = logging.getLogger(__name__)

BODY_LIMIT_BYTES = 8 * 1024 * 1024
"""An order with thousands of lines. Sumeru names no limit; what is longer cannot be verified in bounded memory."""
REMEMBERED_S = 1.0
_REPORT_EVERY_S = 60.0


class Known(NamedTuple):
    """A shop as its webhooks need it."""

    id: int
    domains: tuple[str, ...]
    secrets: tuple[str, ...]


class Shops:
    """Shops and their webhook secrets, at most REMEMBERED_S behind the database, so that forgeries cost no queries.

    All keys are read in one query, so that made-up keys cost nothing either; secrets are opened for the shops that are called.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self.forget()
        memory.register(self)

    def forget(self) -> None:
        """The next request reads the database."""
        self._read_at = float("-inf")
        self._by_key: dict[str, Shop] = {}
        self._known: dict[str, Known] = {}

    def known(self, key: str) -> Known | None:
        """The shop with this key, None for a stranger. Raises django.db.Error; at most two queries a second and shop."""
        with self._lock:
            now = time.monotonic()
            if now - self._read_at >= REMEMBERED_S:
                self._by_key = {shop.key: shop for shop in Shop.objects.all()}
                self._known = {}
                self._read_at = now
            shop = self._by_key.get(key)
            if shop is None:
                return None
            if key not in self._known:
                try:
                    opened = tuple(secrets.load_all(shop, Credential.Kind.WEBHOOK_SECRET))
                except secrets.CredentialUnusable as error:
                    log.error("webhooks of shop %s cannot be verified: %s", shop.pk, error)
                    opened = ()
                self._known[key] = Known(shop.pk, shop.known_domains, opened)
            return self._known[key]


shops = Shops()
# Verified against when there is nothing else, so that an unknown shop takes as long as a bad signature.
_NOBODY = (random_secrets.token_hex(32),)


class _Forgeries:
    """Counts refused deliveries and logs them once a minute, so that a flood of them is no flood of log lines."""

    def __init__(self) -> None:
        self.forget()
        memory.register(self)

    def forget(self) -> None:
        """The next refusal is reported at once."""
        self._count = 0
        self._told_at = float("-inf")

    def note(self) -> None:
        self._count += 1
        now = time.monotonic()
        if now - self._told_at >= _REPORT_EVERY_S:
            log.warning("%d webhooks refused: unknown shop or bad signature", self._count)
            self._count, self._told_at = 0, now


_forgeries = _Forgeries()


def _answer(status: int, body: Mapping[str, Any]) -> HttpResponse:
    response = HttpResponse(json.dumps(body, separators=(",", ":")), content_type="application/json", status=status)
    response["Cache-Control"] = "no-store"
    return response


def _problem(
    request: HttpRequest, status: int, code: str, message: str, details: Mapping[str, Any] | None = None
) -> HttpResponse:
    request_id = getattr(request, "request_id", "")
    return _answer(
        status, {"error": {"code": code, "message": message, "details": details or {}, "request_id": request_id}}
    )


def receive(request: HttpRequest, shop: str) -> HttpResponse:
    """Take one event for the shop with this key. Nothing is stored for a stranger, and nothing else happens in the request."""
    if request.method != "POST":
        response = _problem(request, 405, "method_not_allowed", "Webhooks are posted.")
        response["Allow"] = "POST"
        return response
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > BODY_LIMIT_BYTES:
        return _problem(
            request, 413, "payload_too_large", "The request is too large.", {"limit_bytes": BODY_LIMIT_BYTES}
        )
    try:
        # Not ``request.body``, whose limit is that of forms.
        raw = request.read()
    except (UnreadablePostError, OSError):
        return _problem(request, 400, "validation_failed", "The body could not be read.")
    try:
        return _taken(request, shop, raw)
    except DatabaseTrouble as error:
        log.error("webhook not stored: %s", type(error).__name__)
        return _problem(request, 500, "internal_error", "The event could not be stored. Send it again.")


def _taken(request: HttpRequest, key: str, raw: bytes) -> HttpResponse:
    known = shops.known(key)
    try:
        signature.verify(raw, request.headers.get(signature.HEADER), (known.secrets if known else ()) or _NOBODY)
    except signature.BadSignature:
        known = None
    if known is None:
        _forgeries.note()
        return _problem(request, 401, "unauthenticated", "The signature is not valid.")
    try:
        envelope = intake.read_envelope(raw)
    except intake.Malformed as error:
        log.warning("shop %s: a signed webhook is no event, and is kept as it is: %s", known.id, error)
        return _answer(200, {"status": intake.keep_unreadable(known.id, raw, error, timezone.now())})
    state = intake.take(known.id, envelope, timezone.now(), domains=known.domains)
    return _answer(200, {"status": state})
