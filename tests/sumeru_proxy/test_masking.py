"""A target's own words: nothing of a person or a credential stays, everything else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sumeru_proxy.outbox.masking import TEXT_CHARS, masked


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Product 'SHIRT-XL' is unknown", "Product 'SHIRT-XL' is unknown"),
        ("party ada.lovelace+x@mail.example exists", "party [e-mail] exists"),
        ("<ada@mail.example>, bob@x.example", "<[e-mail]>, [e-mail]"),
        ("Authorization: Bearer abc.def-123", "Authorization: [credential]"),
        ("key copt_live_0123456789abcdef refused", "key [credential] refused"),
        ("secret wsec_0123456789 unknown", "secret [credential] unknown"),
        ("call +49 (0)30 123 4567 8 back", "call [number] back"),
        ("card 4111 1111 1111 1111", "card [number]"),
        ("IBAN DE44 5001 0517 5407 3249 31.", "IBAN [account]."),
        ("GET https://u:p@erp.example/sale?email=a&x=1 failed", "GET https://erp.example/sale?… failed"),
        ("token 0123456789abcdef0123456789abcdef!", "token [token]!"),
        ("on 2026-11-27 06:30 order 100234: total 1190.00, not 1189.99", None),
        ("ADA LOVELACE lives in Ockham", "[name] lives in Ockham"),
        ("line one\r\nline\ttwo\x00three", "line one line two three"),
        ("", ""),
    ],
)
def test_what_is_kept_of_a_text(said: str, kept: str | None) -> None:
    assert masked(said, ["Ada Lovelace", "Al"]) == (said if kept is None else kept)


def test_it_is_bounded_and_says_so() -> None:
    long = masked("no " * 500)
    assert (len(long), long[-1]) == (TEXT_CHARS, "…")


def test_longer_names_are_masked_before_their_parts() -> None:
    assert masked("Ada Lovelace and Ada", ["Ada", "Ada Lovelace"]) == "[name] and [name]"


@given(st.text(), st.lists(st.text(max_size=10), max_size=3))
def test_any_text_gives_one_short_line(text: str, names: list[str]) -> None:
    result = masked(text, names)
    assert len(result) <= TEXT_CHARS
    assert result == " ".join(result.split())


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", ["a" * 100_000, "@" * 100_000, "1 " * 50_000, "https://" * 10_000, "DE44" * 20_000])
def test_hostile_texts_cost_no_time(text: str) -> None:
    assert len(masked(text)) <= TEXT_CHARS
