"""What all tests share: a clean memory, a sandbox to talk to, shops, and Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from django.conf import settings
from django.core.cache import cache

from sumeru_proxy.sandbox.catalogue import small_catalogue
from tests.upstream import Upstream, upstream

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

    from tests.widgets.demo_runs import Run

# Slow is the machine's business; what is drawn stays the same.
hypothesis.settings.register_profile("house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("house")

SHELL = "chromium-headless-shell"
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--enable-precise-memory-info",
]


def pytest_configure() -> None:
    """Operators' passwords are Django's matter: a quarter of a second for each is not spent here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """SQLite tests run on a file: concurrent tests need several connections to one database."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        worker = os.environ.get("PYTEST_XDIST_WORKER", "single")
        database.setdefault("TEST", {})["NAME"] = str(Path(os.environ["SUMERU_TEST_DATA"]) / f"test-{worker}.sqlite3")


@pytest.fixture(autouse=True)
def clean_memory(request: pytest.FixtureRequest) -> Iterator[None]:
    """No test sees another's copies, stamps, shops or meters; and none leaves something in the shared cache that runs on one store only."""
    from sumeru_proxy import memory

    cache.clear()
    memory.forget_all()
    yield
    if request.node.get_closest_marker("stores") is None and getattr(cache, "_cache", None):
        pytest.fail(f"puts {sorted(cache._cache)[:3]} into the shared cache: mark it with pytest.mark.stores")


@pytest.fixture(autouse=True)
def no_consumers(settings: Any) -> None:
    """Core is tested without consumers; the tests of one install it again."""
    settings.SUMERU_CONSUMERS = []


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Debian's Chromium without a window's parts, which costs half; without it the run fails and says how to get it."""
    if path := shutil.which(SHELL):
        return path
    pytest.fail(f"{SHELL} is missing: apt-get install {SHELL}, or run `python3 manage.py test`, which installs it.")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The driver, once per test process: it allows no second one beside it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright: Playwright, chromium_path: str) -> Iterator[Browser]:
    """One Chromium per test process; each test makes a context of its own."""
    chromium = playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_FLAGS)
    yield chromium
    chromium.close()


@pytest.fixture(scope="session")
def whole_browser(playwright: Playwright) -> Iterator[Browser]:
    """The whole Chromium, for tests marked ``bfcache``: the shell keeps no left page alive to come back to."""
    path = shutil.which("chromium")
    if not path:
        pytest.fail(
            "Chromium is missing: apt-get install chromium, or run `python3 manage.py test`, which installs it."
        )
    chromium = playwright.chromium.launch(
        executable_path=path, args=CHROMIUM_FLAGS, ignore_default_args=["--disable-back-forward-cache"]
    )
    yield chromium
    chromium.close()


@pytest.fixture(scope="session")
def origins() -> dict[str, str]:
    """Where the storefronts that are no part of the demo will be: it is started for them."""
    from tests.widgets.demo_runs import free_ports

    names = ("nextjs", "hydrogen", "hydrogen with the widgets under its own address")
    return {name: f"http://127.0.0.1:{port}" for name, port in zip(names, free_ports(len(names)), strict=True)}


@pytest.fixture(scope="session")
def demo(origins: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The real demo, once per test process. A test that ends a part of it starts one of its own."""
    from tests.widgets.demo_runs import running

    options = [word for origin in origins.values() for word in ("--origin", origin)]
    with running(tmp_path_factory.mktemp("demo"), *options) as run:
        yield run


@pytest.fixture(scope="session")
def facts(demo: Run) -> dict[str, Any]:
    """What the demo says of itself, once there are copies of what its pages show first.

    Cold widgets and waiting for Sumeru's pace are other tests' matter.
    """
    from tests.browser.visiting import warm_storefront

    found = demo.facts()
    demo.lift_limits(found)
    return warm_storefront(found)


@pytest.fixture
def sandbox() -> Iterator[Upstream]:
    """A running stand-in Sumeru with two small shops and its real limits."""
    with upstream(small_catalogue()) as running:
        yield running


@pytest.fixture
def make_shop(db: None, settings: Any) -> Callable[..., Any]:
    """Makes shops that speak to a sandbox, with credentials and one origin."""
    from sumeru_proxy import secrets
    from sumeru_proxy.models import Shop, ShopOrigin

    def make(
        url: str,
        *,
        name: str = "Test shop",
        domain: str = "",
        public_key: str = "",
        token: str = "",
        origin: str = "https://shop.example",
        **more: Any,
    ) -> Shop:
        settings.SUMERU_HOSTS = [*settings.SUMERU_HOSTS, url]
        shop = Shop.objects.create(name=name, domain=domain or "shop.example", api_url=url, **more)
        ShopOrigin.objects.create(shop=shop, origin=origin)
        if public_key:
            secrets.store(shop, "public_key", public_key)
        if token:
            secrets.store(shop, "admin_token", token)
        return shop

    return make
