from __future__ import annotations

from typing import Any

import pytest
from babel import Locale
from babel.core import get_global
from babel.numbers import list_currencies

from sumeru_proxy.client.codes import country_code, currency_code

NO_COUNTRIES = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("usd", "USD"), (" EUR ", "EUR"), ("HRK", "HRK"),
        ("USDC", None), ("US", None), ("USD ", "USD"), ("US$", None), ("XXX", None), ("XTS", None), ("BTC", None),
        ("840", None), (840, None), ("", None), (None, None), ("dollar", None),
    ],
)  # fmt: skip
def test_currencies(raw: Any, code: str | None) -> None:
    assert currency_code(raw) == code


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("de", "DE"), ("DEU", "DE"), ("chn", "CN"), ("CHE", "CH"), ("UK", "GB"), ("XK", "XK"), (" us ", "US"),
        ("Germany", None), ("GEO", "GE"), ("Georgia", None), ("China", None), ("EU", None), ("ZZ", None), ("276", None),
        ("D", None), ("DEUX", None), ("", None), (None, None), (49, None),
    ],
)  # fmt: skip
def test_countries(raw: Any, code: str | None) -> None:
    assert country_code(raw) == code


def test_the_tables_are_those_of_cldr() -> None:
    """A new edition that knows more fails here; then the tables are written again."""
    currencies = set(list_currencies()) - {"XXX", "XTS"}
    assert {code for code in currencies if currency_code(code) != code} == set()
    territories = {code for code in Locale("en").territories if len(code) == 2 and code.isalpha()} - NO_COUNTRIES
    assert {code for code in territories if country_code(code) != code} == set()
    three_letters = {
        code: found[0]
        for code, found in get_global("territory_aliases").items()
        if len(code) == 3 and code.isalpha() and len(found) == 1 and found[0] in territories
    }
    former = {"BUR", "DDR", "FXX", "TMP", "YMD", "ZAR"}
    assert {code for code, two in three_letters.items() if country_code(code) != two} == former
