"""A running sandbox: ``running(catalogue)`` in a test, ``Sandbox`` where start and stop are somebody else's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sumeru_proxy.sandbox.application import Application
from sumeru_proxy.sandbox.catalogue import small_catalogue
from sumeru_proxy.sandbox.clock import Clock
from sumeru_proxy.sandbox.control import Control
from sumeru_proxy.sandbox.deliveries import Deliveries
from sumeru_proxy.sandbox.edge import Edge
from sumeru_proxy.sandbox.faults import Faults
from sumeru_proxy.sandbox.limits import Limits
from sumeru_proxy.sandbox.order_control import generation
from sumeru_proxy.sandbox.strange import Strange
from sumeru_proxy.sandbox.wire import Answer, Request, WireServer
from sumeru_proxy.sandbox.world import World

__all__ = ["Sandbox", "running", "small_catalogue"]


class Sandbox:
    """One stand-in Sumeru. ``url`` is its base without a trailing slash; ``control`` is the control API in-process.

    ``orders``: so many made-up ones for the first shop (``orders.generator``), or an object with ``count`` and more of the options of
    ``POST /_sandbox/orders/generate``. ``personality``: ``strange`` for another reading of the documentation (``strange``).
    Raises OSError when the port cannot be bound, ValueError for an unknown limit or a wrong fault.
    """

    def __init__(
        self,
        catalogue: dict[str, Any],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: bool | Mapping[str, int] = True,
        edge: bool = True,
        state: Path | None = None,
        seed: int = 0,
        webhook_retry_base_s: float = 1.0,
        faults: Iterable[dict[str, Any]] = (),
        storefronts: Mapping[str, str] | None = None,
        orders: int | Mapping[str, Any] = 0,
        personality: str = "",
    ) -> None:
        self.clock = Clock()
        figures = dict(limits) if isinstance(limits, Mapping) else {}
        self.limits = Limits(figures, on=limits is not False)
        self.edge = Edge(edge)
        self.faults = Faults(seed)
        for fault in faults:
            self.faults.add(fault)
        self._stopped = threading.Event()
        # The port must be known before the world: pictures' addresses hold it.
        self._wire = WireServer(host, port, lambda request: self.answer(request))
        self.port = self._wire.port
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        try:
            order_options = {"seed": seed, **(orders if isinstance(orders, Mapping) else {"count": orders})}
            first = (generation(order_options, 1),) if order_options["count"] else ()
            self.world = World(catalogue, self.url, self.clock, state, dict(storefronts or {}), first)
        except BaseException:
            self._wire.stop()
            raise
        self.application = Application(self.world, self.clock, self.limits, self.edge, self.faults)
        self.application.wait = self._wire.stopping.wait
        self.strange = Strange(self.application) if personality == "strange" else None
        self.answer: Callable[[Request], Answer] = self.strange or self.application
        self.deliveries = Deliveries(self.world, webhook_retry_base_s, seed)
        self.control = Control(self.application, self.deliveries, self.stop, self._stopped)
        self.application.control = self.control

    def start(self) -> None:
        """Answers calls from now on."""
        self._wire.start()
        self.deliveries.start()

    def stop(self) -> None:
        """Ends everything, open connections too. May be called twice and from any thread."""
        self._wire.stop()
        self.deliveries.stop()
        self.world.close()
        self._stopped.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Blocks until the sandbox has been stopped; False when the time ran out first."""
        return self._stopped.wait(timeout_s)

    def calls(self, recent: int = 0) -> dict[str, Any]:
        """The counts of ``GET /_sandbox/calls``."""
        return self.application.calls.report(recent)


@contextmanager
def running(catalogue: dict[str, Any] | None = None, **options: Any) -> Iterator[Sandbox]:
    """A started sandbox for a ``with`` block, on a free port; ``small_catalogue()`` unless one is given.

    Options are those of ``Sandbox``. The catalogue is not changed, so one may serve many sandboxes at a time.
    """
    sandbox = Sandbox(small_catalogue() if catalogue is None else catalogue, **options)
    sandbox.start()
    try:
        yield sandbox
    finally:
        sandbox.stop()
