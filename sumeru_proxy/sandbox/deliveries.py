"""Webhook deliveries: signed, tried again with growing pauses, then laid to the dead letters."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import itertools
import json
import queue
import random
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from sumeru_proxy.sandbox.clock import iso
from sumeru_proxy.sandbox.wire import encode
from sumeru_proxy.sandbox.world import World

Item = dict[str, Any]
RETRIES = 4
TIMEOUT_S = 10.0
# Dead letters in a row after which an endpoint is switched off.
DISABLE_AFTER = 3
SENDERS = 4
KEPT_DELIVERIES = 5_000


def signature(secret: str, raw: bytes) -> str:
    """The value of ``X-Sumeru-Signature`` for these bytes."""
    return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def pause_s(attempt: int, base_s: float, draw: float) -> float:
    """Seconds before attempt ``attempt`` (2 is the first retry): base, 2, 4, 8 times base, each times 0.5 to 1.5."""
    return float(base_s * 2 ** (attempt - 2) * (0.5 + draw))


class Deliveries:
    """Sends events to subscriptions from threads of its own; started by the first delivery."""

    def __init__(self, world: World, retry_base_s: float, seed: int) -> None:
        self.world = world
        self.retry_base_s = retry_base_s
        self._random = random.Random(seed)  # noqa: S311
        self._due: queue.PriorityQueue[tuple[float, int, str]] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._condition = threading.Condition()
        self._pending = {name for name, item in world.deliveries.items() if item["state"] == "pending"}

    def start(self) -> None:
        """Takes up deliveries that an earlier run left unfinished."""
        for delivery in list(self.world.deliveries.values()):
            if delivery["state"] == "pending":
                self._queue(delivery["id"], 0.0)

    def stop(self) -> None:
        """Ends the threads; unfinished deliveries stay pending. May be called twice."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(1)

    def emit(self, event: Item, shop: str, copies: int = 1, tamper: str = "") -> tuple[Item, list[str]]:
        """Queues an event for all active subscriptions of a shop; gives the envelope and the deliveries' ids."""
        world = self.world
        with world.lock:
            envelope = {
                "id": event.get("id") or world.new_id("evt"),
                "type": event["type"],
                "created_at": event.get("created_at") or iso(world.clock.now()),
                "shop_domain": shop,
                "data": event.get("data") or {},
            }
            raw = encode(envelope).decode()
            subscriptions = [
                subscription
                for subscription in world.subscriptions.values()
                if subscription["shop"] == shop
                and subscription["active"]
                and ("*" in subscription["events"] or event["type"] in subscription["events"])
            ]
            ids = [
                self._make(subscription, envelope, raw, tamper) for subscription in subscriptions for _ in range(copies)
            ]
        for delivery_id in ids:
            self._queue(delivery_id, 0.0)
        return envelope, ids

    def _make(self, subscription: Item, envelope: Item, raw: str, tamper: str) -> str:
        delivery = {
            "id": self.world.new_id("dlv"), "subscription_id": subscription["id"], "shop": subscription["shop"],
            "url": subscription["url"], "event_id": envelope["id"], "type": envelope["type"], "raw": raw, "tamper": tamper,
            "state": "pending", "attempts": [],
        }  # fmt: skip
        self._keep(delivery)
        return str(delivery["id"])

    def replay(self, delivery_id: str) -> None:
        """Sends a delivery again from its first attempt. Raises KeyError."""
        with self.world.lock:
            delivery = self.world.deliveries[delivery_id]
            self._keep({**delivery, "state": "pending", "attempts": []})
        self._queue(delivery_id, 0.0)

    def settled(self, timeout_s: float) -> bool:
        """Waits until no delivery is pending; False when the time ran out first."""
        with self._condition:
            return self._condition.wait_for(lambda: not self._has_pending(), timeout_s)

    def _has_pending(self) -> bool:
        with self.world.lock:
            # A reset of the world forgets deliveries without telling.
            self._pending = {name for name in self._pending if name in self.world.deliveries}
            return bool(self._pending)

    def _keep(self, delivery: Item) -> None:
        self.world.commit({"do": "delivery", "delivery": delivery})
        (self._pending.add if delivery["state"] == "pending" else self._pending.discard)(delivery["id"])
        deliveries = self.world.deliveries
        if len(deliveries) > KEPT_DELIVERIES:
            for old in [k for k, v in itertools.islice(deliveries.items(), 100) if v["state"] != "pending"]:
                deliveries.pop(old)

    def _queue(self, delivery_id: str, wait_s: float) -> None:
        with self.world.lock:
            if not self._threads:
                for number in range(SENDERS):
                    thread = threading.Thread(target=self._run, name=f"sandbox-sender-{number}", daemon=True)
                    self._threads.append(thread)
                    thread.start()
        self._due.put((time.monotonic() + wait_s, next(self._numbers), delivery_id))

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                entry = self._due.get(timeout=0.05)
            except queue.Empty:
                continue
            early_s = entry[0] - time.monotonic()
            if early_s > 0:
                # Whoever comes next may be due sooner, so the entry goes back rather than blocking this thread for long.
                self._due.put(entry)
                self._stopping.wait(min(early_s, 0.02))
                continue
            self._attempt(entry[2])
            with self._condition:
                self._condition.notify_all()

    def _attempt(self, delivery_id: str) -> None:
        delivery = self.world.deliveries.get(delivery_id)
        subscription = self.world.subscriptions.get(delivery["subscription_id"]) if delivery else None
        if delivery is None:
            return
        if subscription is None or not subscription["active"]:
            with self.world.lock:
                self._keep({**delivery, "state": "dead"})
            return
        status, error = send(delivery, subscription["secret"])
        attempts = [*delivery["attempts"], {"at": iso(self.world.clock.now()), "status": status, "error": error}]
        if status is not None and 200 <= status < 300:
            with self.world.lock:
                self._keep({**delivery, "attempts": attempts, "state": "delivered"})
                self._count_failure(subscription["id"], lambda failures: 0)
            return
        if len(attempts) <= RETRIES:
            with self.world.lock:
                self._keep({**delivery, "attempts": attempts})
            self._queue(delivery_id, pause_s(len(attempts) + 1, self.retry_base_s, self._random.random()))
            return
        with self.world.lock:
            self._keep({**delivery, "attempts": attempts, "state": "dead"})
            self._count_failure(subscription["id"], lambda failures: failures + 1)
        if delivery["type"] != "webhook.failed":
            data = {
                "subscription_id": subscription["id"],
                "event_id": delivery["event_id"],
                "event_type": delivery["type"],
            }
            self._tell_others(subscription, data)

    def _count_failure(self, subscription_id: str, count: Callable[[int], int]) -> None:
        subscription = self.world.subscriptions.get(subscription_id)
        if subscription is None:
            return
        failures = count(subscription["failures"])
        if failures != subscription["failures"]:
            new_subscription = {
                **subscription,
                "failures": failures,
                "active": subscription["active"] and failures < DISABLE_AFTER,
            }
            self.world.commit({"do": "subscription", "subscription": new_subscription})

    def _tell_others(self, delivery: Item, data: Item) -> None:
        others = any(
            other["id"] != delivery["id"] and other["shop"] == delivery["shop"] and other["active"]
            and {"*", "webhook.failed"} & set(other["events"])
            for other in list(self.world.subscriptions.values())
        )  # fmt: skip
        if others:
            self.emit({"type": "webhook.failed", "data": data}, delivery["shop"])


