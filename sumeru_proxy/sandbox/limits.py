"""The upstream's published limits, counted in windows that slide."""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass

WINDOW_S = 60.0
BURST_WINDOW_S = 10.0

# Calls per minute, from the upstream's limits table.
DEFAULT_LIMITS: dict[str, int] = {
    "public_reads_per_shop": 10_000,
    "public_reads_per_ip": 100,
    "writes_per_shop": 1_000,
    "writes_per_ip": 20,
    "pixel_per_shop": 100_000,
    "pixel_per_ip": 1_000,
    "admin_free": 60,
    "admin_starter": 300,
    "admin_pro": 600,
    "admin_agency": 1_500,
}


@dataclass(frozen=True, slots=True)
class Scope:
    """One counter a call passes: its name, how many calls fit, and in how many seconds."""

    key: str
    limit: int
    window_s: float = WINDOW_S


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the limits say of one call. ``reset_at`` is Unix seconds; ``retry_after_s`` is 0 when the call is allowed."""

    allowed: bool
    limit: int
    remaining: int
    reset_at: float
    retry_after_s: int = 0

    def headers(self) -> dict[str, str]:
        """The ``X-RateLimit-*`` headers of this verdict."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(math.ceil(self.reset_at)),
        }


class Limits:
    """Counts calls per scope. A refused call is not counted. Thread-safe."""

    def __init__(self, overrides: dict[str, int] | None = None, on: bool = True) -> None:
        self.per_minute = dict(DEFAULT_LIMITS)
        self.on = on
        self._windows: dict[str, deque[tuple[float, int]]] = {}
        self._sums: dict[str, int] = {}
        self._lock = threading.Lock()
        self.change(overrides or {})

    def change(self, overrides: dict[str, int]) -> None:
        """Sets limits by name. Raises ValueError naming an unknown or negative one."""
        for name, value in overrides.items():
            if name not in DEFAULT_LIMITS:
                raise ValueError(f"unknown limit {name!r}; known: {', '.join(sorted(DEFAULT_LIMITS))}")
            if value < 0:
                raise ValueError(f"limit {name} must not be negative")
            self.per_minute[name] = value

    def forget(self) -> None:
        """Empties every window."""
        with self._lock:
            self._windows.clear()
            self._sums.clear()

    def scopes(self, surface: str, shop: str | None, ip: str, token: str, plan: str) -> list[Scope]:
        """The counters that a call on ``surface`` (public_reads, writes, pixel or admin) passes."""
        if surface == "admin":
            limit = self.per_minute[f"admin_{plan}"]
            # Twice the rate for ten seconds is a third of a minute's calls; the minute itself still holds.
            burst = max(1, limit * 2 * int(BURST_WINDOW_S) // int(WINDOW_S))
            return [Scope(f"{surface}|token|{token}", limit), Scope(f"{surface}|burst|{token}", burst, BURST_WINDOW_S)]
        scopes = [Scope(f"{surface}|ip|{ip}", self.per_minute[f"{surface}_per_ip"])]
        if shop is not None:
            scopes.append(Scope(f"{surface}|shop|{shop}", self.per_minute[f"{surface}_per_shop"]))
        return scopes

    def take(self, scopes: list[Scope], cost: int, now: float) -> Verdict:
        """Counts ``cost`` calls in all scopes, or in none. A cost of 0 only looks."""
        with self._lock:
            verdicts = [self._look(scope, cost, now) for scope in scopes]
            refusals = [verdict for verdict in verdicts if not verdict.allowed]
            if refusals:
                return max(refusals, key=lambda verdict: verdict.retry_after_s)
            if cost:
                for scope in scopes:
                    self._windows.setdefault(scope.key, deque()).append((now, cost))
                    self._sums[scope.key] = self._sums.get(scope.key, 0) + cost
            tightest = min(verdicts, key=lambda verdict: verdict.remaining)
            remaining = max(0, tightest.remaining - cost)
            return Verdict(True, tightest.limit, remaining, tightest.reset_at)

    def _look(self, scope: Scope, cost: int, now: float) -> Verdict:
        window = self._windows.get(scope.key) or deque()
        total = self._sums.get(scope.key, 0)
        while window and window[0][0] <= now - scope.window_s:
            total -= window.popleft()[1]
        if window:
            self._sums[scope.key] = total
        else:
            # Addresses come and go; an empty window must not stay.
            self._windows.pop(scope.key, None)
            self._sums.pop(scope.key, None)
            total = 0
        reset_at = (window[0][0] if window else now) + scope.window_s
        remaining = max(0, scope.limit - total)
        if total + cost <= scope.limit or not self.on:
            return Verdict(True, scope.limit, remaining, reset_at)
        missing, free_at = total + cost - scope.limit, now + scope.window_s
        for at, size in window:
            missing -= size
            if missing <= 0:
                free_at = at + scope.window_s
                break
        return Verdict(False, scope.limit, remaining, free_at, max(1, math.ceil(free_at - now)))
