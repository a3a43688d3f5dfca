"""The real demo, once per module, and Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.visiting import COUNT_SHIFTS, Facts, Open, Visitor, warm
from tests.conftest import CHROMIUM_FLAGS
from tests.widgets.demo_runs import Run, running


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with running(tmp_path_factory.mktemp("demo")) as run:
        yield run


@pytest.fixture(scope="module")
def facts(demo: Run) -> Facts:
    """What the demo said, with copies of what its pages show first: cold widgets are other tests' matter."""
    found = demo.facts()
    for name in ("rating_badge", "reviews", "bundles"):
        warm(found, name, product_id=found["product"])
    warm(found, "product_feed", collection="packs", sort="rating", layout="carousel", limit="12")
    warm(found, "product_feed", collection="camp")
    return found


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visitor(browser: Browser, facts: Facts) -> Iterator[Open]:
    contexts: list[BrowserContext] = []

    def open_tab(width: int = 1280, *, scripts: bool = True) -> Visitor:
        context = browser.new_context(viewport={"width": width, "height": 800}, java_script_enabled=scripts)
        context.add_init_script(COUNT_SHIFTS)
        context.set_default_timeout(15_000)
        contexts.append(context)
        return Visitor(context, facts)

    yield open_tab
    for context in contexts:
        context.close()
