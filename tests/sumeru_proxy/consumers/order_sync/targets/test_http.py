"""Signed HTTP: what is sent, what each answer means, where is never sent to; and the docs' receivers, which take it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sumeru_proxy.consumers.order_sync import schema
from sumeru_proxy.consumers.order_sync.document import Document, from_data
from sumeru_proxy.consumers.order_sync.signed_message import message_id, order_body
from sumeru_proxy.consumers.order_sync.targets import interface
from sumeru_proxy.consumers.order_sync.targets.http import KIND, HttpTarget
from sumeru_proxy.consumers.order_sync.targets.interface import Entry, Place, Receipt, Refused, TargetDown
from sumeru_proxy.outbox.endpoint import Endpoint
from sumeru_proxy.outbox.signed_webhooks import headers_of, keys_of, new_secret
from tests.sumeru_proxy.client.scripted import Answerer, Scripted, drip, hang, raw, reset, scripted
from tests.sumeru_proxy.consumers.order_sync.books.test_invoices import ADDRESS
from tests.sumeru_proxy.consumers.order_sync.books.test_movements import ONE_BACK, document
from tests.sumeru_proxy.consumers.order_sync.generated import documents

RECEIVERS = Path(__file__).resolve().parents[4] / "cookbook" / "receivers"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
TAKEN = raw(204, b"")


def open_target(url: str, secret: str = SECRET, **options: Any) -> HttpTarget:
    checked = KIND.options_of({"url": url, "allow_private": True, **options})
    return kept(KIND.open(Place("acme", "http", checked, secret)))


_kept: list[HttpTarget] = []


def kept(target: HttpTarget) -> HttpTarget:
    """The target, which is closed after the test."""
    _kept.append(target)
    return target


def kept_endpoint(url: str, **options: Any) -> HttpTarget:
    """A target over an endpoint that is made by hand."""
    return kept(HttpTarget(Endpoint(url, **options), SECRET))


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while _kept:
        _kept.pop().close()


@contextmanager
def answering(*answers: bytes | Answerer) -> Iterator[Scripted]:
    """These answers, one a request, the last one for ever."""

    def answer(received: Any, sock: socket.socket) -> bool | None:
        chosen = answers[min(len(server.received), len(answers)) - 1]
        if isinstance(chosen, bytes):
            sock.sendall(chosen)
            return True
        return chosen(received, sock)

    with scripted(answer) as server:
        yield server


def one(target: HttpTarget, made: Document | None = None, before: Document | None = None) -> Any:
    return target.write([Entry(made or document(), before)])[0]


# -- what is sent


def test_the_signature_is_that_of_the_standard() -> None:
    """The example of the specification's reference implementations."""
    found = headers_of("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', keys_of(SECRET))
    assert found == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_message_is_signed_dated_and_named_for_its_content() -> None:
    made = document(billing=ADDRESS)
    with answering(TAKEN) as server:
        target = open_target(f"{server.url}/orders?from=sumeru")
        for each in (made, made, replace(made, number="#1002")):
            assert isinstance(one(target, each), Receipt)
        target.close()
    first, again, other = server.received
    assert (first.method, first.target, server.connections) == ("POST", "/orders?from=sumeru", 1)
    assert first.headers["content-type"] == "application/json"
    assert first.headers["webhook-id"] == again.headers["webhook-id"] == message_id(made)
    assert first.body == again.body
    assert other.headers["webhook-id"] != first.headers["webhook-id"]
    assert "." not in first.headers["webhook-id"]
    assert abs(int(first.headers["webhook-timestamp"]) - time.time()) < 60
    signed = f"{first.headers['webhook-id']}.{first.headers['webhook-timestamp']}.".encode() + first.body
    good = base64.b64encode(hmac.new(base64.b64decode(SECRET[6:]), signed, hashlib.sha256).digest()).decode()
    assert first.headers["webhook-signature"] == f"v1,{good}"
    message = json.loads(first.body)
    assert message["type"] == "order.changed"
    assert message["data"].pop("fingerprint") == made.fingerprint
    assert from_data(message["data"]) == made


@pytest.mark.parametrize("order_id", ["gid://shop/Order/1", "a.b", "ord ü", "x" * 190, "1\r\nwebhook-id: 2"])
def test_ids_of_any_form_make_a_header(order_id: str) -> None:
    found = message_id(document(order_id=order_id))
    assert found.isascii()
    assert not set(found) & set(". \r\n:/")
    assert len(found) <= 160
    assert found != message_id(document(order_id=order_id + "x"))


def test_two_secrets_sign_during_a_rotation() -> None:
    made = document()
    found = headers_of("a_b", 1_700_000_000, order_body(made), keys_of(f"{SECRET},{OLD}"))["webhook-signature"].split()
    alone = [
        headers_of("a_b", 1_700_000_000, order_body(made), keys_of(each))["webhook-signature"] for each in (SECRET, OLD)
    ]
    assert found == alone


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_%%%", SECRET[6:], f"{SECRET} {OLD} {SECRET}", "whsec_" + "A" * 20]
)
def test_secrets_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="whsec_") as caught:
        keys_of(text)
    assert SECRET not in str(caught.value)
    with pytest.raises(TargetDown) as down:
        one(open_target("http://127.0.0.1:9", text))
    assert down.value.reason == "secret_unusable"
    assert keys_of(new_secret())


