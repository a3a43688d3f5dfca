"""Threads are shared out: whatever waits, holds or sends slowly, there is one for what is finished."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest

from tests.widgets.wsgi_calls import ask
from widgets.edge import gates
from widgets.edge.gates import Gate, Shares


def test_places_waiting_and_one_names_part() -> None:
    gate = Gate(places=3, waiting=1, per_name=2)
    assert [gate.enter("a", 0), gate.enter("a", 0), gate.enter("a", 0)] == [True, True, False]
    assert [gate.enter("b", 0), gate.enter("c", 0)] == [True, False]
    gate.leave("a")
    assert gate.enter("c", 0)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(gate.enter, "d", 30)
        while not gate._waiting:
            pass
        assert not gate.enter("e", 30)  # the waiting room is full: told at once
        gate.leave("b")
        assert first.result() is True
    assert gate._inside == {"a": 1, "c": 1, "d": 1}


def test_what_may_block_is_less_than_the_threads() -> None:
    for threads in (28, 32, 64, 256):
        shares = Shares.of(threads)
        every = (shares.bodies, shares.misses, shares.writes, shares.webhooks, shares.log_ins, shares.others)
        assert sum(each.places + each._room for each in every) <= threads - 2


@pytest.mark.parametrize(
    ("method", "path", "share"),
    [
        ("GET", "/w/v1/shp/reviews.json", "misses"),
        ("POST", "/w/v1/shp/reviews", "writes"),
        ("POST", "/hooks/sumeru/shp", "webhooks"),
        ("PUT", "/", "writes"),
        ("POST", "/admin/login/", "log_ins"),
        ("GET", "/admin/", "others"),
        ("GET", "/docs/", "others"),
        ("GET", "/healthz", None),
        ("HEAD", "/embed/v1.js", None),
    ],
)
def test_who_holds_what(method: str, path: str, share: str | None) -> None:
    shares = Shares.of(28)
    assert shares.gate_of(method, path) is (getattr(shares, share) if share else None)


class Slow(io.RawIOBase):
    """A body that does not come until it is let."""

    def __init__(self, body: bytes) -> None:
        self.asked, self.let, self._body = Event(), Event(), io.BytesIO(body)

    def read(self, size: int = -1) -> bytes:
        self.asked.set()
        assert self.let.wait(30)
        return self._body.read(size)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


@pytest.mark.parametrize("path", ["/w/v1/shp/reviews", "/hooks/sumeru/shp"])
def test_one_network_never_holds_a_whole_share_with_slow_bodies(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(Gate.enter, "__defaults__", ("", 0.0))
    guarded = gates.guarded(application, 28, {"/": 1_000})
    bodies = [Slow(b"a=1") for _ in range(3)]

    def post(body: Any, address: str) -> Any:
        environ = {"CONTENT_LENGTH": "3", "REMOTE_ADDR": address, "wsgi.input": body}
        return ask(lambda given, start: guarded({**given, **environ}, start), path, "POST")

    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(post, body, "192.0.2.1") for body in bodies[:2]]
        assert all(body.asked.wait(30) for body in bodies[:2])
        assert post(bodies[2], "192.0.2.1").status == 503
        assert post(io.BytesIO(b"b=2"), "192.0.2.9").body == b"b=2"
        for body in bodies:
            body.let.set()
        assert [each.result().body for each in held] == [b"a=1"] * 2


def test_slow_bodies_hold_their_share_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "PATIENCE_S", 0.0)
    monkeypatch.setattr(Gate.enter, "__defaults__", ("", 0.0))
    guarded = gates.guarded(application, 28, {"/": 1_000})
    bodies = [Slow(b"a=1") for _ in range(4)]

    def post(body: Any, address: str) -> Any:
        environ = {"CONTENT_LENGTH": "3", "REMOTE_ADDR": address, "wsgi.input": body}
        return ask(lambda given, start: guarded({**given, **environ}, start), "/w/v1/shp/reviews", "POST")

    with ThreadPoolExecutor(3) as pool:
        held = [pool.submit(post, body, f"192.0.2.{number // 2}") for number, body in enumerate(bodies[:3])]
        assert all(body.asked.wait(30) for body in bodies[:3])
        # One network holds two of three, never all; the fourth is told to come again, and reads go on.
        refused = post(bodies[3], "192.0.2.9")
        assert (refused.status, json.loads(refused.body)["error"]["code"]) == (503, "unavailable")
        assert refused.headers["retry-after"] == "1"
        assert not bodies[3].asked.is_set()
        assert ask(guarded, "/w/v1/shp/reviews.json").status == 200
        for body in bodies:
            body.let.set()
        assert [each.result().body for each in held] == [b"a=1"] * 3
    assert post(bodies[3], "192.0.2.9").body == b"a=1"


def test_misses_and_log_ins_never_hold_every_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gate.enter, "__defaults__", ("", 0.0))
    inside, go = Barrier(8, timeout=30), Event()

    def stuck(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/healthz":
            inside.wait()
            assert go.wait(30)
        start_response("200 OK", [])
        return []

    guarded = gates.guarded(stuck, 24, {"/": 1_000})
    with ThreadPoolExecutor(7) as pool:
        held = [pool.submit(ask, guarded, "/w/v1/shp/cold.json") for _ in range(6)]
        held.append(pool.submit(ask, guarded, gates.LOG_IN, "POST"))
        inside.wait()
        assert ask(guarded, "/w/v1/shp/cold.json").status == 503
        assert ask(guarded, gates.LOG_IN, "POST").status == 503
        assert ask(guarded, "/healthz").status == 200
        go.set()
        assert {each.result().status for each in held} == {200}


@pytest.mark.parametrize(
    ("length", "chunked", "said", "read"),
    [("4", "", "4", b"abcd"), ("6", "", "6", b"abcdef"), ("", "chunked", "6", b"abcdef"), ("9", "", "9", b"")],
)
def test_bodies_are_read_up_to_the_limit(length: str, chunked: str, said: str, read: bytes) -> None:
    given: dict[str, Any] = {"CONTENT_LENGTH": length, "wsgi.input": io.BytesIO(b"abcdefgh")}
    if chunked:
        given["HTTP_TRANSFER_ENCODING"] = chunked
    environ = gates.request_bodies.read(given, 5 if chunked else 8)
    assert environ["CONTENT_LENGTH"] == said
    if read:
        assert environ["wsgi.input"].read() == read
    else:
        assert environ["wsgi.input"].tell() == 0  # above the limit nothing is read
