"""The parameters of the widget `reviews`."""

from __future__ import annotations

import pytest

from tests.widgets.fragments import call_of
from widgets.catalog.reviews import Reviews


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"product_id": "../x"},
        {"product_id": "p", "page": "0"},
        {"product_id": "p", "page": "201"},
        {"product_id": "p", "rating": "6"},
        {"product_id": "p", "sort": "random"},
        {"product_id": "p", "limit": "51"},
    ],
)
def test_bad_parameters_are_refused(wrong: dict[str, str]) -> None:
    assert not Reviews.Params(data=wrong).is_valid()


def test_empty_choices_of_the_form_mean_all() -> None:
    call = call_of(Reviews(), product_id="p", rating="", sort="")
    assert (call.params.rating, call.params.sort, call.params.media) == ("", "", False)
    assert call.link() == "https://widgets.example/w/v1/shopkey/reviews?page=1&product_id=p"
