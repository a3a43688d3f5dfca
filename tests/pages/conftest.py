"""One running widget server and one storefront for all tests here; a browser context of its own for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from sumeru_proxy.sandbox.server import Sandbox, running
from tests.bench.servers import catalogue
from tests.faults.running_site import PLENTY, Site, site
from tests.loader.stub_hosts import StorefrontHost
from tests.pages.between import Between
from tests.pages.shopper import RECORDER, Shopper
from tests.sumeru_proxy.installation import wait_until

BADGES = [f"prd_{number}" for number in range(21, 69)]
WARM = (
    "reviews.json?product_id=prd_1",
    "bundles.json?product_id=prd_1",
    "upsell.json?product_ids=prd_1&cart_total=40&currency=EUR",
    "quiz.json?quiz_id=quiz_1",
    "product_feed.json?limit=8",
    "ab_experiment.json?experiment=hero",
    *(f"rating_badge.json?product_id={product}" for product in BADGES),
)


@pytest.fixture(scope="session")
def upstream() -> Iterator[Sandbox]:
    with running(catalogue(80, 3), limits=PLENTY) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def store() -> Iterator[StorefrontHost]:
    host = StorefrontHost()
    yield host
    host.close()


@pytest.fixture(scope="session")
def place(upstream: Sandbox, store: StorefrontHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A widget server whose shop knows the storefront, with copies of what the pages show."""
    with site("sqlite", tmp_path_factory.mktemp("pages"), upstream, TRUSTED_PROXIES="0") as made:
        made.manage(
            "shell",
            "-v",
            "0",
            "-c",
            f"from sumeru_proxy.models import *; ShopOrigin.objects.create(shop=Shop.objects.get(), origin={store.origin!r})",
        )
        web = made.web(processes=1)
        for path in WARM:
            url = f"/w/v1/{made.key}/{path}"
            assert wait_until(lambda url=url: web.get(url).json()["state"] != "pending", 20, 0.05), path
        yield made


@pytest.fixture(scope="session")
def passage(place: Site) -> Iterator[Between]:
    host = Between(place.webs[0].port)
    yield host
    host.close()


@pytest.fixture
def options() -> dict[str, Any]:
    """Options of the browser context; a test overrides it by parametrizing."""
    return {}


@pytest.fixture
def shopper(
    request: pytest.FixtureRequest,
    place: Site,
    passage: Between,
    store: StorefrontHost,
    upstream: Sandbox,
    options: dict[str, Any],
) -> Iterator[Shopper]:
    browser: Browser = request.getfixturevalue(
        "whole_browser" if request.node.get_closest_marker("bfcache") else "browser"
    )
    passage.calm()
    store.pages.clear()
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    context.set_default_timeout(15_000)
    context.add_init_script(RECORDER)
    yield Shopper(context, passage, store, place.key)
    passage.release.set()
    context.close()
    upstream.faults.clear()
