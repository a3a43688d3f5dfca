from __future__ import annotations

import gc
import gzip
import json
import os
import resource
import socket
import threading
import time
from typing import Any

import pytest

from sumeru_proxy.client import session
from sumeru_proxy.client.bounded_json import decode, shallow
from sumeru_proxy.client.errors import SumeruError, Unavailable, Unreadable
from sumeru_proxy.client.session import Budget, HttpCall, HttpReply, host_of
from sumeru_proxy.client.version import VERSION
from tests.sumeru_proxy.client.scripted import (
    Received,
    Scripted,
    drip,
    fixed,
    hang,
    json_answer,
    raw,
    reset,
    scripted,
)

QUICK = Budget(0.3, 0.4, 0.6)
ROOMY = Budget(2.0, 5.0, 10.0)
TOKEN = "copt_live_" + "S3cr3t" * 5


def get(server: Scripted, budget: Budget = ROOMY, **more: Any) -> HttpReply:
    call = HttpCall(
        server.url, "GET", "/api/public/reviews", query=(("product_id", "canary-value"),), endpoint="reviews", **more
    )
    return session.send(call, budget)


def post(server: Scripted, budget: Budget = ROOMY) -> HttpReply:
    return session.send(
        HttpCall(server.url, "POST", "/api/public/quiz", body={"a": "canary-body"}, endpoint="quiz"), budget
    )


def test_a_call_carries_what_was_given_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    answer = json_answer({"data": 1}, 200, "Set-Cookie: a=b", "X-Cache: HIT", "X-Secret: x")
    with scripted(answer) as server:
        reply = get(server, headers=(("Idempotency-Key", "k"),), credential=(("Authorization", f"Bearer {TOKEN}"),))
        get(server)
    first, second = server.received
    assert first.target == "/api/public/reviews?product_id=canary-value"
    assert first.headers["authorization"] == f"Bearer {TOKEN}"
    assert first.headers["user-agent"] == f"sumeru-widgets/{VERSION}"
    assert first.headers["accept-encoding"] == "gzip"
    assert "cookie" not in second.headers
    assert "authorization" not in second.headers
    assert reply.json == {"data": 1}
    assert reply.headers == {"x-cache": "HIT"}


def test_connections_are_kept() -> None:
    with scripted(json_answer({})) as server:
        for _ in range(5):
            get(server)
        assert server.connections == 1


def test_a_segment_stays_one_segment() -> None:
    call = HttpCall("https://api.example", "GET", "/api/v1/orders/{id}", segments=(("id", "a/../b?x=1#y %2e\u00e9"),))
    assert call.url() == "https://api.example/api/v1/orders/a%2F..%2Fb%3Fx%3D1%23y%20%252e%C3%A9"


def test_a_cursor_that_is_a_url_is_only_a_query_value() -> None:
    call = HttpCall("https://api.example", "GET", "/p", query=(("cursor", "http://169.254.169.254/&limit=9"),))
    assert call.url() == "https://api.example/p?cursor=http%3A%2F%2F169.254.169.254%2F%26limit%3D9"


@pytest.mark.parametrize("where", ["headers", "body"])
def test_a_drip_is_cut_at_the_total(where: str) -> None:
    answer = raw(200, b'{"data": "' + b"x" * 500 + b'"}')
    head, body = answer.split(b"\r\n\r\n", 1)

    def dripping(request: Received, sock: socket.socket) -> bool | None:
        if where == "body":
            sock.sendall(head + b"\r\n\r\n")
        return drip(answer if where == "headers" else body)(request, sock)

    with scripted(dripping) as server:
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            get(server, QUICK)
        assert 0.5 < time.monotonic() - began < 0.9
    assert caught.value.reason == "timeout"


def test_a_hanging_server_costs_one_read_timeout() -> None:
    with scripted(hang) as server:
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            get(server, Budget(0.3, 0.3, 5.0))
        assert time.monotonic() - began < 0.8
    assert (caught.value.reason, caught.value.ambiguous) == ("timeout", False)


def test_a_kept_connection_does_not_inherit_a_nearly_used_up_timeout() -> None:
    body = raw(200, b'{"a":1}')

    def slow(_: Received, sock: socket.socket) -> bool:
        time.sleep(0.35)
        sock.sendall(body)
        return True

    with scripted(slow) as server:
        get(server, Budget(0.3, 0.5, 0.37))
        assert get(server, Budget(0.3, 5.0, 5.0)).json == {"a": 1}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_kept_connection_that_the_server_gave_up_costs_a_read_nothing(method: str) -> None:
    def once_per_connection(request: Received, sock: socket.socket) -> bool:
        if sum(each.connection == request.connection for each in server.received) > 1:
            return False
        sock.sendall(raw(200, b'{"a":1}'))
        return True

    with scripted(once_per_connection) as server:
        assert get(server).json == {"a": 1}
        if method == "GET":
            assert get(server).json == {"a": 1}
            assert len(server.received) == 3
        else:  # may have been acted upon: whoever owns the write decides
            with pytest.raises(Unavailable) as caught:
                post(server)
            assert caught.value.ambiguous
            assert len(server.received) == 2


