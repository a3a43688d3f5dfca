"""The plain storefront's pages in Firefox: filled and adopted, paged and filtered in place, written in, under a strict policy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.test_forms import A_PERSONS_PACE_MS, arrived
from tests.browser.visiting import Facts
from tests.storefronts.plain_host import PlainHost, plain
from tests.widgets.demo_runs import Run

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HERE = Path(__file__).parent
READY = "document.querySelector('sumeru-widget[type=%s]').matches(':state(ready)')"
LIST = "part('reviews', '.sw-review')"
ALL = "document.querySelector('sumeru-widget[type=reviews]').shadowRoot.querySelectorAll('%s').length"
Step = list[Any]
Visit = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def shop(demo: Run, facts: Facts) -> Iterator[PlainHost]:
    with plain(demo, facts) as host:
        yield host


@pytest.fixture
def visit(shop: PlainHost, tmp_path: Path) -> Visit:
    firefox = shutil.which("firefox-esr") or shutil.which("firefox")
    assert firefox, (
        "Firefox is missing: apt-get install firefox-esr, or run `python3 manage.py test`, which installs it."
    )
    assert (HERE.parent / "browser" / "node_modules" / "puppeteer-core").exists(), "run npm ci in tests/browser"

    def go(path: str, *steps: Step) -> dict[str, Any]:
        asked = {"firefox": firefox, "url": f"{shop.origin}/{path}", "steps": steps}
        done = subprocess.run(
            ["node", "firefox.mjs", json.dumps(asked)],
            cwd=HERE,
            env={**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        assert told["said"] == []
        assert told["refused"] == []
        return told

    return go


@pytest.mark.parametrize("page", ["product", "server", "pinned", "strict"])
def test_reviews_are_paged_and_filtered_in_place(visit: Visit, page: str) -> None:
    told = visit(
        f"{page}.html",
        ["wait", READY % "reviews"],
        ["wait", READY % "rating_badge"],
        ["eval", "performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/batch?')).length"],
        ["eval", ALL % ".sw-review"],
        ["eval", f"window.first = {LIST}.innerText"],
        ["click", "part('reviews', 'a[rel=next]') || part('reviews', 'nav a:last-of-type')"],
        ["wait", f"{LIST}.innerText != window.first"],
        ["eval", "document.querySelector('sumeru-widget[type=reviews]').shadowRoot.activeElement?.localName"],
        ["click", "part('reviews', '.sw-hist li:last-child a, .sw-hist a:last-of-type')"],
        ["wait", "part('reviews', '.sw-hist a[aria-current]')"],
        ["eval", "location.pathname"],
    )
    assert told["values"][0] == (0 if page == "server" else 1)  # what the page came with is adopted
    assert told["values"][1] == 10
    assert told["values"][3] == "h3"
    assert told["values"][4] == f"/{page}.html"


def test_a_review_is_written_in_place(visit: Visit, facts: Facts) -> None:
    text = f"Seen with another engine {uuid.uuid4().hex}"
    told = visit(
        "product.html",
        ["wait", READY % "reviews"],
        ["click", "[...document.querySelector('sumeru-widget[type=reviews]').shadowRoot.querySelectorAll('a')]"
         ".find((link) => link.innerText == 'Write a review')"],
        ["wait", "part('reviews', 'form[method=post]')"],
        ["pause", A_PERSONS_PACE_MS],
        ["click", "part('reviews', 'label[for=sw-r4]')"],
        ["type", "part('reviews', 'textarea[name=body]')", text],
        ["type", "part('reviews', 'input[name=name]')", "Fay Shopper"],
        ["type", "part('reviews', 'input[name=email]')", "fay@shopper.example"],
        ["click", "part('reviews', 'form[method=post] button')"],
        ["wait", "part('reviews', '[part=thanks]')"],
        ["eval", "part('reviews', '[part=thanks]').innerText"],
        ["eval", "location.pathname"],
    )  # fmt: skip
    assert "Thank you!" in told["values"][0]
    assert told["values"][1] == "/product.html"
    arrived(facts, text)


def test_the_overlay(visit: Visit, facts: Facts) -> None:
    told = visit(
        "product.html",
        ["wait", READY % "reviews"],
        ["eval", f"import('{facts['widgets']}embed/debug.js').then(() => 1)"],
        ["wait", "document.querySelector('sumeru-debug')?.shadowRoot.querySelectorAll('tbody tr').length == 2"],
        [
            "wait",
            "/findings$/.test(document.querySelector('sumeru-debug').shadowRoot.querySelector('[role=status]').textContent)",
        ],
        ["eval", "document.querySelector('sumeru-debug').shadowRoot.querySelector('[role=status]').textContent"],
    )
    assert told["values"][1] == "2 widgets, 0 errors, 0 other findings"
