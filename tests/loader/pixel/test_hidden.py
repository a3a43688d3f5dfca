"""Hidden is not seen: what a page keeps but does not show says nothing of the page or the visitor."""

from __future__ import annotations

import pytest

from tests.loader.pixel.pages import PART, Tracked, linked, painted


def reviews(product: str, more: str = "") -> str:
    return (
        f"<sumeru-widget type=reviews product-id={product} style='display:block'><template shadowrootmode=open>"
        f"<section part=reviews style='height:200px' {more}>text</section></template></sumeru-widget>"
    )


EXPOSURE = (
    "<sumeru-widget type=ab_experiment experiment=hero><template shadowrootmode=open>"
    """<div part=experiment data-exposure='{"experiment":"hero","variant":"a"}'>x</div></template></sumeru-widget>"""
)
HIDDEN = {
    "React's Activity": "<div style='display:none!important'>{}</div>",
    "a closed dialog": "<dialog>{}</dialog>",
    "skipped content": "<div style='content-visibility:hidden'>{}</div>",
    "the attribute": "<div hidden>{}</div>",
    "closed details": "<details><summary>More</summary>{}</details>",
    "an invisible menu": "<div style='visibility:hidden;height:0'>{}</div>",
    "a popover": "<div popover>{}</div>",
}
FIRST = reviews("prd_1") + linked('{"@type": "Product", "sku": "first"}') + EXPOSURE


@pytest.mark.parametrize("way", HIDDEN)
def test_the_page_that_is_shown_is_named(tracked: Tracked, way: str) -> None:
    page = tracked.open(HIDDEN[way].format(FIRST) + reviews("prd_2"))
    painted(page)
    tracked.until(lambda: tracked.of("widget_view"), hiding=True)
    assert [event["properties"]["product_id"] for event in tracked.of("product_view")] == ["prd_2"]
    assert [event["properties"]["product_id"] for event in tracked.of("widget_view")] == ["prd_2"]
    assert tracked.of("experiment_exposure") == []


def test_structured_data_of_a_hidden_page(tracked: Tracked) -> None:
    first, second = (linked(f'{{"@type": "Product", "sku": "{sku}"}}') for sku in ("first", "second"))
    tracked.open(HIDDEN["React's Activity"].format(first) + f"<main>{second}</main>")
    tracked.until(lambda: tracked.of("product_view"), hiding=True)
    assert [event["properties"] for event in tracked.of("product_view")] == [{"sku": "second"}]


def test_what_comes_out_is_seen(tracked: Tracked) -> None:
    page = tracked.open("<dialog>" + FIRST + "</dialog>")
    tracked.hide()
    assert tracked.of("product_view") == []
    page.evaluate("document.querySelector('dialog').showModal()")
    tracked.until(lambda: tracked.of("widget_view") and tracked.of("experiment_exposure"), hiding=True)
    assert [event["properties"] for event in tracked.of("product_view")] == [{"product_id": "prd_1"}]


@pytest.mark.parametrize(
    "place",
    [
        "<div style='height:3000px'></div><div style='content-visibility:auto'>{}</div>",
        "<div style='display:contents'>{}</div>",
        "<div style='opacity:0'>{}</div>",
    ],
)
def test_what_is_further_down_is_there(tracked: Tracked, place: str) -> None:
    tracked.open(place.format(FIRST))
    tracked.until(lambda: tracked.of("experiment_exposure"), hiding=True)
    assert [event["properties"] for event in tracked.of("product_view")] == [{"product_id": "prd_1"}]


def test_a_host_without_a_box_of_its_own(tracked: Tracked) -> None:
    tracked.open(f"<div data-sumeru-widget=reviews data-product-id=prd_7 style='display:contents'>{PART}</div>")
    tracked.until(lambda: tracked.of("product_view"), hiding=True)
    assert tracked.of("product_view")[0]["properties"] == {"product_id": "prd_7"}