@pytest.mark.thorough
def test_the_schema_is_current_and_every_document_is_of_it() -> None:
    assert schema.FILE.read_text(encoding="utf-8") == schema.text(), (
        "run python -m sumeru_proxy.consumers.order_sync.schema"
    )
    found = schema.document_schema()
    # Nothing that is sent is missing from it.
    strict = json.loads(json.dumps(found))
    for part in (strict, *strict["$defs"].values()):
        part["additionalProperties"] = False
    validator = jsonschema.Draft202012Validator(strict, format_checker=jsonschema.FormatChecker())
    checked = 0
    for made in documents(400):
        validator.validate(json.loads(order_body(made))["data"])
        checked += 1
    assert checked == 400
    data = json.loads(order_body(document(billing=ADDRESS, refunds=(ONE_BACK,))))["data"]
    for wrong in (
        {"digits": "2"},
        {"state": "lost"},
        {"lines": [{}]},
        {"billing": 1},
        {"colour": "red"},
        {"fingerprint": "x"},
    ):
        assert list(validator.iter_errors({**data, **wrong})), wrong


# -- what answers mean


def test_taken_is_what_was_done() -> None:
    made = document()
    refunded, cancelled = replace(made, refunds=(ONE_BACK,)), replace(made, state="cancelled")
    with answering(raw(200, b'{"id": "A-77"}'), TAKEN) as server:
        target = open_target(server.url)
        first = one(target)
        assert (first.remote_id, first.number, first.action, first.total) == ("ord_1", "A-77", interface.CREATED, None)
        found = [one(target, each, made) for each in (made, replace(made, number="2"), refunded, cancelled)]
    assert [each.action for each in found] == [
        interface.UNCHANGED, interface.UPDATED, interface.REFUNDED, interface.CANCELLED,
    ]  # fmt: skip
    assert (found[0].remote_id, found[0].number) == (made.order_id, made.number)
    assert not target.reads_back
    assert list(target.orders_between(made.day, made.day)) == []
    assert target.orders_by_id(["ord_1"]) == {}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (408, "busy"), (425, "busy"), (429, "busy"), (502, "busy"), (503, "busy"), (504, "busy"),
        (301, "redirect"), (302, "redirect"), (307, "redirect"), (308, "redirect"),
        (401, "key_refused"), (403, "key_refused"), (404, "endpoint_gone"), (405, "endpoint_gone"), (410, "endpoint_gone"),
    ],
)  # fmt: skip
def test_all_wait_for_an_endpoint_that_is_away_or_set_wrongly(status: int, reason: str) -> None:
    with (
        scripted(reset) as elsewhere,
        answering(raw(status, b"", f"Location: {elsewhere.url}", "Retry-After: 17")) as server,
    ):
        with pytest.raises(TargetDown) as caught:
            open_target(server.url).write([Entry(document()), Entry(document(order_id="ord_2"))])
        assert (caught.value.reason, len(server.received)) == (reason, 1)
        assert elsewhere.connections == 0
    assert caught.value.retry_after_s == (17.0 if reason == "busy" else 60.0)


