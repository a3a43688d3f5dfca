"""A client under a clock that only moves by sleeping, with generous limits unless a test says otherwise."""

from __future__ import annotations

import time
from typing import Any

from sumeru_proxy.client.api import Account, Sumeru
from sumeru_proxy.client.limiter import MemoryStore

PUBLIC_KEY, TOKEN = "pk_live_" + "1" * 32, "copt_test_" + "1" * 32
GENEROUS = {"public_reads_per_ip": 10_000, "writes_per_ip": 10_000, "admin": 10_000}
REVIEWS_JSON = {"data": {"summary": {"count": 0}, "reviews": []}}


class Clock:
    """A clock that only moves by sleeping."""

    def __init__(self) -> None:
        self.now = time.time()
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def account(url: str, **more: Any) -> Account:
    given: dict[str, Any] = {
        "public_key": PUBLIC_KEY,
        "shop_domain": "small.example",
        "token": TOKEN,
        "limits": GENEROUS,
    }
    return Account(url, **{**given, **more})


def door(url: str, lane: str = "page", clock: Clock | None = None, **more: Any) -> Sumeru:
    clock = clock or Clock()
    own = {
        key: more.pop(key) for key in ("public_key", "shop_domain", "token", "limits", "referral_path") if key in more
    }
    more.setdefault("store", MemoryStore())
    return Sumeru(account(url, **own), lane, clock=clock, sleep=clock.sleep, chance=lambda: 0.5, **more)