def test_a_new_connection_that_is_closed_is_not_tried_again() -> None:
    with scripted(fixed(b"", keep=False)) as server:
        with pytest.raises(Unavailable):
            get(server)
        assert len(server.received) == 1


TEXT = json.dumps([str(number**7) for number in range(2_000)]).encode()
ODD_ANSWERS: dict[str, tuple[Any, type[SumeruError], str]] = {
    "reset": (reset, Unavailable, "network"),
    "closed": (fixed(b"", keep=False), Unavailable, "network"),
    "truncated": (fixed(raw(200, b'{"data":', length=500), keep=False), Unavailable, "network"),
    "length too short": (fixed(raw(200, b'{"data": 1}', length=5), keep=False), Unreadable, "$"),
    "no http": (fixed(b"SSH-2.0-hello\r\n\r\n", keep=False), Unavailable, "network"),
    "endless headers": (
        fixed(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n{}", keep=False),
        Unavailable,
        "network",
    ),
    "truncated gzip": (
        fixed(raw(200, gzip.compress(TEXT)[:900], "Content-Encoding: gzip"), keep=False),
        Unreadable,
        "$",
    ),
    "broken gzip": (fixed(raw(200, b"no gzip at all", "Content-Encoding: gzip"), keep=False), Unavailable, "network"),
    "redirect": (fixed(raw(302, b"", "Location: http://127.0.0.1:9/")), Unavailable, "not_sumeru"),
    "html": (fixed(raw(200, b"<html>", content_type="text/html")), Unavailable, "not_sumeru"),
    "no type": (fixed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), Unavailable, "not_sumeru"),
    "empty": (fixed(raw(200, b"")), Unreadable, "$"),
    "said too large": (fixed(raw(200, b"{", length=20_000_000), keep=False), Unreadable, "$"),
    "utf-16": (fixed(raw(200, '{"data": 1}'.encode("utf-16"))), Unreadable, "$"),
}


@pytest.mark.parametrize("name", ODD_ANSWERS)
def test_odd_answers(name: str) -> None:
    answer, kind, says = ODD_ANSWERS[name]
    with scripted(answer) as server:
        with pytest.raises(kind) as caught:
            get(server)
        assert (getattr(caught.value, "reason", None) or getattr(caught.value, "path", None)) == says
        server.answer = json_answer({"data": "fine"})
        assert get(server).json == {"data": "fine"}, "the pool is usable afterwards"


@pytest.mark.thorough
def test_twenty_megabytes_and_a_gzip_bomb_do_not_fill_memory() -> None:
    def chunked(_: Received, sock: socket.socket) -> bool:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _part in range(320):
            sock.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
        return False

    bomb = gzip.compress(b" " * 200_000_000, 6)
    assert len(bomb) < session.SIZE_LIMIT_BYTES
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for answer in (chunked, fixed(raw(200, bomb, "Content-Encoding: gzip"))):
        with scripted(answer) as server, pytest.raises(Unreadable) as caught:
            get(server)
        assert caught.value.path == "$"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_a_hundred_long_reviews_fit() -> None:
    body = json.dumps({"data": ["é" * 9_000] * 100}, ensure_ascii=False).encode()
    with scripted(fixed(raw(200, gzip.compress(body), "Content-Encoding: gzip"))) as server:
        assert len(get(server).json["data"]) == 100


@pytest.mark.parametrize(
    ("answer", "ambiguous"),
    [
        (reset, True),
        (hang, True),
        (fixed(raw(200, b"{}", length=99), keep=False), True),
        (fixed(raw(200, b"<p>", content_type="text/html")), True),
        (fixed(raw(302, b"", "Location: /")), False),
    ],
)
def test_a_lost_answer_to_a_write_is_ambiguous(answer: Any, ambiguous: bool) -> None:
    with scripted(answer) as server:
        with pytest.raises(Unavailable) as caught:
            post(server, QUICK)
        assert caught.value.ambiguous is ambiguous
        with pytest.raises(Unavailable) as caught:
            get(server, QUICK)
        assert caught.value.ambiguous is False


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "169.254.169.254", "192.168.1.1", "[fd00::1]", "[::ffff:10.0.0.1]", "0.0.0.0"]
)
def test_a_credential_goes_to_the_open_internet_alone(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Checked where it is connected to, whatever the name said before. This machine by its own name is the sandbox's."""
    reached: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _socket, where: reached.append(where))
    call = HttpCall(f"https://{address}", "GET", "/api/public/reviews", endpoint="reviews")
    with pytest.raises(Unavailable) as caught:
        session.send(call, ROOMY)
    assert (caught.value.reason, caught.value.ambiguous, reached) == ("network", False, [])


