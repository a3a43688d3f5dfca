"""The docs as a developer reads them: on a phone, by tabs, and with the choice of a tab kept."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.pages.shopper import Shopper

pytestmark = [pytest.mark.browser]


@pytest.mark.parametrize("options", [{"viewport": {"width": 360, "height": 740}}], ids=["phone"])
@pytest.mark.parametrize("path", ["/docs/", "/docs/client/", "/docs/deploying/", "/docs/troubleshooting/"])
def test_nothing_is_wider_than_a_phone(shopper: Shopper, path: str) -> None:
    shopper.page.goto(shopper.passage.origin + path)
    assert shopper.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_each_group_shows_one_tab_and_the_choice_is_kept(shopper: Shopper) -> None:
    page = shopper.page
    page.goto(shopper.passage.origin + "/docs/")
    groups = page.locator("[data-tabs]").count()
    assert groups > 1
    expect(page.locator("[role=tabpanel]:visible")).to_have_count(groups)
    page.get_by_role("tab", name="Hydrogen").first.click()
    expect(page.locator("[role=tabpanel]:visible")).to_have_count(groups)
    page.reload()
    expect(page.get_by_role("tab", name="Hydrogen").first).to_have_attribute("aria-selected", "true")
    expect(page.locator("[role=tabpanel]:visible")).to_have_count(groups)
