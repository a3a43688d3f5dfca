"""Envelopes and what events mean: pure tables, no database."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sumeru_proxy.webhooks import intake, persons, topics

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "id": "evt_1",
    "type": "order.created",
    "created_at": "2026-11-20T11:59:00Z",
    "shop_domain": "small.example",
    "data": {"order_id": "ord_1"},
}


def body(**changes: Any) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in GOOD.items() if key != name}).encode()


MALFORMED: list[tuple[str, bytes, str]] = [
    ("empty", b"", "body"),
    ("blank", b"  \n", "body"),
    ("not JSON", b"hello", "body"),
    ("half", body()[:-2], "body"),
    ("two values", body() + body(), "body"),
    ("not UTF-8", b'{"id":"\xff\xfe"}', "body"),
    ("UTF-16", body().decode().encode("utf-16"), "body"),
    ("byte order mark", b"\xef\xbb\xbf" + body(), "body"),
    ("encoded surrogate", b'{"id":"\xed\xa0\x80"}', "body"),
    ("gzip", bytes.fromhex("1f8b0800000000000003"), "body"),
    ("raw NUL", b'{"id":"a\x00b"}', "body"),
    ("deep list", b"[" * 100_000, "body"),
    ("deep object", b'{"a":' * 40_000 + b"1" + b"}" * 40_000, "body"),
    ("deep but readable", body(data={"a": json.loads("[" * 70 + "]" * 70)}), "body"),
    ("NaN", body().replace(b'"ord_1"', b"NaN"), "body"),
    ("Infinity", body().replace(b'"ord_1"', b"-Infinity"), "body"),
    ("overflow", body().replace(b'"ord_1"', b"1e999"), "body"),
    ("endless number", body().replace(b'"ord_1"', b"9" * 5_000), "body"),
    ("list", b"[]", "body"),
    ("string", b'"evt_1"', "body"),
    ("number", b"7", "body"),
    ("null", b"null", "body"),
    ("no id", without("id"), "id"),
    ("id list", body(id=["evt_1"]), "id"),
    ("id empty", body(id=""), "id"),
    ("id long", body(id="e" * 121), "id"),
    ("id NUL", body(id="evt\x00"), "id"),
    ("no type", without("type"), "type"),
    ("type object", body(type={}), "type"),
    ("type long", body(type="a" * 81), "type"),
    ("no date", without("created_at"), "created_at"),
    ("date small number", body(created_at=1_700), "created_at"),
    ("domain list", body(shop_domain=[]), "shop_domain"),
    ("domain long", body(shop_domain="a" * 191), "shop_domain"),
    ("date words", body(created_at="yesterday at noon"), "created_at"),
    ("date impossible", body(created_at="2026-13-40T10:00:00Z"), "created_at"),
    ("date out of range", body(created_at="0001-01-01T00:00:00+23:59"), "created_at"),
]


@pytest.mark.parametrize(("raw", "field"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
def test_malformed_bodies_name_the_field(raw: bytes, field: str) -> None:
    with pytest.raises(intake.Malformed) as caught:
        intake.read_envelope(raw)
    assert caught.value.field == field


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_no_bytes_raise_anything_else(raw: bytes) -> None:
    with contextlib.suppress(intake.Malformed):
        intake.read_envelope(raw)


@pytest.mark.thorough
@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "more"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ),
    )
)
def test_no_json_object_raises_anything_else(changes: dict[str, Any]) -> None:
    try:
        envelope = intake.read_envelope(body(**changes))
    except intake.Malformed:
        return
    topics.stale_after(envelope.type, envelope.data)
    persons.recognised(envelope.data)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"data": None}, {}),
        ({"data": []}, {}),
        ({"data": "x"}, {}),
        ({"id": 4711}, {"order_id": "ord_1"}),
        ({"shop_domain": None}, {"order_id": "ord_1"}),
        ({"type": "Order Created"}, {"order_id": "ord_1"}),
        ({"more": [1, {"x": "y"}]}, {"order_id": "ord_1"}),
        ({"data": {"text": "a\u0000b \ud800 ü"}}, {"text": "a\u0000b \ud800 ü"}),
    ],
)
def test_unknown_and_odd_content_is_taken(changes: dict[str, Any], what: dict[str, Any]) -> None:
    assert intake.read_envelope(body(**changes)).data == what


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T11:59:00Z", "2026-11-20T11:59:00z", "2026-11-20T11:59:00", "2026-11-20T13:59:00+02:00",
        "2026-11-20T11:59:00.000Z", "2026-11-20 11:59:00 UTC", 1_795_175_940, "1795175940", 1_795_175_940_000, 1_795_175_940.0,
    ],
)  # fmt: skip
def test_dates_become_utc(text: Any) -> None:
    assert intake.read_envelope(body(created_at=text)).occurred_at == datetime(2026, 11, 20, 11, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "reason"),
    [
        (timedelta(0), ""),
        (timedelta(days=3), ""),
        (timedelta(days=3, seconds=1), "too_old"),
        (timedelta(days=9_000), "too_old"),
        (-timedelta(minutes=6), ""),
        (-timedelta(days=1), ""),
        (-timedelta(days=1, seconds=1), "in_future"),
        (-timedelta(days=9_000), "in_future"),
    ],
)
def test_what_is_too_old_or_in_the_future(age: timedelta, reason: str) -> None:
    assert intake.reason_to_ignore(intake.read_envelope(body(created_at=(NOW - age).isoformat())), NOW) == reason


@pytest.mark.parametrize(
    ("domain", "known"),
    [
        ("hooks.example", True), ("HOOKS.example ", True), ("www.hooks.example", True), ("https://hooks.example/", True),
        ("hooks.example:443", True), ("hooks.example.", True), ("hooks.myplatform.example", True), ("", True),
        ("other.example", False), ("hooks.example.evil.example", False), ("xhooks.example", False), ("www.", False),
    ],
)  # fmt: skip
def test_the_domains_of_a_shop_are_a_list(domain: str, known: bool) -> None:
    domains = ("Hooks.example", "hooks.myplatform.example")
    reason = intake.reason_to_ignore(intake.read_envelope(body(shop_domain=domain)), NOW, domains)
    assert reason == ("" if known else "other_domain")


@pytest.mark.parametrize(
    ("event_type", "data", "stale"),
    [
        ("gdpr.completed", {"customer_id": "cus_1"}, ()),  # see test_erasing
        ("customer.updated", {"id": "cus_2", "email": "a@b.example"}, ("customer:cus_2",)),
        ("customer.tagged", {"customer": {"id": "cus_3"}}, ("customer:cus_3",)),
        ("opt_in.changed", {"customer_id": 7}, ("customer:7",)),
        (
            "order.created",
            {"line_items": [{"product_id": "prd_1"}, {"product_id": "prd_1"}, 5, {}]},
            ("product:prd_1",),
        ),
        (
            "order.created",
            {"order": {"customer": {"id": "cus_1"}, "line_items": [{"product_id": "prd_2"}]}},
            ("product:prd_2", "customer:cus_1"),
        ),
        ("order.created", {"line_items": "none"}, ()),
        ("order.attributed", {"order_id": "ord_1"}, ()),
        ("campaign.launched", {"customer_id": "cus_1"}, ()),
        ("something.new", {"customer_id": "cus_1"}, ()),
    ],
)
def test_what_an_event_makes_stale(event_type: str, data: dict[str, Any], stale: tuple[str, ...]) -> None:
    assert topics.stale_after(event_type, data).topics == stale


@pytest.mark.parametrize(
    ("event_type", "data", "order"),
    [
        ("order.attributed", {"order_id": "ord_1"}, "ord_1"),
        ("order.created", {"id": "ord_2"}, "ord_2"),
        ("order.created", {"order": {"id": "ord_3"}}, "ord_3"),
        ("order.created", {"id": "bad\nid"}, None),
        ("customer.created", {"id": "cus_1"}, None),
    ],
)
def test_which_order_an_event_is_about(event_type: str, data: dict[str, Any], order: str | None) -> None:
    assert topics.order_of(event_type, data) == order
