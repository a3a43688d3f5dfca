"""The stand-in Sumeru as the tests speak of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sumeru_proxy.sandbox.catalogue import demo_shops
from sumeru_proxy.sandbox.server import Sandbox, running


class Upstream:
    """A running sandbox and its catalogue."""

    def __init__(self, sandbox: Sandbox, catalogue: dict[str, Any]) -> None:
        self.sandbox = sandbox
        self.catalogue = catalogue
        self.url = sandbox.url

    def account(self, number: int = 0) -> dict[str, str]:
        """What makes a shop of ours speak for the catalogue's shop of this number."""
        shop = demo_shops(self.catalogue)[number]
        return {"domain": shop["domain"], "public_key": shop["public_key"], "token": shop["admin_token"]}

    def product(self) -> str:
        """A product with reviews."""
        return "prd_1"

    def calls(self, endpoint: str | None = None) -> int:
        """How many calls arrived, of one endpoint or all."""
        counts = self.sandbox.application.calls.report()["endpoints"]
        return counts.get(endpoint, 0) if endpoint else sum(counts.values())

    def recent(self) -> list[dict[str, Any]]:
        """The latest calls, oldest first."""
        return list(self.sandbox.application.calls.report(recent=1000).get("recent", []))

    def busiest_minute(self, surface: str = "public_reads") -> int:
        """The most calls of a surface in any 60 seconds."""
        return int(self.sandbox.application.calls.report()["busiest_minute"][surface])

    def fault(self, kind: str, **options: Any) -> None:
        """Make calls go wrong from now on."""
        self.sandbox.faults.add({"kind": kind, **options})

    def heal(self) -> None:
        """No faults any more."""
        self.sandbox.faults.clear()


@contextmanager
def upstream(catalogue: dict[str, Any], **options: Any) -> Iterator[Upstream]:
    """A sandbox with this catalogue, gone afterwards."""
    with running(catalogue, **options) as sandbox:
        yield Upstream(sandbox, catalogue)
