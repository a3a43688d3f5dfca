"""Faults on demand: which call goes wrong, how often, and how."""

from __future__ import annotations

import base64
import fnmatch
import itertools
import json
import random
import threading
from dataclasses import dataclass, field
from typing import Any

from sumeru_proxy.sandbox.endpoints import Endpoint
from sumeru_proxy.sandbox.wire import Answer, encode

# What each kind does is described in the package's docstring.
BEFORE_ACTING = ("latency", "hang", "429", "status", "reset", "html")
AFTER_ACTING = (
    "lose_answer", "truncate", "malformed", "huge", "missing_fields", "wrong_types", "drip", "empty", "headers", "body",
)  # fmt: skip
KINDS = BEFORE_ACTING + AFTER_ACTING
HUGE_BYTES = 20 * 1024 * 1024

_TEXT_KEYS = ("endpoint", "shop", "method", "kind")
_OPTIONS: dict[str, type | tuple[type, ...]] = {
    "seconds": (int, float),
    "status": int,
    "code": str,
    "retry_after": (int, float, str, type(None)),
    "paths": list,
    "value": object,
    "bytes": int,
    "interval_s": (int, float),
    "headers": dict,
    "base64": str,
}


@dataclass(slots=True)
class Fault:
    """One fault as asked for; ``times`` counts down to 0, None lasts until cleared."""

    id: str
    kind: str
    endpoint: str = "*"
    shop: str | None = None
    method: str | None = None
    times: int | None = None
    probability: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)
    applied: int = 0

    def report(self) -> dict[str, Any]:
        """The fault as the control API lists it."""
        return {
            "id": self.id, "kind": self.kind, "endpoint": self.endpoint, "shop": self.shop, "method": self.method,
            "times": self.times, "probability": self.probability, "applied": self.applied, **self.options,
        }  # fmt: skip

    def meets(self, endpoint: Endpoint, method: str, shop: str | None) -> bool:
        """True when a call of this endpoint, method and shop may go wrong this way."""
        if self.shop is not None and self.shop != shop:
            return False
        if self.method is not None and self.method != method:
            return False
        group = "public" if endpoint.public else "admin"
        return (
            fnmatch.fnmatchcase(endpoint.name, self.endpoint)
            or self.endpoint == group
            or (self.endpoint == "writes" and endpoint.surface == "writes")
        )


