"""The loader and ``?sumeru-debug``: it fetches the overlay when the page's address asks for it, from beside itself, and never else."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.loader.conftest import Shopfront
from tests.loader.stub_hosts import SHOP

REVIEWS = "<sumeru-widget id=r type=reviews product-id=prd_1><a href='/r'>Reviews</a></sumeru-widget>"


def visit(front: Shopfront, address: str, body: str = REVIEWS, **serve: object) -> Page:
    front.serve(body, **serve)  # type: ignore[arg-type]
    front.page.goto(front.store.origin + address)
    return front.page


def scripts(front: Shopfront) -> list[str]:
    return [seen.path for seen in front.widgets.ending("debug.js")]


@pytest.mark.parametrize("address", ["/?sumeru-debug", "/?variant=7&sumeru-debug#buy"])
def test_it_shows_what_is_wrong(shopfront: Shopfront, address: str) -> None:
    page = visit(shopfront, address, REVIEWS + "<sumeru-widget><a>x</a></sumeru-widget>")
    expect(page.locator("sumeru-debug").locator("li", has_text="· no_type:")).to_be_visible()
    assert scripts(shopfront) == ["/embed/debug.js"]


@pytest.mark.parametrize("address", ["/", "/?debug=1", "/?sumeru=debug", "/sumeru-debug"])
def test_nobody_else_loads_it(shopfront: Shopfront, address: str) -> None:
    visit(shopfront, address, path=address.partition("?")[0])
    shopfront.wait_events("ready")
    shopfront.fence()
    assert scripts(shopfront) == []


@pytest.mark.parametrize("folder", ["embed/", "apps/embed/widgets/embed/", "widgets/embed/0123456789abcdef/"])
def test_it_is_fetched_from_beside_the_loader(shopfront: Shopfront, folder: str) -> None:
    """Also through a storefront's own proxy, whose prefix may hold the same word, and from a pinned copy."""
    name = "loader.js" if folder.endswith("f/") else "v1.js"
    head = f'<script async crossorigin src="{shopfront.widgets.origin}/{folder}{name}" data-shop="{SHOP}"></script>'
    page = visit(shopfront, "/?sumeru-debug", head=head)
    expect(page.locator("sumeru-debug")).to_have_count(1)
    home = "/" + folder[: folder.rindex("embed/")]
    assert scripts(shopfront) == [home + "embed/debug.js"]
    shopfront.wait_events("ready")
    assert shopfront.widgets.ending("/batch")[0].path == f"{home}w/v1/{SHOP}/batch"


def test_the_api_may_be_elsewhere(shopfront: Shopfront) -> None:
    """A copy that stands anywhere, with ``data-api``: it works, and asking for the overlay breaks nothing."""
    head = f'<script async crossorigin src="{shopfront.widgets.origin}/assets/copy.js" data-api="{shopfront.widgets.base}"></script>'
    visit(shopfront, "/?sumeru-debug", head=head)
    shopfront.wait_events("ready")


def test_two_loaders_show_it_once(shopfront: Shopfront) -> None:
    pinned = shopfront.script.replace("v1.js", "0123456789abcdef/loader.js")
    page = visit(shopfront, "/?sumeru-debug", head=shopfront.script + pinned)
    expect(page.locator("sumeru-debug").locator("li", has_text="· two_loaders:")).to_be_visible()
    assert len(scripts(shopfront)) == 1


@pytest.mark.parametrize("crossorigin", [" crossorigin", ""])
def test_the_strictest_policy_allows_it(shopfront: Shopfront, crossorigin: str) -> None:
    policy = (
        f"default-src 'none'; script-src 'nonce-n' 'strict-dynamic'; style-src 'none'; connect-src {shopfront.widgets.origin}; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    head = shopfront.script.replace("<script async crossorigin", f'<script nonce="n" async{crossorigin}')
    page = visit(shopfront, "/?sumeru-debug", head=head, headers={"Content-Security-Policy": policy})
    expect(page.locator("sumeru-debug").get_by_role("status")).to_contain_text("finding")
    assert page.evaluate("refused") == []
