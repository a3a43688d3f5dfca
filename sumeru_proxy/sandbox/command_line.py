"""The sandbox's options and its run in the foreground, shared by ``python -m`` and the management command."""

from __future__ import annotations

import argparse
import errno
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sumeru_proxy.sandbox.catalogue import built_in, demo_shops, load
from sumeru_proxy.sandbox.clock import iso
from sumeru_proxy.sandbox.faults import of_text
from sumeru_proxy.sandbox.server import Sandbox


class CannotStart(Exception):
    """Why the sandbox cannot run; the message says what to change."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8900, help="port; 0 takes any free one (default: %(default)s)")
    parser.add_argument("--catalogue", type=Path, metavar="FILE.json", help="shops to serve (default: made-up ones)")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keeps what happens at run time across restarts")
    parser.add_argument("--fault", action="append", default=[], metavar="ENDPOINT:KIND[,NAME=VALUE...]|JSON")
    parser.add_argument("--no-limits", action="store_true", help="count calls, but never refuse one")
    parser.add_argument("--no-edge", action="store_true", help="no edge cache: every read is a MISS")
    parser.add_argument("--limit", action="append", default=[], metavar="NAME=PER_MINUTE")
    parser.add_argument("--webhook-retry-base-s", "--webhook-retry-base", type=float, default=1.0, metavar="S")
    parser.add_argument("--seed", type=int, default=0, help="of made-up orders, faults' probabilities, retries' jitter")
    parser.add_argument(
        "--orders",
        type=int,
        default=0,
        metavar="N",
        help="made-up orders for the first shop, every odd case among them",
    )
    parser.add_argument(
        "--orders-since", metavar="ISO_TIME", help="when the first is placed (default: so that the last is now)"
    )
    parser.add_argument(
        "--orders-every-s", type=int, default=600, metavar="S", help="seconds between two (default: %(default)s)"
    )
    parser.add_argument(
        "--storefront",
        action="append",
        default=[],
        metavar="[DOMAIN=]URL",
        help="where product links lead, for all shops or one (default: https://DOMAIN)",
    )
    parser.add_argument(
        "--as",
        dest="personality",
        choices=("usual", "strange"),
        default="usual",
        help="how answers look (default: usual)",
    )
    parser.add_argument("--json", action="store_true", help="print the ready line as JSON")


def _limits(options: dict[str, Any]) -> bool | dict[str, int]:
    figures: dict[str, int] = {}
    for text in options["limit"]:
        name, equals, value = text.partition("=")
        if not equals or not value.isdecimal():
            raise CannotStart(f"--limit {text}: expected NAME=PER_MINUTE, for example public_reads_per_ip=100")
        figures[name] = int(value)
    return False if options["no_limits"] else figures or True


def _storefronts(options: dict[str, Any]) -> dict[str, str]:
    urls: dict[str, str] = {}
    for text in options["storefront"]:
        domain, equals, url = text.partition("=")
        urls[domain if equals else "*"] = url if equals else text
    return urls


def _orders(options: dict[str, Any]) -> dict[str, Any]:
    count, every_s, since = options["orders"], options["orders_every_s"], options["orders_since"]
    now = time.time()
    generation = {
        "count": count,
        "every_s": every_s,
        "since": since or iso(now - count * every_s),
        "not_after": iso(now),
    }
    return generation if since is None else {name: value for name, value in generation.items() if name != "not_after"}


def sandbox_of(options: dict[str, Any]) -> Sandbox:
    """A sandbox by parsed options, bound to its port but not started. Raises CannotStart."""
    try:
        catalogue = load(options["catalogue"]) if options["catalogue"] else built_in()
        faults = [of_text(text) for text in options["fault"]]
        return Sandbox(
            catalogue,
            host=options["host"],
            port=options["port"],
            limits=_limits(options),
            edge=not options["no_edge"],
            state=options["state"],
            seed=options["seed"],
            webhook_retry_base_s=options["webhook_retry_base_s"],
            faults=faults,
            storefronts=_storefronts(options),
            orders=_orders(options),
            personality=options["personality"],
        )
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
            why = {errno.EADDRINUSE: "is already in use", errno.EACCES: "may not be used"}.get(
                error.errno, "is not of this machine"
            )
            where = f"{options['host']}:{options['port']}"
            raise CannotStart(f"{where} {why}; choose another with --port (0 takes any free one)") from error
        raise CannotStart(f"{error.filename or ''} {error.strerror}".strip()) from error
    except OverflowError:
        raise CannotStart(f"--port {options['port']}: a port is a number from 0 to 65535") from None
    except ValueError as error:
        raise CannotStart(str(error)) from error


def run(options: dict[str, Any], say: Callable[[str], object]) -> None:
    """Runs until SIGTERM, SIGINT or ``POST /_sandbox/stop``. ``say`` prints the ready line. Raises CannotStart."""
    sandbox = sandbox_of(options)

    def stop(signal_number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        sandbox.start()
        if options["json"]:
            shops = demo_shops(sandbox.world.catalogue)
            say(json.dumps({"url": sandbox.url, "port": sandbox.port, "shops": shops}))
        else:
            say(f"sandbox ready at {sandbox.url}")
        # Without a time limit the wait could not be interrupted by a signal on every platform.
        while not sandbox.wait(3600):
            pass
    except KeyboardInterrupt:
        pass
    finally:
        sandbox.stop()
