"""The demo's part about orders: accounting files always, an ERP when it is asked for, and orders that arrive in both."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from widgets.demo import addresses as ports
from widgets.demo import folder as folders
from widgets.demo import order_targets
from widgets.demo.addresses import Addresses
from widgets.demo.children import Child, Children, Failed

FILES: Final = "files"
ERP: Final = "erp"
ATTRIBUTION: Final = "attribution"
NOTHING: Final = "nothing"
CHOICES: Final = (FILES, ERP, ATTRIBUTION, NOTHING)
CONSUMERS: Final = "sumeru_proxy.consumers.order_sync,sumeru_proxy.consumers.attribution"
ERP_LIMIT_S: Final = 900.0
TARGETS_LIMIT_S: Final = 120.0
_PACKAGES: Final = "PIP_"


@dataclass(frozen=True, slots=True)
class Ordering:
    """``choices`` are of CHOICES. ``start_erp`` before the servers, since it takes longest; ``start`` when they answer."""

    choices: tuple[str, ...]
    addresses: Addresses
    folder: Path
    catalogue: Path | None
    erp_port: int

    @property
    def on(self) -> bool:
        """Whether orders arrive at all."""
        return NOTHING not in self.choices

    @property
    def with_erp(self) -> bool:
        """Whether an ERP was asked for."""
        return self.on and ERP in self.choices

    @property
    def with_attribution(self) -> bool:
        """Whether attribution was asked for, which is off otherwise."""
        return self.on and ATTRIBUTION in self.choices

    @property
    def environment(self) -> dict[str, str]:
        """What the processes need to know beyond their own environment."""
        return {"SUMERU_CONSUMERS": CONSUMERS} if self.with_attribution else {}

    @property
    def erp(self) -> str:
        """Where the ERP answers."""
        return f"http://{ports.HOST}:{self.erp_port}"

    def start_erp(self, children: Children, say: Callable[[str], object]) -> Child | None:
        """Start Tryton; its first start installs it into the demo's folder and makes a database. Raises Failed."""
        if not self.with_erp:
            return None
        home = self.folder / "erp"
        plan = home / "plan.json"
        try:
            order_targets.write_plan(plan, self.catalogue)
        except (OSError, ValueError) as error:
            raise Failed(str(error)) from None
        if not (home / "erp.sqlite").exists():
            say("Installing Tryton into the demo’s folder and making its database: some minutes, once …")
        command = ["manage.py", "order_sync", "erp", str(home), "--port", str(self.erp_port), "--plan", str(plan)]
        packages = {name: value for name, value in os.environ.items() if name.startswith(_PACKAGES)}
        return children.start("ERP", command, required=False, secret={**packages, "ORDER_SYNC_ERP_KEY": self._key()})

    def start(self, children: Children, shop: str, erp: Child | None) -> list[Child]:
        """Give the shop its targets and let orders arrive. Raises Failed, Interrupted."""
        if not self.on:
            return []
        command = ["-m", "widgets.demo.order_targets", "--shop", shop, "--books", str(self.folder / "books")]
        command += ["--hook", f"{self.addresses.widgets}/hooks/sumeru/{shop}"]
        secret = {}
        if erp is not None:
            children.listening(erp, self.erp_port, ERP_LIMIT_S)
            command += ["--erp", self.erp]
            secret["DEMO_ERP_KEY"] = self._key()
        children.finish(children.start("order targets", command, secret=secret, piped=True), TARGETS_LIMIT_S)
        if self.with_attribution:
            journeys = children.start("journeys", ["manage.py", "attribution", "seed", shop], piped=True)
            children.finish(journeys, TARGETS_LIMIT_S)
        life = ["-m", "widgets.demo.order_life", "--sandbox", self.addresses.sandbox]
        children_of_orders = [children.start("orders", life, required=False)]
        return children_of_orders if erp is None else [*children_of_orders, erp]

    def facts(self, admin: str, shop_number: int) -> dict[str, Any]:
        """What is announced."""
        if not self.on:
            return {}
        facts = {
            "orders": f"{admin}sumeru_proxy/shop/{shop_number}/consumers/order_sync/orders/",
            "books": str(self.folder / "books"),
        }
        if self.with_attribution:
            facts["attribution"] = f"{admin}sumeru_proxy/shop/{shop_number}/consumers/attribution/report/"
        if self.with_erp:
            password = hashlib.sha256(self._key().encode()).hexdigest()
            facts |= {"erp": self.erp, "erp_database": order_targets.DATABASE, "erp_password": password}
        return facts

    def _key(self) -> str:
        return folders.kept_secret(self.folder, "erp_key", 40)
