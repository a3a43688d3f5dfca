"""Lets orders arrive at the demo's stand-in Sumeru, one by one, with what happens to orders: edits, refunds, cancellations.

Its own process. It waits while the stand-in is away, and ends after ``MAX_ORDERS`` orders.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
from typing import Any, Final

BATCH: Final = 20
MAX_ORDERS: Final = 600
LOOK_S: Final = 5.0
REPEATED: Final = 0.2
REACH: Final = 3


def ask(url: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """The answer's ``data``; None when the stand-in is away or busy with orders."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - the demo's own address
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            answer_data: dict[str, Any] = json.load(answer)["data"]
            return answer_data
    except (OSError, ValueError, KeyError, urllib.error.HTTPError):
        return None


def main() -> None:
    """Play batch after batch; between two it looks whether the one before has ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sandbox", required=True)
    parser.add_argument("--pause-s", type=float, default=4.0)
    options = parser.parse_args()
    url, seed = f"{options.sandbox}/_sandbox/orders/live", int(time.time()) % 1_000_000
    remaining = MAX_ORDERS
    while remaining > 0:
        progress = ask(url)
        if progress is not None and not progress.get("running"):
            wish = {"count": BATCH, "seed": seed, "pause_s": options.pause_s, "repeat": REPEATED, "reach": REACH}
            if ask(url, wish) is not None:
                remaining, seed = remaining - BATCH, seed + 1
        time.sleep(LOOK_S)
    sys.stderr.write(f"{MAX_ORDERS} orders have arrived; no more come.\n")


if __name__ == "__main__":
    main()
