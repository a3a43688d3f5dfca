"""What all tests share: a clean memory, a sandbox to talk to, shops, and Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.core.cache import cache

from sumeru_proxy.sandbox.catalogue import small_catalogue
from tests.upstream import Upstream, upstream

# Slow is the machine's business; what is drawn stays the same.
hypothesis.settings.register_profile("house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("house")

CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.hookimpl(trylast=True)  # after the shuffle
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with long tests begin first: the quick ones fill what time is left, so no process ends alone and late."""
    long = {item.path for item in items if item.get_closest_marker("slow") or item.get_closest_marker("browser")}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """SQLite tests run on a file: concurrent tests need several connections to one database."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        worker = os.environ.get("PYTEST_XDIST_WORKER", "single")
        database.setdefault("TEST", {})["NAME"] = str(Path(os.environ["SUMERU_TEST_DATA"]) / f"test-{worker}.sqlite3")


@pytest.fixture(autouse=True)
def clean_memory() -> None:
    """No test sees another's copies, stamps, shops or meters."""
    from sumeru_proxy import accounts, health, limit_stores
    from sumeru_proxy.reading import leases, reader, shared_cache, stamps
    from sumeru_proxy.webhooks import views as webhooks
    from widgets.http import customers, events, shops, submissions, throttles

    cache.clear()
    reader.copies.forget()
    leases.forget()
    shared_cache.cache.forget()
    stamps.forget()
    accounts.refresher.forget()
    health.forget()
    shops.forget()
    webhooks.shops.forget()
    throttles.reads = throttles.Meter()
    throttles.guesses = throttles.Meter()
    customers.forget()
    events.meter = throttles.Meter()
    submissions.meter = throttles.Meter()
    limit_stores.shared.cache_clear()


@pytest.fixture(autouse=True)
def no_consumers(settings: Any) -> None:
    """Core is tested without consumers; the tests of one install it again."""
    settings.SUMERU_CONSUMERS = []


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Debian's Chromium; without it the run fails and says how to get it."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.fail("Chromium is missing: apt-get install chromium, or run `python3 manage.py test`, which installs it.")


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
