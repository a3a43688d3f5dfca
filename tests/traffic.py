"""What a page has under way, for tests that wait until it is quiet."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Frame, Page, Request, Response

QUIET_S = 0.5
LIMIT_S = 30.0


class Traffic:
    """The requests of one page that have no answer yet.

    Beacons and bodies of acknowledgements (202) that nobody reads do not count. To Playwright's own ``networkidle`` they do, and it
    learns only after many seconds, when a timeout of the page's script ends them, that nothing is under way.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._under_way: set[Request] = set()
        self._changed_at = time.monotonic()
        page.on("request", self._noted(self._under_way.add))
        page.on("requestfinished", self._noted(self._under_way.discard))
        page.on("requestfailed", self._noted(self._under_way.discard))
        page.on("response", self._acknowledged)
        page.on("framenavigated", self._navigated)

    def _noted(self, change: Callable[[Request], None]) -> Callable[[Request], None]:
        def note(request: Request) -> None:
            if request.resource_type != "ping":
                change(request)
                self._changed_at = time.monotonic()

        return note

    def _acknowledged(self, response: Response) -> None:
        if response.status == 202:
            self._under_way.discard(response.request)

    def _navigated(self, frame: Frame) -> None:
        """What the document before this one had asked for is nobody's any more, and its end may never be reported."""
        if frame == self._page.main_frame:
            self._under_way.intersection_update([each for each in self._under_way if each.is_navigation_request()])

    def settle(self) -> None:
        """Returns when the document is loaded and nothing was asked or answered for QUIET_S. Fails after LIMIT_S."""
        self._page.wait_for_load_state("load")
        deadline = time.monotonic() + LIMIT_S
        while self._under_way or time.monotonic() - self._changed_at < QUIET_S:
            assert time.monotonic() < deadline, f"still under way: {[each.url for each in self._under_way]}"
            self._page.wait_for_timeout(50)
