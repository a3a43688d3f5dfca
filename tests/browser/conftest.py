"""Tabs to visit the demo in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser.visiting import COUNT_SHIFTS, Facts, Open, Visitor


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
