"""How much one client network may read: counted by what it costs us and Sumeru, and shared by all processes.

A request costs 1, more for each call to Sumeru that it causes, for long rendering and for large answers. Each process counts for itself;
who spends much is also counted in the store that all processes share, so that more processes do not mean more for one client. A
storefront's own server proves itself with the shop's server key and has a share of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Final

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest

from sumeru_proxy import limit_stores, memory, secrets
from sumeru_proxy.client.fairness import SERVER
from sumeru_proxy.client.limiter import State, StoreBusy, StoreUnavailable
from sumeru_proxy.memory import Memory
from sumeru_proxy.models import Credential, Shop
from widgets.http import networks, responses, throttles

log = logging.getLogger(__name__)

HEADER: Final = "sumeru-server-key"
COST_OF_CALL: Final = 4
"""A call to Sumeru is what the address has least of."""
MS_PER_COST: Final = 20
BYTES_PER_COST: Final = 65_536
SHARED_FROM: Final = 20
"""What a network spent in this process is told to the others in portions of this size: who reads little costs no other store."""
LOG_EVERY_S: Final = 60.0
_NAMES_LIMIT: Final = 20_000
_WINDOW_S: Final = 60.0


def cost_of(calls: int, cpu_s: float, size_bytes: int) -> int:
    """What an answer cost: 1 for a small one that was made of copies. Pure."""
    return 1 + COST_OF_CALL * calls + int(cpu_s * 1_000) // MS_PER_COST + size_bytes // BYTES_PER_COST


class SharedCosts:
    """What clients of this process spent and others have not been told. Bounded; thread-safe."""

    def __init__(self) -> None:
        self._untold: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()
        memory.register(self)

    def forget(self) -> None:
        """Drop what was not told."""
        with self._lock:
            self._untold.clear()

    def charge(self, name: str, cost: int, per_minute: int) -> None:
        """Count what an answer cost, of which 1 was counted when it was asked for. May ask the shared store; never raises."""
        if cost > 1:
            throttles.reads.charge(name, cost - 1, per_minute)
        with self._lock:
            untold = self._untold.pop(name, 0.0) + cost
            if untold < SHARED_FROM:
                self._untold[name] = untold
            while len(self._untold) > _NAMES_LIMIT:
                self._untold.popitem(last=False)
        if untold >= SHARED_FROM:
            self._tell(name, untold, per_minute)

    @staticmethod
    def _tell(name: str, cost: float, per_minute: int) -> None:
        key = f"brake:reads:{hashlib.blake2s(name.encode(), digest_size=12).hexdigest()}"
        now = time.time()

        def decide(states: Mapping[str, State]) -> tuple[Mapping[str, State], float]:
            owed_s = min(throttles.owed(states[key], now) + cost * _WINDOW_S / per_minute, 2 * _WINDOW_S)
            return {key: {"tat": now, "owed_s": owed_s}}, owed_s

        try:
            with limit_stores.impatient():
                throttles.reads.fill(name, limit_stores.shared().change([key], decide))
        except (StoreUnavailable, StoreBusy):
            log.info("reads are counted in this process alone: the shared store is away")


costs = SharedCosts()
_keys: Memory[int, tuple[str, ...]] = Memory(2_000, 1.0)
_said: Memory[str, bool] = Memory(1_000, LOG_EVERY_S)


def proves_server(request: HttpRequest, shop_id: int) -> bool:
    """Whether the request carries one of the shop's server keys. Raises nothing: a wrong one counts as none."""
    given = request.headers.get(HEADER, "")[:200]
    return bool(given) and any(hmac.compare_digest(given.encode(), each.encode()) for each in _keys_of(shop_id))


def _keys_of(shop_id: int) -> tuple[str, ...]:
    if entry := _keys.fresh(shop_id):
        return entry.value
    try:
        found = tuple(secrets.load_all(Shop(pk=shop_id), Credential.Kind.SERVER_KEY))
    except DatabaseError:
        last = _keys.last(shop_id)
        found = last.value if last else ()
    except secrets.CredentialUnusable as error:
        log.error("shop %s: %s", shop_id, error)
        found = ()
    _keys.set(shop_id, found)
    return found


def payer(request: HttpRequest, shop_id: int | None) -> tuple[str, str, int]:
    """Who pays for a read: the name of the account, the network in whose name Sumeru is asked, and what is free a minute."""
    if shop_id is not None and proves_server(request, shop_id):
        return f"{SERVER}:{shop_id}", SERVER, settings.SERVER_READS_PER_MINUTE
    network = networks.client_network(request.META)
    return network, network, settings.CLIENT_READS_PER_MINUTE


def refusal(request: HttpRequest, name: str, wait_s: float) -> responses.Problem:
    """429, which says what to do where a storefront's own server asks; noted in the log once a minute."""
    problem = responses.limited(wait_s)
    server = looks_like_a_server(request)
    reason = "server_share" if name.startswith(f"{SERVER}:") else "server_without_key" if server else "client_network"
    if not _said.fresh(reason):
        _said.set(reason, True)
        log.warning("reads refused: %s (%s); more of these are not noted for a minute", reason, _ADVICE[reason])
    if reason == "server_without_key":
        problem.message = f"Too many requests. {_ADVICE[reason]}"
    problem.details = {**problem.details, "reason": reason}
    return problem


_ADVICE: Final = {
    "client_network": "one client network reads more than CLIENT_READS_PER_MINUTE",
    "server_share": "a storefront's server reads more than SERVER_READS_PER_MINUTE",
    "server_without_key": "A storefront's own server sends the shop's server key in the header Sumeru-Server-Key (SUMERU_SERVER_KEY).",
}


def looks_like_a_server(request: HttpRequest) -> bool:
    """Whether no browser asks: browsers of today say where a request comes from, and none prefers ``respond-async``."""
    return "respond-async" in request.headers.get("prefer", "") or not (
        request.headers.get("sec-fetch-mode") or request.headers.get("origin") or request.headers.get("referer")
    )