def send(delivery: Item, secret: str) -> tuple[int | None, str | None]:
    """One attempt over the network: the status, or why there was none. Redirects are not followed. May take 10 s."""
    raw = delivery["raw"].encode("utf-8", "surrogatepass")
    header = signature(secret, raw)
    if delivery["tamper"] == "signature":
        header = signature(secret + "x", raw)
    elif delivery["tamper"] == "body":
        raw = raw.replace(b'"id":', b'"id" :', 1)
    elif delivery["tamper"] == "unsigned":
        header = ""
    headers = {"Content-Type": "application/json", "User-Agent": "sumeru-sandbox", "X-Sumeru-Delivery": delivery["id"]}
    if header:
        headers["X-Sumeru-Signature"] = header
    url = urlsplit(delivery["url"])
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    try:
        with contextlib.closing(kind(url.hostname or "", url.port, timeout=TIMEOUT_S)) as connection:
            connection.request("POST", (url.path or "/") + (f"?{url.query}" if url.query else ""), raw, headers)
            answer = connection.getresponse()
            answer.read(64 * 1024)
            return answer.status, None
    except (OSError, http.client.HTTPException, ValueError) as error:
        return None, type(error).__name__


def report(delivery: Item) -> Item:
    """A delivery as the control API lists it, its envelope parsed."""
    return {**{k: v for k, v in delivery.items() if k != "raw"}, "envelope": json.loads(delivery["raw"])}
