"""The seal of a form: signed, timed, for one subject."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import signing

from widgets.http import forms


class Clock:
    """Django's signer reads the time; this is the only thing patched."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_800_000_000.0
        monkeypatch.setattr(signing.time, "time", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_person_in_good_time_passes(clock: Clock) -> None:
    seal = forms.seal("shop/reviews/prd_1")
    clock.now += 5
    forms.check(seal.token, "shop/reviews/prd_1")
    clock.now += 11 * 3600
    forms.check(seal.token, "shop/reviews/prd_1")


def test_a_script_is_too_fast(clock: Clock) -> None:
    seal = forms.seal("s")
    clock.now += 1
    with pytest.raises(forms.Refused):
        forms.check(seal.token, "s")


@pytest.mark.parametrize("ahead_s", [600, 61, 1, 0, -1, -600])
def test_two_machines_clocks_cost_nobody_a_review(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, ahead_s: float
) -> None:
    clock.now += ahead_s
    with monkeypatch.context() as other:
        other.setattr(forms.socket, "gethostname", lambda: "another-machine")
        seal = forms.seal("s")
    clock.now += 60 - ahead_s
    forms.check(seal.token, "s")


def test_a_clock_that_was_set_back_costs_nothing(clock: Clock) -> None:
    seal = forms.seal("s")
    clock.now -= 180
    forms.check(seal.token, "s")


def test_a_form_left_open_for_a_day_is_stale(clock: Clock) -> None:
    seal = forms.seal("s")
    clock.now += 13 * 3600
    with pytest.raises(forms.Stale):
        forms.check(seal.token, "s")


@pytest.mark.parametrize(
    "change",
    [
        "",
        "x",
        lambda token: token[:-1],
        lambda token: token.upper(),
        lambda token: token * 20,
        lambda token: "é" + token,
    ],
)
def test_what_is_not_our_token_is_refused(clock: Clock, change: Any) -> None:
    seal = forms.seal("s")
    clock.now += 5
    with pytest.raises(forms.Refused):
        forms.check(change(seal.token) if callable(change) else change, "s")


def test_a_token_is_for_one_shop_widget_and_product(clock: Clock) -> None:
    seal = forms.seal("shop-a/reviews/prd_1")
    clock.now += 5
    for other in ("shop-b/reviews/prd_1", "shop-a/quiz/prd_1", "shop-a/reviews/prd_2"):
        with pytest.raises(forms.Refused):
            forms.check(seal.token, other)


def test_every_form_has_its_own_key() -> None:
    keys = {forms.seal("s").key for _ in range(100)}
    assert len(keys) == 100
    assert all(forms.fits_key(key) for key in keys)


@pytest.mark.parametrize("key", ["", "short", "a b c d e f", "x" * 81, "abcdefgh\n", "é" * 10])
def test_keys_that_do_not_fit(key: str) -> None:
    assert not forms.fits_key(key)