@pytest.mark.parametrize("status", [400, 402, 409, 413, 415, 418, 422])
def test_one_order_is_refused_and_the_others_go_on(status: int) -> None:
    made = document(billing=ADDRESS)
    words = f"unknown sku\x00 for {made.party.email} of {ADDRESS.street}".encode() + b"!" * 1_000
    with answering(TAKEN, raw(status, words), TAKEN) as server:
        found = open_target(server.url).write([Entry(replace(made, order_id=f"ord_{number}")) for number in range(3)])
    assert [type(each) for each in found] == [Receipt, Refused, Receipt]
    refused = found[1]
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.text[:16]) == ("refused", f"{status} unknown sku ")
    assert len(refused.text) < 320
    assert {made.party.email, ADDRESS.street, ADDRESS.name} <= set(refused.personal)


def test_a_500_for_one_order_parks_it_and_a_500_for_all_does_not() -> None:
    wrong = raw(500, b"boom")
    with answering(wrong, TAKEN, wrong, TAKEN) as server:
        found = open_target(server.url).write([Entry(document()), Entry(document(order_id="ord_2"))])
        assert isinstance(found[0], Refused)
        assert (found[0].reason, found[0].text) == ("server_error", "500 boom")
        assert isinstance(found[1], Receipt)
        kinds = [json.loads(each.body)["type"] for each in server.received]
    assert kinds == ["order.changed", "ping", "order.changed", "order.changed"]
    with answering(wrong) as server, pytest.raises(TargetDown) as caught:
        one(open_target(server.url))
    assert caught.value.reason == "server_error"
    assert len(server.received) == 2
    # It was a moment's weakness.
    with answering(wrong, TAKEN, TAKEN) as server:
        assert isinstance(one(open_target(server.url)), Receipt)


@pytest.mark.parametrize("silence", [reset, hang, drip(raw(200, b"{}" * 50)), raw(200, b"{}", length=50)])
def test_no_whole_answer_is_no_answer(silence: bytes | Answerer) -> None:
    began = time.monotonic()
    with answering(silence) as server, pytest.raises(TargetDown) as caught:
        one(open_target(server.url, timeout_s=1))
    assert caught.value.reason == "unreachable"
    assert time.monotonic() - began < 10


def test_a_kept_connection_that_was_given_up_is_replaced() -> None:
    def last(_received: Any, sock: socket.socket) -> bool:
        sock.sendall(TAKEN)
        return False  # closed without a word

    with answering(last) as server:
        target = open_target(server.url)
        assert all(isinstance(one(target), Receipt) for _ in range(3))
        assert server.connections == 3


def test_a_huge_answer_is_not_read_to_its_end() -> None:
    with answering(raw(200, b"x" * 3_000_000)) as server:
        assert isinstance(one(open_target(server.url)), Receipt)


# -- options


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "url"), ({"url": "ftp://shop.example"}, "url"), ({"url": "http://shop.example"}, "https"), ({"url": "https://"}, "url"),
        ({"url": "https://a:b@shop.example"}, "url"), ({"url": "https://127.0.0.1/"}, "private"), ({"url": "https://[::1]/"}, "private"),
        ({"url": "https://shop.example/\r\nX: 1"}, "url"), ({"url": "https://shop.example/#x"}, "url"),
        ({"url": "https://shop.example", "allow_private": 1}, "allow_private"),
        ({"url": "https://shop.example", "timeout_s": 0}, "timeout_s"),
        ({"url": "https://shop.example", "timeout_s": 11}, "timeout_s"), ({"url": "https://shop.example", "x": 1}, "x is not"),
        ({"url": "https://shop.example:99999/"}, "ort"),
    ],
)  # fmt: skip
def test_options(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        KIND.options_of(options)
    assert KIND.options_of({"url": "https://shop.example/x"}) == {
        "url": "https://shop.example/x", "allow_private": False, "timeout_s": 10.0,
    }  # fmt: skip
