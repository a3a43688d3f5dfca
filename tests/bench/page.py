"""``python -m tests.bench page``: what a shopper's browser has of it: time to the first widget, shifts, long tasks, bytes, memory.

Chromium against a real server. Times go through a modelled network (``slow_network``), from the answer of the storefront's own page, which
is not slowed, to the frame that shows the first widget; every visit is a first one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from sumeru_proxy.sandbox.server import running
from tests.bench import servers
from tests.bench.page_hosts import BADGES, ONE, SEVEN, Shop, Storefront, document, tag
from tests.bench.slow_network import FAST_4G, SLOW_3G, SLOW_4G, Network, SlowProxy
from tests.conftest import CHROMIUM_FLAGS
from tests.faults.running_site import PLENTY, site
from tests.sumeru_proxy.installation import wait_until

WAYS = ("script tag", "script tag and preload", "first-party path", "server HTML")
PAINT_TARGETS_MS: dict[tuple[str, str], float] = {
    ("slow 3G", "script tag"): 2_000,
    ("slow 4G", "script tag"): 800,
    ("slow 3G", "script tag and preload"): 2_000,
    ("slow 4G", "script tag and preload"): 800,
    ("slow 3G", "first-party path"): 1_100,
    ("slow 4G", "first-party path"): 450,
    **{(network, "server HTML"): 200 for network in ("slow 3G", "slow 4G", "4G")},
}
# When the first widget has been painted, the sum of the shifts, and how long each task of our script was.
WATCH = """
window.shifted = 0; window.ours = [];
new PerformanceObserver((list) => list.getEntries().forEach((entry) => { if (!entry.hadRecentInput) shifted += entry.value; }))
  .observe({ type: 'layout-shift', buffered: true });
new PerformanceObserver((list) => list.getEntries().forEach((frame) => frame.scripts
  .filter((script) => script.sourceURL.includes('/embed/')).forEach((script) => ours.push(script.duration))))
  .observe({ type: 'long-animation-frame', buffered: true });