def test_a_write_that_never_left_is_not_ambiguous() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unavailable) as caught:
        session.send(HttpCall(f"http://127.0.0.1:{port}", "POST", "/", body={}), QUICK)
    assert (caught.value.reason, caught.value.ambiguous) == ("network", False)


def test_errors_hold_no_exception_of_the_libraries() -> None:
    for answer in (reset, hang, fixed(raw(200, b"{", length=50), keep=False)):
        with scripted(answer) as server, pytest.raises(SumeruError) as caught:
            get(server, QUICK, credential=(("Authorization", TOKEN),))
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        trace = caught.value.__traceback__
        while trace is not None:
            shown = repr(trace.tb_frame.f_locals)
            if trace.tb_frame.f_code.co_filename.endswith("client/session.py"):
                assert TOKEN not in shown
            trace = trace.tb_next


def test_error_answers_keep_status_and_json() -> None:
    error = {"error": {"code": "not_found", "request_id": "req_abc"}}
    with scripted(json_answer(error, 404)) as server:
        reply = get(server)
    assert (reply.status, reply.json, reply.request_id) == (404, error, "req_abc")
    with scripted(fixed(raw(502, b"<html>", content_type="text/html"))) as server:
        assert (get(server).status, get(server).json) == (502, None)
    with scripted(fixed(raw(500, b"x" * 5_000_000))) as server:
        assert get(server).json is None


def test_threads_share_the_pool() -> None:
    def echo(request: Received, sock: socket.socket) -> bool:
        sock.sendall(raw(200, json.dumps({"target": request.target}).encode()))
        return True

    wrong: list[str] = []

    def work(number: int) -> None:
        for turn in range(25):
            mark = f"{number}-{turn}"
            reply = session.send(HttpCall(server.url, "GET", "/p", query=(("m", mark),)), ROOMY)
            if reply.json["target"] != f"/p?m={mark}":
                wrong.append(mark)

    with scripted(echo) as server:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        assert len(server.received) == 400


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_opens_its_own_connections() -> None:
    def tell(request: Received, sock: socket.socket) -> bool:
        sock.sendall(raw(200, json.dumps({"connection": request.connection}).encode()))
        return True

    with scripted(tell) as server:
        mine = get(server).json["connection"]
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, bytes([get(server).json["connection"]]))
            os._exit(0)
        theirs = os.read(reading, 1)[0]
        os.waitpid(child, 0)
        os.close(reading)
        os.close(writing)
        assert theirs != mine
        assert get(server).json["connection"] == mine


@pytest.mark.parametrize(
    ("raw_json", "ok"),
    [
        (b'{"a": 1.5}', True),
        (b'\xef\xbb\xbf{"a": 1}', True),
        (b'{"a": NaN}', False),
        (b'{"a": -Infinity}', False),
        (b'{"a": 1e999}', False),
        (b'{"a": 1, "a": 2}', False),
        (b'{"a": ' + b"1" * 5000 + b"}", False),
        (b"[" * 100_000, False),
        (b"[" * 100_000 + b"]" * 100_000, False),
        (b"[" * 32 + b"]" * 32, True),
        (b"[" * 33 + b"]" * 33, False),
        (b'{"a": "\xff"}', False),
        (b"{'a': 1}", False),
        (b'{"a": 1} x', False),
        (b"", False),
    ],
)
def test_json_within_bounds(raw_json: bytes, ok: bool) -> None:
    value, fault = decode(raw_json)
    assert bool(fault) is not ok
    if fault:
        assert value is None


def test_depth_counts_levels_of_both_kinds() -> None:
    assert shallow(1, 1)
    assert shallow([{"a": 1}], 2)
    assert not shallow([{"a": [1]}], 2)


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("https://api.sumeru.systems", "https://api.sumeru.systems"),
        ("https://api.sumeru.systems/", "https://api.sumeru.systems"),
        ("https://API.Sumeru.systems:8443", "https://api.sumeru.systems:8443"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_hosts(given: str, host: str) -> None:
    assert host_of(given) == host


@pytest.mark.parametrize(
    "given",
    [
        "",
        "api.sumeru.systems",
        "http://api.sumeru.systems",
        "http://169.254.169.254",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "https://a@evil.example",
        "https://api.sumeru.systems/path",
        "https://api.sumeru.systems?x",
        "https://api.sumeru.systems#x",
        "https://api.sumeru.systems\r\nX: y",
        "https://api.sumeru.systems:port",
        "https://a b",
        "https://evil.example\\@api.sumeru.systems",
        "file:///etc/passwd",
        "ftp://api.sumeru.systems",
        "http://2130706433",
    ],
)
def test_other_hosts_are_refused(given: str) -> None:
    with pytest.raises(ValueError):
        host_of(given)
