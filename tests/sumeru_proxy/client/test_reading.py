from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sumeru_proxy.client.errors import Unreadable
from sumeru_proxy.client.reading import LIST_ITEMS, Fields, Notes, next_cursor
from sumeru_proxy.client.values import (
    cleaned,
    decimal_of,
    flag_of,
    integer_of,
    json_object,
    moment_of,
    text_of,
    url_of,
    word_of,
)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("19.99", "19.99"),
        (" 5 ", "5"),
        (19.99, "19.99"),
        (0, "0"),
        (-3, "-3"),
        (1e-7, "1E-7"),
        (1e3, "1000.0"),
        (True, None),
        (None, None),
        ("1,299.00", None),
        ("1e5", None),
        ("٣", None),
        ("NaN", None),
        ("Infinity", None),
        (float("inf"), None),
        (float("nan"), None),
        (10**13, None),
        ("9" * 400, None),
        ([1], None),
        ("", None),
    ],
)
def test_decimals(raw: Any, value: str | None) -> None:
    assert decimal_of(raw) == (None if value is None else Decimal(value))


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (3, 3),
        (3.0, 3),
        ("3", 3),
        (" 3 ", 3),
        ("3.0", 3),
        ("-3", -3),
        (3.5, None),
        ("3.5", None),
        (True, None),
        ("", None),
        (10**13, None),
        ("٣", None),
    ],
)
def test_integers(raw: Any, value: int | None) -> None:
    assert integer_of(raw) == value


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (True, True),
        (False, False),
        (1, True),
        (0, False),
        ("true", True),
        ("False", False),
        ("yes", None),
        (2, None),
        ("", None),
        ([], None),
    ],
)
def test_flags(raw: Any, value: bool | None) -> None:
    assert flag_of(raw) is value


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("2026-03-01T09:00:00Z", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("2026-03-01T09:00:00z", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("2026-03-01T11:00:00+02:00", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("2026-03-01T09:00:00", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("2026-03-01 09:00:00.5", datetime(2026, 3, 1, 9, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("2026-13-01T00:00:00Z", None),
        ("yesterday", None),
        (1_700_000_000, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("1700000000", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        (1_700_000_000.5, datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=UTC)),
        (1_700_000_000_000, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("2026-03-01 09:00:00 UTC", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("2026-03-01T09:00:00 gmt", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("2026-03-01 11:00:00 +0200", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        (1_700, None),
        (10**20, None),
        (float("nan"), None),
        (True, None),
        ("1700000000000000000", None),
        ("", None),
        ("2" * 500, None),
    ],
)
def test_moments(raw: Any, value: datetime | None) -> None:
    assert moment_of(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "https://",
        "https:///x",
        "https://shop.example@evil.example/",
        "https://shop.example\\@evil.example/",
        "https://shop.example/\"onload='x'",
        "https://shop.example:port/",
        "https://[::1/",
        "https://x.example/" + "a" * 2100,
        "https://x.example/\u2028x",
        "ftp://x.example/",
        "",
        None,
        5,
    ],
)
def test_other_urls_count_as_missing(raw: Any) -> None:
    assert url_of(raw) is None


def test_urls() -> None:
    assert url_of("HTTPS://shop.example/a?b=c#d") == "HTTPS://shop.example/a?b=c#d"
    assert url_of("//cdn.example/a.jpg") == "https://cdn.example/a.jpg"
    assert url_of("https://cdn.example/a b|c.jpg") == "https://cdn.example/a%20b%7Cc.jpg"
    assert [url_of(each) for each in ("/cart?x=1", "files/a.jpg", "../a.jpg", "./a.jpg")] == [
        "/cart?x=1", "files/a.jpg", "../a.jpg", "./a.jpg",
    ]  # fmt: skip
    for address in (
        "/\\evil.example",
        "///evil.example",
        "x.example/a.jpg",
        "x//a",
        "x:y/z",
        "//",
        "a.jpg",
        "?x",
        "#x",
    ):
        assert url_of(address) is None, address


@given(st.text(alphabet=st.characters(), max_size=200), st.integers(1, 50))
def test_cleaned_text_can_be_encoded_and_is_capped(text: str, limit: int) -> None:
    result = cleaned(text, limit)
    result.encode("utf-8")
    assert len(result) <= limit
    assert "\x00" not in result


def test_only_prose_is_cut_and_shows_it() -> None:
    assert cleaned("abcdef", 6) == "abcdef"
    assert cleaned("abc defg", 5) == "abc…"
    assert cleaned("x" * 50 + "\x00" * 50 + "y", 51) == "x" * 50 + "y"


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("prd_1", "prd_1"),
        ("gid://shop/Product/1", "gid://shop/Product/1"),
        (" prd_1 ", "prd_1"),
        (4711, "4711"),
        (4711.0, "4711"),
        ("x" * 21, "x" * 21),
        ("x" * 22, None),
        ("a\x00b", None),
        ("a\nb", None),
        (1.5, None),
        (True, None),
        (10**18, None),
        ([], None),
        (None, None),
    ],
)
def test_words_are_whole_or_none(raw: Any, value: str | None) -> None:
    assert word_of(raw, 21) == value


def test_a_list_that_is_cut_says_so() -> None:
    notes = Notes()
    outer = Fields({"l": [{"n": 1}] * (LIST_ITEMS + 5), "tags": ["a"] * 300}, "", notes)
    assert len(outer.need_items("l", lambda each: each.need_integer("n"))) == LIST_ITEMS
    assert len(outer.words("tags")) == 250
    assert notes.skipped == [f"l[{LIST_ITEMS}]", "tags[250]"]


def test_text() -> None:
    assert text_of("a\x00b\ud800c\nd\te", 100) == "abc\nd\te"
    assert text_of(12, 10) == "12"
    assert text_of(True, 10) is None
    assert text_of({}, 10) is None


def test_payload_is_plain_json() -> None:
    assert json_object({"a\x00": ["\ud800x", 1, None, {"b": True}]}) == {"a": ["x", 1, None, {"b": True}]}
    assert json_object([1]) == {}
    assert json_object({"long": "x" * 20_001, "k" * 191: 1, "list": ["y" * 20_001, 2]}) == {"list": [None, 2]}


@pytest.mark.parametrize(
    ("pagination", "cursor"),
    [
        ({"next_cursor": "abc", "has_next": True}, "abc"),
        ({"next_cursor": "abc"}, "abc"),
        ({"next_cursor": "abc", "has_next": False}, None),
        ({"next_cursor": None, "has_next": True}, None),
        ({"next_cursor": "", "has_next": True}, None),
        ({"next_cursor": "x" * 513, "has_next": True}, None),
        ({"next_cursor": "a\nb", "has_next": True}, None),
        ({"next_cursor": 5, "has_next": True}, None),
        (None, None),
        ([], None),
    ],
)
def test_next_cursor(pagination: Any, cursor: str | None) -> None:
    assert next_cursor(Fields({"pagination": pagination}, "", Notes())) == cursor


def test_lists_leave_out_what_cannot_be_read_and_say_so() -> None:
    notes = Notes()
    outer = Fields({"data": [{"n": 1}, {"n": "x"}, 5, {"n": 2, "more": 1}]}, "", notes)
    assert outer.need_items("data", lambda each: each.need_integer("n")) == (1, 2)
    assert notes.skipped == ["data[1].n", "data[2]"]
    assert notes.unknown == {"data[].more"}
    assert notes.mapped == {"data", "data[].n"}
    assert notes.misfit == {"data[].n"}


def test_a_list_of_which_nothing_can_be_read_is_unreadable() -> None:
    outer = Fields({"data": [{"m": 1}, {"m": 2}]}, "", Notes())
    with pytest.raises(Unreadable) as caught:
        outer.need_items("data", lambda each: each.need_integer("n"))
    assert caught.value.path == "data[0].n"
    assert Fields({"data": []}, "", Notes()).need_items("data", lambda each: each.need_integer("n")) == ()


def test_a_whole_list_stands_or_falls() -> None:
    notes = Notes()
    with pytest.raises(Unreadable) as caught:
        Fields({"l": [{"n": 1}, {}, {}]}, "a", notes).need_whole_items("l", lambda each: each.need_integer("n"))
    assert caught.value.path == "a.l[1].n"
    assert notes.skipped == []
