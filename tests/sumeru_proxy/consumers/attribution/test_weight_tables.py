"""Versions of weights: published once, never changed, found by an order's time; CSV there and back, hostile files refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sumeru_proxy.consumers.attribution import weight_tables, words
from sumeru_proxy.consumers.attribution.company import BadRules, Rule
from sumeru_proxy.consumers.attribution.models import AttributionSettings, Label
from sumeru_proxy.models import Shop
from tests.sumeru_proxy.consumers.attribution import drawing

pytestmark = pytest.mark.stores


def test_an_order_gets_the_version_of_its_time(shop: Shop) -> None:
    first = weight_tables.draft(shop.pk, [Rule("channel", "email", 2_000)])
    second = weight_tables.draft(shop.pk, [Rule("channel", "email", 3_000)], "more")
    third = weight_tables.draft(shop.pk, [Rule("channel", "email", 4_000)])
    assert [first.number, second.number, third.number] == [1, 2, 3]
    weight_tables.publish(first, 1_000)
    weight_tables.publish(third, 5_000)
    weight_tables.publish(second, 5_000)  # the same moment: the later number holds, whatever was published last
    found = weight_tables.tables(shop.pk)
    assert [found.at(moment).version for moment in (0, 999, 1_000, 4_999, 5_000, 10**15)] == [0, 0, 1, 1, 3, 3]
    assert found.at(0).rules == ()
    assert AttributionSettings.objects.get(shop=shop).revision == 4


def test_a_version_in_force_never_changes(shop: Shop) -> None:
    version = weight_tables.draft(shop.pk, [Rule("channel", "email", 2_000)])
    weight_tables.change(version, [Rule("channel", "email", 2_500)])
    assert weight_tables.rules_of(version) == (Rule("channel", "email", 2_500),)
    weight_tables.publish(version, 0)
    with pytest.raises(weight_tables.Published):
        weight_tables.change(version, [])
    with pytest.raises(weight_tables.Published):
        weight_tables.publish(version, 7)
    assert weight_tables.rules_of(version) == (Rule("channel", "email", 2_500),)
    assert version.effective_ms == 0


def test_a_bad_draft_changes_nothing(shop: Shop) -> None:
    version = weight_tables.draft(shop.pk, [Rule("channel", "email", 2_000)])
    with pytest.raises(BadRules):
        weight_tables.change(version, [Rule("channel", "email", -1)])
    with pytest.raises(BadRules):
        weight_tables.draft(shop.pk, [Rule("colour", "red", 1)])
    assert weight_tables.rules_of(version) == (Rule("channel", "email", 2_000),)


def test_another_shop_has_its_own(shop: Shop, other_shop: Shop) -> None:
    weight_tables.publish(weight_tables.draft(other_shop.pk, [Rule("channel", "email", 2_000)]), 0)
    assert weight_tables.tables(shop.pk).at(5).version == 0


def test_csv_there_and_back() -> None:
    text = weight_tables.to_csv(drawing.RULES.rules)
    assert text.splitlines()[:2] == ["dimension,value,factor_thousandths", "channel,email,1200"]
    assert weight_tables.from_csv(text.encode()) == drawing.RULES.rules
    assert weight_tables.from_csv(b"\xef\xbb\xbf" + text.encode()) == drawing.RULES.rules


@pytest.mark.thorough
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=50))
def test_csv_carries_any_value_and_no_formula(value: str) -> None:
    text = weight_tables.to_csv([Rule("channel", value, 1_000)])
    assert weight_tables.from_csv(text.encode()) == (Rule("channel", value, 1_000),)
    cell = text.split("\r\n", 1)[1].removeprefix("channel,").removeprefix('"')
    assert not cell.startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize(
    ("data", "codes"),
    [
        (b"", ["header"]),
        (b"a,b,c\n", ["header"]),
        (b"\xff\xfe", ["encoding"]),
        (b'dimension,value,factor_thousandths\nchannel,"x', ["csv"]),
        (b"dimension,value,factor_thousandths\nchannel,email\n", ["columns"]),
        (b"dimension,value,factor_thousandths\nchannel,email,1.5\nchannel,sms,-1\n", ["factor", "factor"]),
        (b"dimension,value,factor_thousandths\nchannel,email,\xd9\xa1\n", ["factor"]),
        (b"dimension,value,factor_thousandths\nchannel,email,100001\n", ["factor"]),
        (b"dimension,value,factor_thousandths\nchannel,email,1\nchannel,email,2\n", ["twice"]),
        (b"x" * (512 * 1024 + 1), ["too_large"]),
    ],
)
def test_bad_files_are_refused(data: bytes, codes: list[str]) -> None:
    with pytest.raises(BadRules) as caught:
        weight_tables.from_csv(data)
    assert [problem.code for problem in caught.value.problems] == codes


def test_words_are_stored_once_and_never_without_bound(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "WORD_LIMITS", {**words.WORD_LIMITS, "device": 2})
    pairs = [("channel", "email"), ("device", "a"), ("device", "b"), ("device", "c"), ("device", "d"), ("device", "")]
    found = words.ids_of(shop.pk, pairs)
    assert found == words.ids_of(shop.pk, pairs)
    assert found["device", ""] == 0
    texts = words.texts_of(shop.pk)
    assert {texts[found["device", name]] for name in "abcd"} == {"a", "b", "(other)"}
    assert texts[found["channel", "email"]] == "email"
    assert Label.objects.filter(shop=shop, kind="device").count() == 3
    assert words.ids_of(shop.pk, [("channel", "x" * 300)]) == {("channel", "x" * 300): max(words.texts_of(shop.pk))}
