"""``python -m tests.bench NAME [--quick] [--json]``: runs one bench (``--help`` names them) and prints its table."""

from __future__ import annotations

import argparse
import json
import signal
import sys

from tests.bench import (
    attribution,
    backfill,
    books,
    budget,
    fairness,
    growth,
    intake,
    order_sync,
    orders,
    outage,
    page,
    sizes,
    soak,
    speed,
)

BENCHES = {
    "sizes": sizes,
    "speed": speed,
    "budget": budget,
    "fairness": fairness,
    "outage": outage,
    "page": page,
    "growth": growth,
    "soak": soak,
    "books": books,
    "backfill": backfill,
    "intake": intake,
    "orders": orders,
    "order_sync": order_sync,
    "attribution": attribution,
}


def main() -> int:
    """Parse, run, print. Each bench has ``add_arguments``, ``run`` (gives what ``--json`` prints) and ``show`` (prints a table); with a
    ``failed`` it also judges what it measured, and the exit code is 1 when that is not as it must be.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    names = parser.add_subparsers(dest="name", required=True)
    for name, bench in BENCHES.items():
        one = names.add_parser(name, help=(bench.__doc__ or "").split(": ", 1)[-1].splitlines()[0])
        one.add_argument("--quick", action="store_true", help="shorter: fewer rounds and smaller sizes")
        one.add_argument("--json", action="store_true", help="print JSON")
        bench.add_arguments(one)
    options = parser.parse_args()
    bench = BENCHES[options.name]
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM)
    )  # servers and databases are taken down on the way out
    result = bench.run(options)
    if options.json:
        print(json.dumps(result))
    else:
        bench.show(result)
    return int(hasattr(bench, "failed") and bench.failed(result))


if __name__ == "__main__":
    sys.exit(main())
