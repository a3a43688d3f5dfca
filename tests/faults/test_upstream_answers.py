"""Answers of Sumeru's that are none: nothing of them is kept or shown, the last good copy stays, and no memory is lost on them."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from sumeru_proxy.sandbox.server import Sandbox
from tests.faults.crowds import bundles, calls_of, faulty
from tests.faults.running_site import Site, Web
from tests.sumeru_proxy.installation import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

MIB = 1024 * 1024


def body(raw: bytes, **more: Any) -> dict[str, Any]:
    return {"kind": "body", "base64": base64.b64encode(raw).decode(), **more}


GZIPPED = {"Content-Encoding": "gzip"}
GOOD = b'{"data": []}'
ANSWERS: dict[str, dict[str, Any]] = {
    "reset": {"kind": "reset"},
    "half a body": {"kind": "truncate"},
    "a length that is too long": {"kind": "headers", "headers": {"Content-Length": "1000000"}},
    "a length that is too short": {"kind": "headers", "headers": {"Content-Length": "5"}},
    "half a gzip": body(gzip.compress(GOOD)[:-12], headers=GZIPPED),
    "no gzip": body(GOOD, headers=GZIPPED),
    "500": {"kind": "status", "status": 500},
    "502": {"kind": "html", "status": 502},
    "a page with 200": {"kind": "html"},
    "an error with 200": body(b'{"errors": [{"message": "no"}], "data": null}'),
    "the error model with 200": body(b'{"error": {"code": "internal_error", "message": "no"}}'),
    "nothing": {"kind": "empty"},
    "NaN": body(b'{"data": [{"id": "bun_1", "price": NaN}]}'),
    "a name twice": body(b'{"data": 1, "data": [1]}'),
    "ten thousand levels": body(b'{"data":' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    "UTF-16": body('{"data": []}'.encode("utf-16")),
    "a missing field": body(json.dumps({"data": [{"title": "no id"}]}).encode()),
    "wrong types": body(b'{"data": {"id": 7}}'),
}
LARGE: dict[str, dict[str, Any]] = {
    "50 MB": {"kind": "huge", "bytes": 50 * MIB},
    "a bomb": body(gzip.compress(b'{"data":"' + b"x" * (200 * MIB) + b'"}', 9), headers=GZIPPED),
}


def survives(place: Site, web: Web, upstream: Sandbox, number: int, fault: dict[str, Any]) -> None:
    """A warm key keeps its copy and a cold one waits while this goes wrong; both are right as soon as it does not."""
    warm, cold = bundles(place, number), bundles(place, number + 1)
    assert wait_until(lambda: web.get(warm).json()["state"] != "pending", 40, 0.1)
    good = web.get(warm).json()
    with faulty(upstream, {"endpoint": "bundles", **fault}):
        upstream.control.forget_calls()
        reply = web.get(cold)
        assert (reply.status, reply.json()["state"], reply.headers["cache-control"]) == (200, "pending", "no-store")
        assert 1 <= int(reply.headers["retry-after"]) <= 60
        place.manage("invalidate", place.key, "bundles")
        assert wait_until(lambda: not web.get(warm).json()["fresh"], 10, 0.05)
        assert wait_until(lambda: len(calls_of(upstream)) >= 2, 40, 0.05)
        stale = web.get(warm)
        shown = {name: value for name, value in stale.json().items() if name not in ("fresh", "age_s")}
        assert (stale.status, shown) == (200, {name: good[name] for name in shown})
    place.forget_limits()  # the growing pauses between tries are another test's matter
    assert wait_until(lambda: web.get(cold).json()["state"] == "empty", 60, 0.1)
    assert wait_until(lambda: web.get(warm).json()["fresh"], 60, 0.1)


def test_what_is_no_answer_is_neither_kept_nor_shown(shared_place: Site, quiet_upstream: Sandbox) -> None:
    # One store is enough for all kinds; what differs between the stores is where copies are, which a few kinds show.
    names = list(ANSWERS) if shared_place.engine == "sqlite" else ["half a body", "a page with 200", "wrong types"]
    web = shared_place.web(SUMERU_EGRESS="odd-answers")
    try:
        for position, name in enumerate(names):
            survives(shared_place, web, quiet_upstream, 2_600 + 2 * position, ANSWERS[name])
        assert "Traceback" not in web.log.read_text()
    finally:
        web.kill()


@pytest.mark.parametrize("name", LARGE)
def test_what_is_too_large_fills_no_memory(name: str, shared_place: Site, quiet_upstream: Sandbox) -> None:
    if shared_place.engine == "sqlite":
        pytest.skip("what is read from the wire is the same whatever the stores")
    web = shared_place.web(SUMERU_EGRESS=f"large-{name.replace(' ', '-')}")
    try:
        number = 2_700 + 10 * list(LARGE).index(name)
        assert wait_until(lambda: web.get(bundles(shared_place, number)).json()["state"] == "empty", 60, 0.1)
        before = web.rss_bytes()
        survives(shared_place, web, quiet_upstream, number, LARGE[name])
        grown = web.rss_bytes() - before
        print(f"{name}: {grown / MIB:.1f} MiB more in two processes")
        assert grown < 40 * MIB  # each of the two processes would hold more than that
    finally:
        web.kill()