class Faults:
    """The active faults. Draws for probabilities come from one seeded generator. Thread-safe."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._active: list[Fault] = []

    def add(self, options: dict[str, Any]) -> Fault:
        """Activates a fault described by JSON. Raises ValueError saying what is wrong with it."""
        options = dict(options)
        kind = options.pop("kind", None)
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        endpoint, shop, method = options.pop("endpoint", "*"), options.pop("shop", None), options.pop("method", None)
        times, probability = options.pop("times", None), options.pop("probability", 1.0)
        if not isinstance(endpoint, str) or not all(isinstance(text, str | None) for text in (shop, method)):
            raise ValueError("endpoint, shop and method must be strings")
        if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
            raise ValueError("times must be a whole number of at least 1, or null")
        if not isinstance(probability, int | float) or not 0 <= probability <= 1:
            raise ValueError("probability must be a number from 0 to 1")
        for name, value in options.items():
            if name not in _OPTIONS or not isinstance(value, _OPTIONS[name]):
                raise ValueError(f"unknown option or wrong type: {name}")
        if kind == "body":
            base64.b64decode(
                options.get("base64", ""), validate=True
            )  # raises ValueError here rather than when it strikes
        if kind in ("missing_fields", "wrong_types") and not options.get("paths"):
            raise ValueError(f"{kind} needs paths, a list of dotted JSON paths")
        with self._lock:
            fault = Fault(f"flt_{next(self._numbers)}", kind, endpoint, shop, method, times, probability, options)
            self._active.append(fault)
        return fault

    def active(self) -> list[Fault]:
        """The faults that may still strike, oldest first."""
        with self._lock:
            return list(self._active)

    def clear(self, fault_id: str | None = None) -> int:
        """Ends one fault, or all; gives how many."""
        with self._lock:
            remaining = [fault for fault in self._active if fault_id is not None and fault.id != fault_id]
            count = len(self._active) - len(remaining)
            self._active = remaining
        return count

    def draw(self, endpoint: Endpoint, method: str, shop: str | None) -> list[Fault]:
        """The faults that strike this call; each draw uses up one of their ``times``."""
        if not self._active:
            return []
        with self._lock:
            struck = []
            for fault in self._active:
                if not fault.meets(endpoint, method, shop):
                    continue
                if fault.probability < 1 and self._random.random() >= fault.probability:
                    continue
                fault.applied += 1
                if fault.times is not None:
                    fault.times -= 1
                struck.append(fault)
            self._active = [fault for fault in self._active if fault.times != 0]
        return struck


def replace_at(value: Any, path: str, change: Any, drop: bool) -> None:
    """Drops or replaces what ``path`` (``data.reviews.0.rating``; ``*`` is every element) names; absent paths are left."""
    name, _, rest = path.partition(".")
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value) if name == "*" else [name] * (name in value)
    elif isinstance(value, list):
        index = int(name) if name.isdecimal() else -1
        keys = list(range(len(value))) if name == "*" else [index] * (0 <= index < len(value))
    for key in reversed(keys):
        if rest:
            replace_at(value[key], rest, change, drop)
        elif drop:
            del value[key]
        else:
            value[key] = change


def spoil(answer: Answer, fault: Fault, wrong: Any = "not what you expect") -> Answer:
    """The answer as a fault of the second sort (after acting) leaves it."""
    options = fault.options
    if fault.kind == "lose_answer":
        answer.manner = "drop"
    elif fault.kind == "truncate":
        answer.manner, answer.sent_bytes = "truncate", int(options.get("bytes", len(answer.body) // 2))
    elif fault.kind == "malformed":
        answer.body = answer.body[: max(1, len(answer.body) * 2 // 3)] + b'"]}{'
    elif fault.kind == "huge":
        size = int(options.get("bytes", HUGE_BYTES))
        start = b'{"padding":"'
        rest = answer.body[1:] if answer.body.startswith(b"{") and answer.body != b"{}" else b'"data":null}'
        answer.body = start + b"x" * max(0, size - len(start) - len(rest) - 2) + b'",' + rest
    elif fault.kind in ("missing_fields", "wrong_types"):
        try:
            value = json.loads(answer.body)
        except ValueError:
            # Another fault has already left something that is no JSON.
            return answer
        for path in options["paths"]:
            replace_at(value, str(path), options.get("value", wrong), fault.kind == "missing_fields")
        answer.body = encode(value)
    elif fault.kind == "drip":
        answer.manner, answer.interval_s = "drip", float(options.get("interval_s", 1.0))
    elif fault.kind == "empty":
        answer.body = b""
    elif fault.kind == "headers":
        answer.headers.update({str(name): str(value) for name, value in options.get("headers", {}).items()})
    elif fault.kind == "body":
        answer.body, answer.status = (
            base64.b64decode(options.get("base64", "")),
            int(options.get("status", answer.status)),
        )
        answer.headers.update({str(name): str(value) for name, value in options.get("headers", {}).items()})
    return answer


def of_text(text: str) -> dict[str, Any]:
    """The JSON form of a ``--fault`` option: a JSON object, or ``ENDPOINT:KIND[,NAME=VALUE…]``. Raises ValueError."""
    if text.startswith("{"):
        value = json.loads(text)
        if not isinstance(value, dict):
            raise ValueError("a fault is a JSON object")
        return value
    where, colon, rest = text.partition(":")
    kind, *pairs = rest.split(",")
    if not colon or not kind:
        raise ValueError(f"{text!r} is not ENDPOINT:KIND[,NAME=VALUE…]")
    fault: dict[str, Any] = {"endpoint": where or "*", "kind": kind}
    for pair in pairs:
        name, equals, value_text = pair.partition("=")
        if not equals:
            raise ValueError(f"{pair!r} is not NAME=VALUE")
        try:
            fault[name] = value_text if name in _TEXT_KEYS else json.loads(value_text)
        except ValueError:
            fault[name] = value_text
        if name == "paths" and isinstance(fault[name], str):
            fault[name] = value_text.split("+")
    return fault
