"""A call's way through the sandbox: route, credential, fault, edge cache, limits, act, answer."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from sumeru_proxy.sandbox import admin_api, public_reads
from sumeru_proxy.sandbox.calls import Calls
from sumeru_proxy.sandbox.clock import Clock
from sumeru_proxy.sandbox.credentials import Caller, caller_of
from sumeru_proxy.sandbox.edge import Edge, Key
from sumeru_proxy.sandbox.endpoints import Endpoint, find
from sumeru_proxy.sandbox.faults import Fault, Faults, spoil
from sumeru_proxy.sandbox.limits import Limits, Verdict
from sumeru_proxy.sandbox.pictures import picture
from sumeru_proxy.sandbox.problems import Problem
from sumeru_proxy.sandbox.public_writes import WRITES, Deed
from sumeru_proxy.sandbox.wire import Answer, Request, encode
from sumeru_proxy.sandbox.world import IDEMPOTENCY_LIFETIME_S, World, fingerprint

HTML_PAGE = b"<!doctype html><html><head><title>Welcome</title></head><body><h1>It works</h1></body></html>"
EXPOSED = "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, X-Cache, X-Request-Id"


class Application:
    """Answers requests. ``control`` answers what is below ``/_sandbox/``; ``wait(seconds)`` sleeps unless the server stops."""

    def __init__(self, world: World, clock: Clock, limits: Limits, edge: Edge, faults: Faults) -> None:
        self.world, self.clock, self.limits, self.edge, self.faults = world, clock, limits, edge, faults
        self.calls = Calls()
        self.control: Callable[[Request], Answer] | None = None
        self.wait: Callable[[float], object] = time.sleep
        self._prefix = f"{time.time_ns():x}"[-10:]
        self._numbers = itertools.count(1)

    def __call__(self, request: Request) -> Answer:
        """The answer to any request. Never raises."""
        if request.path.startswith("/_sandbox"):
            return self._control(request)
        if request.path.startswith("/media/"):
            return picture_answer(request)
        request_id = f"req_{self._prefix}{next(self._numbers):010x}"
        endpoint, item_id, known_path = find(request.method, request.path)
        if endpoint is None:
            return self._without_endpoint(request, known_path, request_id)
        caller = caller_of(self.world, endpoint, request.headers)
        domain = caller.shop.domain if caller.shop else None
        struck = self.faults.draw(endpoint, request.method, domain)
        now = self.clock.now()
        answer, cost = self._answer(request, request_id, endpoint, item_id, caller, struck, now)
        answer.headers["X-Request-Id"] = request_id
        self._allow_origin(request, endpoint, caller, answer)
        for fault in struck:
            answer = spoil(answer, fault)
        ip = self._ip(request)
        self.calls.note(
            {
                "at": now, "endpoint": endpoint.name, "surface": endpoint.surface, "shop": domain, "method": request.method,
                "path": request.path, "query": request.query, "headers": sorted(request.headers), "ip": ip,
                "credential": caller.kind, "credential_ok": caller.problem is None, "status": answer.status,
                "cache": answer.headers.get("X-Cache", ""), "cost": cost, "manner": answer.manner,
                "faults": [fault.kind for fault in struck],
            },
            now,
        )  # fmt: skip
        return answer

    def _control(self, request: Request) -> Answer:
        # A page in a browser must not reach the controls of a sandbox that runs on the same machine.
        # Its name there may have been made to lead here, and an older browser says nothing of sites: host and origin are looked at, too.
        if (
            not ip_address(request.peer).is_loopback
            or request.headers.get("sec-fetch-site") == "cross-site"
            or not _is_of_this_machine(f"//{request.headers.get('host', '')}")
            or not _is_of_this_machine(request.headers.get("origin", "//localhost"))
        ):
            return error_answer(
                Problem("forbidden", "The control API answers on the loopback interface only."), "req_control"
            )
        if self.control is None:
            return error_answer(Problem("not_found", "There is no control API."), "req_control")
        return self.control(request)

    def _without_endpoint(self, request: Request, known_path: bool, request_id: str) -> Answer:
        if request.method == "OPTIONS" and known_path and request.path.startswith("/api/"):
            origin = request.headers.get("origin", "")
            headers = {"Vary": "Origin"}
            if any(origin in shop.origins for shop in self.world.shops.values()):
                headers |= {
                    "Access-Control-Allow-Origin": origin,
                    "Access-Control-Allow-Methods": "GET, POST",
                    "Access-Control-Allow-Headers": "content-type, idempotency-key, x-public-key, x-shop-domain",
                    "Access-Control-Max-Age": "600",
                }
            return Answer(204, b"", headers)
        code = "method_not_allowed" if known_path else "not_found"
        return error_answer(Problem(code, "There is no such operation."), request_id)

    def _ip(self, request: Request) -> str:
        return request.headers.get("x-sandbox-client-ip") or request.peer

    def _answer(
        self,
        request: Request,
        request_id: str,
        endpoint: Endpoint,
        item_id: str,
        caller: Caller,
        struck: list[Fault],
        now: float,
    ) -> tuple[Answer, int]:
        """The answer before it is spoiled, and what the call cost."""
        first = next((fault for fault in struck if fault.kind in ("429", "status", "reset", "html", "hang")), None)
        key: Key | None = None
        if request.method in ("GET", "HEAD") and endpoint.lifetime_s and caller.shop and first is None:
            key = (caller.shop.domain, endpoint.name, tuple(sorted(request.query.items())))
        for fault in struck:
            if fault.kind == "latency":
                self.wait(float(fault.options.get("seconds", 1.0)))
        copy = self.edge.load(key, now) if key and caller.problem is None else None
        cost = 0 if copy else self._cost(endpoint, request)
        token = caller.token["token"] if caller.token else f"unknown|{self._ip(request)}"
        plan = caller.token.get("plan", "free") if caller.token else "free"
        domain = caller.shop.domain if caller.shop else None
        scopes = self.limits.scopes(endpoint.surface, domain, self._ip(request), token, plan)
        verdict = self.limits.take(scopes, cost, now)
        headers = verdict.headers()
        if not verdict.allowed:
            return error_answer(_rate_limit_problem(verdict.retry_after_s), request_id, headers), 0
        if first is not None:
            return _faulty(first, request_id, headers, verdict), cost
        if copy is not None and key is not None:
            headers |= {
                "X-Cache": "HIT",
                "Age": str(int(now - copy.made_at)),
                "Cache-Control": f"public, s-maxage={endpoint.lifetime_s}",
            }
            return Answer(200, copy.body, headers), 0
        if key is not None:
            headers |= {"X-Cache": "MISS", "Cache-Control": f"public, s-maxage={endpoint.lifetime_s}"}
        try:
            if caller.problem is not None or caller.shop is None:
                raise caller.problem or Problem("unauthenticated", "A credential is required.")
            status, body, extra = self._act(request, endpoint, item_id, caller)
        except Problem as problem:
            headers.pop("Cache-Control", None)
            return error_answer(problem, request_id, headers), cost
        except Exception as error:
            # The real service hides its faults behind a 500 too; the sandbox's own must be findable.
            own_fault = Problem("internal_error", f"The sandbox itself failed: {type(error).__name__}: {error}")
            return error_answer(own_fault, request_id, headers), cost
        data = b"" if status == 204 else body if isinstance(body, bytes) else encode(body)
        if key is not None and status == 200:
            self.edge.keep(key, data, now, endpoint.lifetime_s)
        return Answer(status, data, {**headers, **extra}), cost

    def _cost(self, endpoint: Endpoint, request: Request) -> int:
        if endpoint.name == "pixel":
            body = _object(request, quiet=True)
            events = body.get("events")
            return max(1, len(events)) if isinstance(events, list) else 1
        if self.world.habits["bulk_cost"] == "item":
            return 1 + request.query.get("product_ids", "").count(",")
        return 1

    def _act(
        self, request: Request, endpoint: Endpoint, item_id: str, caller: Caller
    ) -> tuple[int, Any, dict[str, str]]:
        shop = caller.shop
        assert shop is not None  # noqa: S101 - the caller was let in
        with self.world.lock:
            if endpoint.name in public_reads.READS:
                return 200, public_reads.answer_to(endpoint.name, self.world, shop, request.query), {}
            if endpoint.surface == "admin" and request.method in ("GET", "HEAD"):
                scopes = caller.token["scopes"] if caller.token else []
                return 200, admin_api.answer_to(endpoint.name, self.world, shop, item_id, request.query, scopes), {}
            return self._write(request, endpoint, item_id, caller)

    def _write(
        self, request: Request, endpoint: Endpoint, item_id: str, caller: Caller
    ) -> tuple[int, Any, dict[str, str]]:
        """Acts once per idempotency key; a repetition gets the first answer."""
        shop = caller.shop
        assert shop is not None  # noqa: S101 - the caller was let in
        body = _object(request) if request.method != "DELETE" else {}
        key = request.headers.get("idempotency-key", "") if request.method in ("POST", "PATCH") else ""
        if len(key) > 255:
            raise Problem("validation_failed", "Idempotency-Key may have at most 255 characters.")
        now = self.clock.now()
        answer_key = f"{shop.domain}|{endpoint.name}|{item_id}|{key}"
        print_ = fingerprint(body)
        before = self.world.answers.get(answer_key) if key else None
        if before is not None and 0 <= now - before["at"] < IDEMPOTENCY_LIFETIME_S:
            if before["fingerprint"] != print_:
                raise Problem("idempotency_conflict", "This Idempotency-Key was used with another body.")
            repeats = [{"do": "write", **entry, "applied": 0} for entry in before["log"]]
            self.world.commit(*repeats)
            return before["status"], before["body"], {"Idempotency-Replayed": "true"}
        deed = self._deed(endpoint, item_id, caller, body, key)
        log = [
            {"kind": kind, "key": f"{shop.domain}|{name}", "applied": event_count,
             "entry": {**entry, "shop": shop.domain, "idempotency_key": key or None, "at": now}}
            for kind, name, entry, event_count in deed.log
        ]  # fmt: skip
        operations = [*deed.operations, *({"do": "write", **entry} for entry in log)]
        if key and deed.status < 300:
            answer = {"at": now, "fingerprint": print_, "status": deed.status, "body": deed.body, "log": log}
            operations.append({"do": "answer", "key": answer_key, "answer": answer})
        self.world.commit(*operations)
        self._purge(shop.domain, deed)
        return deed.status, deed.body, {}

    def _deed(self, endpoint: Endpoint, item_id: str, caller: Caller, body: dict[str, Any], key: str) -> Deed:
        assert caller.shop is not None  # noqa: S101 - the caller was let in
        if endpoint.name in WRITES:
            return WRITES[endpoint.name](self.world, caller.shop, body, key)
        return admin_api.WRITES[endpoint.name](self.world, caller.shop, item_id, body)

    def _purge(self, domain: str, deed: Deed) -> None:
        if any(op["do"] == "review" and op["review"]["status"] == "published" for op in deed.operations):
            self.edge.purge(domain)

    def _allow_origin(self, request: Request, endpoint: Endpoint, caller: Caller, answer: Answer) -> None:
        if not endpoint.public:
            return
        answer.headers["Vary"] = "Origin"
        origin = request.headers.get("origin", "")
        if caller.shop and origin in caller.shop.origins:
            answer.headers["Access-Control-Allow-Origin"] = origin
            answer.headers["Access-Control-Expose-Headers"] = EXPOSED


def _object(request: Request, quiet: bool = False) -> dict[str, Any]:
    try:
        body = request.json()
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        return body
    if quiet:
        return {}
    raise Problem("validation_failed", "The body must be a JSON object.")


def _is_of_this_machine(address: str) -> bool:
    try:
        name = urlsplit(address).hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _rate_limit_problem(retry_after_s: int) -> Problem:
    return Problem(
        "rate_limited",
        "Too many requests.",
        {"retry_after": retry_after_s},
        headers={"Retry-After": str(retry_after_s)},
    )


def _faulty(fault: Fault, request_id: str, headers: dict[str, str], verdict: Verdict) -> Answer:
    options = fault.options
    if fault.kind in ("reset", "hang"):
        return Answer(200, b"", headers, manner=fault.kind)
    if fault.kind == "html":
        return Answer(int(options.get("status", 200)), HTML_PAGE, headers, content_type="text/html; charset=utf-8")
    if fault.kind == "429":
        wait = options.get("retry_after", 1)
        headers["X-RateLimit-Remaining"] = "0"
        problem = Problem("rate_limited", "Too many requests.", {} if wait is None else {"retry_after": wait})
        if wait is not None:
            problem.headers["Retry-After"] = str(wait)
        return error_answer(problem, request_id, headers)
    status = int(options.get("status", 500))
    code = str(options.get("code", "internal_error"))
    return error_answer(Problem(code, "Something went wrong.", status=status), request_id, headers)


def error_answer(problem: Problem, request_id: str, headers: dict[str, str] | None = None) -> Answer:
    """The error model as an answer."""
    return Answer(problem.status, encode(problem.body(request_id)), {**(headers or {}), **problem.headers})


def picture_answer(request: Request) -> Answer:
    """A drawing of the catalogue; any name gives one."""
    if request.method not in ("GET", "HEAD"):
        return error_answer(Problem("method_not_allowed", "There is no such operation."), "req_media")
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    name = request.path.removeprefix("/media/")
    if not name.endswith(".svg"):
        return error_answer(Problem("not_found", "There is no such picture."), "req_media")
    return Answer(200, picture(name.removesuffix(".svg")), headers, content_type="image/svg+xml; charset=utf-8")
