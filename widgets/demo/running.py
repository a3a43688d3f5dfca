"""One run of the demo: prepare, start four servers, say where they are, watch them, end them."""

from __future__ import annotations

import json
import os
import signal
import threading
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from widgets.demo import addresses as ports
from widgets.demo import folder as folders
from widgets.demo import ordering
from widgets.demo.addresses import Addresses
from widgets.demo.children import POLL_S, Child, Children, Failed, Interrupted
from widgets.demo.ordering import Ordering

PREPARE_LIMIT_S = 120.0
READY_LIMIT_S = 40.0
_MEANWHILE = {
    "sandbox": "pages go on with the copies that are kept",
    "ERP": "orders for it wait, and go on by themselves when it is back",
}
Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asked for. ``catalogue`` is a file for the sandbox, None for its own.

    ``origins`` are other storefronts that may show the first shop's widgets. ``targets`` are of ``ordering.CHOICES``. ``debug`` is for
    those who change templates and styles.
    """

    addresses: Addresses
    folder: Path
    catalogue: Path | None = None
    browser: bool = True
    worker: bool = False
    origins: tuple[str, ...] = ()
    debug: bool = False
    targets: tuple[str, ...] = (ordering.NOTHING,)
    erp_port: int = 8003


class Demo:
    """``run()`` once. ``announce`` gets the facts when all is ready; ``say`` gets everything else, line by line.

    Must run in the main thread: SIGINT and SIGTERM end it, SIGUSR1 starts an ended sandbox again.
    """

    def __init__(
        self, wishes: Wishes, outer: Mapping[str, str], announce: Callable[[dict[str, Any]], object], say: Say
    ) -> None:
        self.wishes, self.announce, self.say = wishes, announce, say
        self._outer = outer
        self._orders = Ordering(wishes.targets, wishes.addresses, wishes.folder, wishes.catalogue, wishes.erp_port)
        self._stop = threading.Event()
        self._again = threading.Event()

    def run(self) -> int:
        """The exit code: 0 when it was asked to stop, 1 when it could not start or a process that it needs ended."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self._stop.set())
        signal.signal(signal.SIGUSR1, lambda *_: self._again.set())
        try:
            ports.check_free(self.wishes.addresses)
            lock = folders.take(self.wishes.folder)
        except (ports.PortProblem, folders.FolderProblem) as problem:
            self.say(str(problem))
            return 1
        with lock:
            environment = folders.environment(
                self.wishes.folder, self.wishes.addresses, self._outer, debug=self.wishes.debug
            )
            environment |= self._orders.environment
            children = Children(self.wishes.folder / "logs", environment, self._stop.is_set)
            try:
                self._start(children)
                self._watch(children)
            except Interrupted:
                self.say("Stopping.")
            except Failed as failure:
                self.say(str(failure))
                return 1
            finally:
                children.stop()
        return 0

    def _start(self, children: Children) -> None:
        where, folder = self.wishes.addresses, self.wishes.folder
        password = folders.kept_password(folder)
        self.say("Preparing the database, the static files and a made-up shop …")
        erp = self._orders.start_erp(children, self.say)
        sandbox = self._start_sandbox(children)
        file = ["--catalogue", str(self.wishes.catalogue)] if self.wishes.catalogue else []
        command = ["-m", "widgets.demo.prepare", "--sandbox", where.sandbox, "--storefront", where.storefront, *file]
        for origin in self.wishes.origins:
            command += ["--origin", origin]
        customer_secret = folders.kept_secret(folder, "customer_secret", 48)
        secret = {"DEMO_ADMIN_PASSWORD": password, "DEMO_CUSTOMER_SECRET": customer_secret}
        preparation = children.start("preparation", command, secret=secret, piped=True)
        children.ready(sandbox, f"{where.sandbox}/_sandbox", READY_LIMIT_S)
        facts = json.loads(children.finish(preparation, PREPARE_LIMIT_S))
        server = children.start("widget server", _granian("widgets.wsgi:application", where.widgets_port))
        scripts = [name for name in ("pixel", "share") if (folders.ROOT / "static" / "embed" / f"{name}.js").exists()]
        environment = {
            "STOREFRONT_WIDGETS": where.widgets,
            "STOREFRONT_SANDBOX": where.sandbox,
            "STOREFRONT_SHOP": facts["shop"],
            "STOREFRONT_CATALOGUE": str(self.wishes.catalogue or ""),
            "STOREFRONT_SCRIPTS": ",".join(scripts),
            "STOREFRONT_CUSTOMER_SECRET": customer_secret,
            "STOREFRONT_COOKIE_KEY": folders.kept_secret(folder, "cookie_key", 48),
        }
        command = [*_granian("widgets.demo.storefront:application", where.storefront_port), "--factory"]
        storefront = children.start("storefront", command, secret=environment)
        workers = [children.start("worker", ["manage.py", "work"])] if self.wishes.worker else []
        children.ready(server, f"{where.widgets}/readyz", READY_LIMIT_S)
        children.ready(storefront, f"{where.storefront}/healthz", READY_LIMIT_S)
        workers += self._orders.start(children, facts["shop"], erp)
        for child in (storefront, server, sandbox, *workers):
            self.say(f"{child.name}: pid {child.pid}, log {child.log}")
        self.say(f"To see an outage of Sumeru: kill {sandbox.pid}")
        if erp is not None:
            self.say(f"To see an outage of the ERP: kill {erp.pid}")
        self.announce(
            {
                "storefront": f"{where.storefront}/",
                "widgets": f"{where.widgets}/",
                "sandbox": f"{where.sandbox}/",
                "admin": f"{where.widgets}/admin/",
                "admin_user": "admin",
                "admin_password": password,
                "shop": facts["shop"],
                "product": facts["product"],
                **self._orders.facts(f"{where.widgets}/admin/", facts["shop_number"]),
            }
        )
        if self.wishes.browser:
            webbrowser.open(f"{where.storefront}/")

    def _start_sandbox(self, children: Children) -> Child:
        where = self.wishes.addresses
        command = ["-m", "sumeru_proxy.sandbox", "--port", str(where.sandbox_port), "--storefront", where.storefront]
        command += ["--state", str(self.wishes.folder / "sandbox.journal")]
        if self.wishes.catalogue:
            command += ["--catalogue", str(self.wishes.catalogue)]
        return children.start("sandbox", command, required=False)

    def _watch(self, children: Children) -> None:
        """Until a needed process ends (raises Failed) or the demo is asked to stop (raises Interrupted)."""
        while not self._stop.wait(POLL_S):
            for child in children.ended():
                if child.required:
                    raise Failed(child.report())
                self.say(
                    f"The {child.name} (pid {child.pid}) has ended; {_MEANWHILE.get(child.name, 'the rest goes on')}."
                )
                if child.name in _MEANWHILE:
                    self.say(f"To start it again: kill -USR1 {os.getpid()}")
            if self._again.is_set():
                self._again.clear()
                if not any(child.name == "sandbox" for child in children.running):
                    sandbox = self._start_sandbox(children)
                    self.say(f"The sandbox is started again: pid {sandbox.pid}")
                if not any(child.name == "ERP" for child in children.running):
                    erp = self._orders.start_erp(children, self.say)
                    if erp is not None:
                        self.say(f"The ERP is started again: pid {erp.pid}")
        raise Interrupted


def _granian(application: str, port: int) -> list[str]:
    from django.conf import settings  # the demo's environment is made before they are read

    return [
        "-m", "granian", application, "--interface", "wsgi", "--http", "1", "--no-ws", "--host", ports.HOST, "--port", str(port),
        "--workers", "1", "--blocking-threads", str(settings.WEB_THREADS), "--log-level", "warning", "--workers-kill-timeout", "1",
    ]  # fmt: skip
