"""Who may hold a web process's threads: shares of them, so that a finished answer finds one whatever else is going on.

``HotPath`` and WhiteNoise, which answer at once, stand outside of this layer, and health checks and scripts pass it. Everything else
holds a place in its share while it works; a few wait for one, the rest is told at once to come again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Condition
from typing import Any

from widgets.edge import request_bodies
from widgets.http import middleware, networks

Environment = dict[str, Any]
Application = Callable[[Environment, Callable[..., Any]], Iterable[bytes]]

PATIENCE_S = 3.0
"""How long a request waits for a place."""
LOG_IN = middleware.LogInMiddleware.PATH
_FREE = ("/healthz", "/readyz", "/metrics", "/embed/")
_HOOKS = "/hooks/"
_RETRY_AFTER_S = 1


class Gate:
    """At most ``places`` at a time, of these at most ``per_name`` of one name; as many as ``waiting`` wait for one."""

    def __init__(self, places: int, waiting: int, per_name: int | None = None) -> None:
        self.places, self._room, self._per_name = places, waiting, per_name or places
        self._inside: dict[str, int] = {}
        self._waiting = 0
        self._changed = Condition()

    def enter(self, name: str = "", patience_s: float = PATIENCE_S) -> bool:
        """Whether there is a place now or within the patience. Who got one calls ``leave``."""
        until = time.monotonic() + patience_s
        with self._changed:
            if self._take(name):
                return True
            if self._waiting >= self._room:
                return False
            self._waiting += 1
            try:
                while (left := until - time.monotonic()) > 0:
                    self._changed.wait(left)
                    if self._take(name):
                        return True
                return False
            finally:
                self._waiting -= 1

    def _take(self, name: str) -> bool:
        if sum(self._inside.values()) >= self.places or self._inside.get(name, 0) >= self._per_name:
            return False
        self._inside[name] = self._inside.get(name, 0) + 1
        return True

    def leave(self, name: str = "") -> None:
        """Give the place back."""
        with self._changed:
            left = self._inside.pop(name) - 1
            if left:
                self._inside[name] = left
            self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class Shares:
    """The gates of a process. All places and waiting rooms together are fewer than its threads."""

    bodies: Gate
    misses: Gate
    writes: Gate
    webhooks: Gate
    log_ins: Gate
    others: Gate

    @classmethod
    def of(cls, threads: int) -> Shares:
        """The shares of this many threads: of 28, six make widgets while two wait, three read bodies, three write, three take webhooks.
        With fewer threads than 28 they are no promise."""
        threads = max(threads, 28)
        few = threads // 9
        return cls(
            bodies=Gate(few, few // 2, per_name=few - 1),
            misses=Gate(2 * few, few - 1),
            writes=Gate(few, few // 2),
            # One share for body and work: Sumeru sends many at a time. A stranger's network leaves a place for it.
            webhooks=Gate(few, few - 1, per_name=few - 1),
            log_ins=Gate(1, 1),
            others=Gate(few - 1, 1),
        )

    def gate_of(self, method: str, path: str) -> Gate | None:
        """Where a request holds a place; None for what passes."""
        if method in ("GET", "HEAD", "OPTIONS"):
            if path.startswith(_FREE):
                return None
            return self.misses if path.startswith("/w/v1/") else self.others
        if path.startswith(_HOOKS):
            return self.webhooks
        return self.log_ins if path == LOG_IN else self.writes


def guarded(application: Application, threads: int, body_limits_bytes: Mapping[str, int]) -> Application:
    """The same application within the shares of ``threads``; a body is read before anything acts on it, within ``bodies``.

    ``body_limits_bytes`` is by the beginning of the path, the first that fits.
    """
    shares = Shares.of(threads)

    def read(environ: Environment) -> Environment:
        path = environ["PATH_INFO"]
        limit = next((most for start, most in body_limits_bytes.items() if path.startswith(start)), 0)
        return request_bodies.read(environ, limit)

    def serve(environ: Environment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        gate = shares.gate_of(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        has_body = request_bodies.has_body(environ)
        network = networks.client_network(environ) if has_body else ""
        if has_body and gate is not shares.webhooks:
            if not shares.bodies.enter(network):
                return _full(environ, start_response)
            try:
                environ = read(environ)
            finally:
                shares.bodies.leave(network)
        if gate is None:
            return application(environ, start_response)
        name = network if gate is shares.webhooks else ""
        if not gate.enter(name):
            return _full(environ, start_response)
        try:
            if has_body and gate is shares.webhooks:
                environ = read(environ)
            return application(environ, start_response)
        finally:
            gate.leave(name)

    return serve


def _full(environ: Environment, start_response: Callable[..., Any]) -> Iterable[bytes]:
    request_id = middleware.request_id_for(environ.get("HTTP_X_REQUEST_ID", ""))
    error = {
        "code": "unavailable",
        "message": "This server is busy just now. Try again.",
        "details": {},
        "request_id": request_id,
    }
    body = json.dumps({"error": error}, separators=(",", ":")).encode()
    headers = [
        ("Content-Type", "application/json; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("Retry-After", str(_RETRY_AFTER_S)),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Request-Id", request_id),
    ]
    start_response("503 Service Unavailable", headers)
    return [body]
