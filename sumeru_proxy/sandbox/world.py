"""Everything the sandbox knows: the catalogue's shops and what has happened since, kept in a journal when asked.

Every change is an *operation*, a JSON object, applied by ``World.commit``. With a journal the operations of one call
are one line of a file, written and flushed to disk before they take effect; a line torn by a crash is ignored at the next
start, so a call has happened completely or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any

from sumeru_proxy.sandbox.clock import Clock
from sumeru_proxy.sandbox.shop_data import ShopData

Item = dict[str, Any]
IDEMPOTENCY_LIFETIME_S = 24 * 3600
HABITS = {"comparison_filters": "honoured", "sort": "honoured", "bulk_cost": "call"}
"""What the documentation leaves open. Abilities of the admin API's lists: ``honoured``, ``ignored``, or (filters) ``refused``; what a
public read of many ids costs: one per ``call``, or one per ``item``.
"""


class World:
    """Shops by domain, plus the state of this run. ``lock`` is held around everything that changes it."""

    def __init__(
        self,
        catalogue: Item,
        base_url: str,
        clock: Clock,
        journal: Path | None = None,
        storefronts: dict[str, str] | None = None,
        first_operations: tuple[Item, ...] = (),
    ) -> None:
        self.catalogue = catalogue
        self.base_url = base_url
        self.clock = clock
        self.lock = threading.RLock()
        self.storefronts = storefronts or {}
        self.first_operations = first_operations
        """What belongs to the catalogue rather than to what happened since; done again after a reset."""
        self._journal_path = journal
        self._journal_file: int | None = None
        self._clear()
        if journal is not None:
            self._open_journal(journal)

    def _clear(self) -> None:
        self.shops: dict[str, ShopData] = {}
        for shop in self.catalogue["shops"]:
            domain = shop["domain"]
            storefront = self.storefronts.get(domain) or self.storefronts.get("*") or f"https://{domain}"
            self.shops[domain] = ShopData(shop, self.base_url, storefront.rstrip("/"))
        self.subscriptions: dict[str, Item] = {}
        self.deliveries: dict[str, Item] = {}
        self.answers: dict[str, Item] = {}
        self.writes: dict[str, dict[str, Item]] = {
            "reviews": {},
            "quizzes": {},
            "referrals": {},
            "pixel": {},
            "admin": {},
        }
        self.habits = dict(HABITS)
        """What an account may do otherwise; changed by the control API."""
        self._serial = 0
        self._index()
        for operation in self.first_operations:
            self._apply(operation)

    def _index(self) -> None:
        self.by_public_key = {shop.public_key: shop for shop in self.shops.values()}
        self.by_token = {token: shop for shop in self.shops.values() for token in shop.tokens}

    def reset(self) -> None:
        """Back to the catalogue: everything that happened is forgotten, in the journal too."""
        with self.lock:
            self._clear()
            if self._journal_path is not None:
                self.close()
                self._journal_path.unlink(missing_ok=True)
                self._open_journal(self._journal_path)

    def close(self) -> None:
        """Closes the journal. May be called twice."""
        with self.lock:
            if self._journal_file is not None:
                os.close(self._journal_file)
                self._journal_file = None

    def new_id(self, prefix: str) -> str:
        """A fresh id such as ``rev_s0000000001``; never one of the catalogue's, never one given out before."""
        with self.lock:
            self._serial += 1
            return f"{prefix}_s{self._serial:010d}"

    def shop(self, domain: str | None) -> ShopData:
        """A shop by its domain; the catalogue's first when none is named. Raises KeyError."""
        return self.shops[domain] if domain else next(iter(self.shops.values()))

    def commit(self, *operations: Item) -> None:
        """Makes the operations happen, together. Raises OSError if the journal cannot be written; then none did."""
        with self.lock:
            if self._journal_file is not None:
                line = json.dumps({"serial": self._serial, "operations": operations}, separators=(",", ":")) + "\n"
                os.write(self._journal_file, line.encode())
                os.fsync(self._journal_file)
            for operation in operations:
                self._apply(operation)

    def _open_journal(self, path: Path) -> None:
        whole = 0
        if path.exists():
            for line in path.read_bytes().splitlines(keepends=True):
                try:
                    entry = json.loads(line)
                except ValueError:
                    break
                if not line.endswith(b"\n"):
                    break
                try:
                    for operation in entry["operations"]:
                        self._apply(operation)
                except (KeyError, TypeError, AttributeError):
                    raise ValueError(
                        f"{path}: this state belongs to another catalogue; choose another --state"
                    ) from None
                self._serial = max(self._serial, int(entry["serial"]))
                whole += len(line)
            with path.open("r+b") as journal:
                journal.truncate(whole)
        self._journal_file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def _apply(self, operation: Item) -> None:
        getattr(self, f"_do_{operation['do']}")(operation)

    def _do_review(self, operation: Item) -> None:
        self.shops[operation["shop"]].put_review(operation["review"])

    def _do_review_dropped(self, operation: Item) -> None:
        self.shops[operation["shop"]].drop_review(operation["id"])

    def _do_product(self, operation: Item) -> None:
        self.shops[operation["shop"]].put_product(operation["product"])

    def _do_customer(self, operation: Item) -> None:
        self.shops[operation["shop"]].customers[operation["customer"]["id"]] = operation["customer"]

    def _do_order(self, operation: Item) -> None:
        self.shops[operation["shop"]].orders[operation["order"]["id"]] = operation["order"]

    def _do_orders_generated(self, operation: Item) -> None:
        self.shop(operation["shop"]).generate_orders(**operation["options"])

    def _do_customers(self, operation: Item) -> None:
        shop = self.shops[operation["shop"]]
        shop.customers.update({customer["id"]: customer for customer in operation["customers"]})
        shop.generated = max(shop.generated, operation["generated"])

    def _do_shop(self, operation: Item) -> None:
        shop = self.shops[operation["shop"]]
        if "origins" in operation:
            shop.origins = set(operation["origins"])
        if "auto_publish" in operation:
            shop.auto_publish = operation["auto_publish"]
        if "token" in operation:
            shop.tokens[operation["token"]["token"]] = operation["token"]
        if "token_dropped" in operation:
            shop.tokens = {
                text: token for text, token in shop.tokens.items() if token["id"] != operation["token_dropped"]
            }
        self._index()

    def _do_referral(self, operation: Item) -> None:
        self.shops[operation["shop"]].claim_referral(operation["customer_id"])

    def _do_assignment(self, operation: Item) -> None:
        self.shops[operation["shop"]].assignments.setdefault(operation["key"], operation["at"])

    def _do_subscription(self, operation: Item) -> None:
        self.subscriptions[operation["subscription"]["id"]] = operation["subscription"]

    def _do_subscription_dropped(self, operation: Item) -> None:
        self.subscriptions.pop(operation["id"], None)

    def _do_delivery(self, operation: Item) -> None:
        self.deliveries[operation["delivery"]["id"]] = operation["delivery"]

    def _do_answer(self, operation: Item) -> None:
        self.answers[operation["key"]] = operation["answer"]

    def _do_write(self, operation: Item) -> None:
        entry = self.writes[operation["kind"]].get(operation["key"])
        if entry is None:
            entry = {**operation["entry"], "applied": 0, "received": 0}
            self.writes[operation["kind"]][operation["key"]] = entry
        entry["applied"] += operation["applied"]
        entry["received"] += 1

    def _do_writes_forgotten(self, operation: Item) -> None:
        for entries in self.writes.values():
            entries.clear()


def fingerprint(value: Any) -> str:
    """A short digest of a JSON value, the same for the same content."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