(function look() {
  if ([...document.querySelectorAll('sumeru-widget')].some((el) => el.shadowRoot?.childElementCount))
    requestAnimationFrame(() => { const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => { window.painted = performance.now(); }; port2.postMessage(0); });
  else requestAnimationFrame(look);
})();
"""
PAINTED = """() => { const [page] = performance.getEntriesByType('navigation');
  const before = performance.getEntriesByType('resource')
    .filter((each) => /\\/(embed|w)\\//.test(each.name) && each.responseEnd <= painted);
  return [painted - page.responseStart, before.length]; }"""
BYTES = """() => performance.getEntriesByType('resource').filter((each) => /\\/(embed|w)\\//.test(each.name))
  .reduce((sum, each) => sum + each.transferSize, 0)"""
READY = """(count) => [...document.querySelectorAll('sumeru-widget')].filter((el) => el.shadowRoot?.childElementCount).length >= count"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, help="visits of each kind (default: 5, quick: 2)")


def row(name: str, value: float, unit: str, target: float | None = None) -> dict[str, Any]:
    """One figure; ``target`` is the most that it may be."""
    return {"name": name, "value": round(value, 4 if unit == "shift" else 1), "unit": unit, "target": target}


def run(options: argparse.Namespace) -> dict[str, Any]:
    rounds = options.rounds or (2 if options.quick else 5)
    networks = (SLOW_4G,) if options.quick else (SLOW_3G, SLOW_4G, FAST_4G)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sandbox = stack.enter_context(running(servers.catalogue(80, 3), limits=PLENTY))
        place = stack.enter_context(site("sqlite", folder, sandbox, TRUSTED_PROXIES="0"))
        shop = Shop(place, place.web(processes=1))
        store = Storefront(shop.web.port)
        stack.callback(store.close)
        known = ["import sumeru_proxy.models as m", "s = m.Shop.objects.get()"]
        _warm(shop)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        stack.callback(browser.close)
        rows: list[dict[str, Any]] = []
        with ExitStack() as lines:
            ways = {network: _ways(lines, shop, store, network) for network in networks}
            known += [
                f"m.ShopOrigin.objects.create(shop=s, origin={origin!r})"
                for origin in {
                    store.origin,
                    *(url.rsplit("/", 1)[0] for each in ways.values() for url in each.values()),
                }
            ]
            place.manage("shell", "-v", "0", "-c", "\n".join(known))
            _wait_for_origin(shop, store.origin)
            for network in networks:
                rows += _paints(browser, network, store, ways[network], rounds)
        rows += _shifts(browser, shop, store)
        rows += _long_tasks(browser, shop, store, 2 if options.quick else 5)
        rows.append(_evaluation(browser, shop, store, 3 if options.quick else 9))
        rows += _bytes(browser, shop, store)
        rows.append(_heap(browser, shop, store, 4 if options.quick else 20))
    return {"rows": rows, "rounds": rounds}


def _warm(shop: Shop) -> None:
    wanted = [f"{widget}.json?{query}&locale=en" for widget, query in SEVEN]
    wanted += [f"rating_badge.json?product_id={product}&locale=en" for product in BADGES]
    for path in wanted:
        url = f"/w/v1/{shop.place.key}/{path}"
        if not wait_until(lambda url=url: shop.web.get(url).json()["state"] == "ready", 20, 0.05):
            raise RuntimeError(f"never ready: {path}")


def _wait_for_origin(shop: Shop, origin: str) -> None:
    url = f"/w/v1/{shop.place.key}/reviews.json?product_id=prd_1"
    wait_until(lambda: "access-control-allow-origin" in shop.web.get(url, headers={"Origin": origin}).headers, 10, 0.1)


def _ways(stack: ExitStack, shop: Shop, store: Storefront, network: Network) -> dict[str, str]:
    """The address of the page of each way, whose widgets come through this network."""
    other = SlowProxy(shop.web.port, network)
    stack.callback(other.close)
    slug = network.name.replace(" ", "-")
    own = SlowProxy(int(store.origin.rpartition(":")[2]), network, at_once=f"/own-{slug}")
    stack.callback(own.close)
    widgets = "".join(tag(*each) for each in ONE)
    script = shop.script(other.origin)
    batch = f"{other.origin}/w/v1/{shop.place.key}/batch?w=reviews%3Flocale%3Den%26product_id%3Dprd_1"
    preload = f'<link rel="preload" as="fetch" crossorigin href="{batch}">'
    store.pages |= {
        f"/tag-{slug}": document(widgets, script),
        f"/preload-{slug}": document(widgets, script, preload),
        f"/own-{slug}": document(widgets, shop.script("")),
        f"/server-{slug}": document(shop.html(ONE), script),
    }
    at = {"script tag": "tag", "script tag and preload": "preload", "server HTML": "server"}
    return {way: f"{own.origin}/own-{slug}" if way not in at else f"{store.origin}/{at[way]}-{slug}" for way in WAYS}


@contextmanager
def _tab(browser: Browser, width: int = 1280, throttle: int = 1) -> Iterator[Page]:
    context: BrowserContext = browser.new_context(viewport={"width": width, "height": 800})
    context.add_init_script(WATCH)
    page = context.new_page()
    if throttle > 1:
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": throttle})
    yield page
    context.close()


def _paints(
    browser: Browser, network: Network, store: Storefront, ways: dict[str, str], rounds: int
) -> list[dict[str, Any]]:
    """Visits of all ways in turn; the median of each."""
    found: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, url in ways.items():
            with _tab(browser) as page:
                page.goto(url, wait_until="commit")
                page.wait_for_function("window.painted", timeout=30_000)
                found[way].append(page.evaluate(PAINTED))
    rows = []
    for way, values in found.items():
        target = PAINT_TARGETS_MS.get((network.name, way))
        rows.append(row(f"first widget, {network.name}, {way}", statistics.median(v[0] for v in values), "ms", target))
    if network is SLOW_4G:
        most = {"script tag": 2, "script tag and preload": 2, "first-party path": 2, "server HTML": 0}
        rows += [
            row(f"requests before it, {way}", max(value[1] for value in values), "requests", most[way])
            for way, values in found.items()
        ]
    return rows


def _shifts(browser: Browser, shop: Shop, store: Storefront) -> list[dict[str, Any]]:
    """Both ways, narrow and wide: what is near the first view is there, then the page is read to its end."""
    origin = f"http://127.0.0.1:{shop.web.port}"
    store.pages["/seven-script-tag"] = document("".join(tag(*each) for each in SEVEN), shop.script(origin))
    public = tuple(each for each in SEVEN if each[0] not in ("upsell", "cart_nudge", "quiz"))
    store.pages["/seven-server-HTML"] = document(shop.html(public), shop.script(origin))
    rows = []
    for way, target in (("server HTML", 0.0), ("script tag", 0.01)):
        for width in (360, 1280):
            with _tab(browser, width) as page:
                page.goto(f"{store.origin}/seven-{way.replace(' ', '-')}", wait_until="networkidle")
                page.mouse.move(100, 300)
                while not page.evaluate("scrollY + innerHeight >= document.documentElement.scrollHeight - 2"):
                    page.mouse.wheel(0, 400)
                    page.wait_for_timeout(60)
                page.wait_for_function(READY, arg=7 if way == "script tag" else len(public))
                page.wait_for_timeout(200)
                rows.append(row(f"shift, {way}, {width} px", page.evaluate("shifted"), "shift", target))
    return rows


def _long_tasks(browser: Browser, shop: Shop, store: Storefront, runs: int) -> list[dict[str, Any]]:
    """The longest piece of our script in any long frame, a processor of a quarter of the speed, 48 badges and 7 widgets."""
    origin = f"http://127.0.0.1:{shop.web.port}"
    badges = "".join(tag("rating_badge", f"product_id={product}") for product in BADGES)
    near = (
        "<style>body sumeru-widget{min-height:0!important;max-height:16px;overflow:hidden}main{line-height:1}</style>"
    )
    store.pages["/many"] = document(near + badges + "".join(tag(*each) for each in SEVEN), shop.script(origin))
    longest = []
    for _ in range(runs):
        with _tab(browser, throttle=4) as page:
            page.goto(f"{store.origin}/many")
            page.wait_for_function(READY, arg=len(BADGES) + len(SEVEN), timeout=60_000)
            page.wait_for_timeout(300)
            longest.append(max(page.evaluate("ours"), default=0))
    return [
        row("our longest task, 4x slower, most of all runs", max(longest), "ms", 50),
        row("our longest task, 4x slower, median", statistics.median(longest), "ms", 50),
    ]


def _evaluation(browser: Browser, shop: Shop, store: Storefront, runs: int) -> dict[str, Any]:
    """What it takes to evaluate the loader on a page without widgets, 4x slower; the least of all runs."""
    store.pages["/none"] = document("", shop.script(f"http://127.0.0.1:{shop.web.port}"))
    took = []
    for _ in range(runs):
        with _tab(browser, throttle=4) as page:
            browser.start_tracing(page=page, categories=["devtools.timeline", "v8"])
            page.goto(f"{store.origin}/none")
            page.wait_for_function("window.sumeru?.v")
            events = json.loads(browser.stop_tracing())["traceEvents"]
            took += [
                event["dur"] / 1_000
                for event in events
                if event["name"] == "EvaluateScript" and event["args"]["data"]["url"].endswith("/embed/v1.js")
            ]
    return row("evaluating the loader, 4x slower, least", min(took), "ms", 10)


def _bytes(browser: Browser, shop: Shop, store: Storefront) -> list[dict[str, Any]]:
    """What the browser got for a page with reviews: at first, and at the second visit."""
    store.pages["/one"] = document(
        "".join(tag(*each) for each in ONE), shop.script(f"http://127.0.0.1:{shop.web.port}")
    )
    sizes = []
    with _tab(browser) as page:
        for _ in range(2):
            page.goto(f"{store.origin}/one")
            page.wait_for_function(READY, arg=1)
            page.wait_for_load_state("networkidle")
            sizes.append(page.evaluate(BYTES))
    return [row("bytes, first visit", sizes[0], "bytes", 6_000), row("bytes, second visit", sizes[1], "bytes", 0)]


MOUNT = """async (count) => { const place = document.querySelector('main');
  for (let n = 0; n < count; n++) {
    const done = new Promise((resolve) => { let left = 50; window.onReady = () => --left || resolve();
      addEventListener('sumeru:ready', onReady); });
    place.innerHTML = '<sumeru-widget type=rating_badge product-id=prd_21></sumeru-widget> '.repeat(50);
    await done; removeEventListener('sumeru:ready', onReady);
  } place.innerHTML = ''; }"""


def _heap(browser: Browser, shop: Shop, store: Storefront, rounds: int) -> dict[str, Any]:
    """What 50 widgets mounted and removed so many times leave, after as many rounds to warm up as a fifth of them."""
    near = "<style>body sumeru-widget{min-height:0!important;display:inline}</style>"
    store.pages["/mount"] = document("", shop.script(f"http://127.0.0.1:{shop.web.port}"), near)
    with _tab(browser) as page:
        page.goto(f"{store.origin}/mount")
        page.wait_for_function("window.sumeru?.v")
        session = page.context.new_cdp_session(page)

        def used() -> int:
            for _ in range(3):
                page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
                session.send("HeapProfiler.collectGarbage")
            return int(session.send("Runtime.getHeapUsage")["usedSize"])

        page.evaluate(MOUNT, max(2, rounds // 5))
        before = used()
        page.evaluate(MOUNT, rounds)
        return row(f"heap after {50 * rounds} widgets mounted and removed", (used() - before) / 1_000, "kB", 200)


def show(result: dict[str, Any]) -> None:
    """A line for each figure, with what it may be at most."""
    print(f"{'':58}{'measured':>11}{'at most':>11}")
    for each in result["rows"]:
        target = each["target"]
        judged = "" if target is None else "" if each["value"] <= target else "  missed"
        print(
            f"{each['name']:58}{each['value']:>11,}{'' if target is None else format(target, ','):>11} {each['unit']}{judged}"
        )
