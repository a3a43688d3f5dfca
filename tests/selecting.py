"""Which tests a run takes, and in which order: loaded as a plugin beside ``tests.environment``.

A test is about the stores (marker ``stores``) when it asks for the database; those that use the shared cache without it say so
themselves, and a test that forgets to is told by ``clean_memory``. ``--stores`` runs these alone: with ``DATABASE_URL`` and ``CACHE_URL``
set, once more on other stores. What starts servers of its own gives them stores of their own, so that it runs once.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.artifacts import FOLDER

DURATIONS = FOLDER / "durations.json"
"""Seconds by test file, as the last whole runs took them."""
TESTS = Path(__file__).parent
DATABASE_FIXTURES = {
    "db",
    "transactional_db",
    "django_db_reset_sequences",
    "django_db_serialized_rollback",
    "live_server",
}
OWN_STORES = ("bench", "browser", "faults", "loader", "package", "pages", "storefronts")
"""Folders of tests that start servers, with stores that no variable changes."""
ONE_STORE = ("widgets/admin", "widgets/test_demo.py")
"""Django's admin over one table or another, and a demo that has a database of its own."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("sumeru")
    group.addoption("--stores", action="store_true", help="Only tests about the database and the shared cache.")
    group.addoption("--quick", action="store_true", help="No browsers and no servers.")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Reading a file costs, too: what cannot be taken is not looked into."""
    chosen = config.getoption("--stores") or config.getoption("--quick")
    return True if chosen and collection_path in [TESTS / name for name in OWN_STORES] else None


def folder_of(item: pytest.Item) -> str:
    """The test's file, from the folder of all tests."""
    return item.path.relative_to(TESTS).as_posix() if item.path.is_relative_to(TESTS) else item.path.name


def taken(item: pytest.Item, *, stores: bool, quick: bool) -> bool:
    """Whether a run with these options runs the test."""
    name = folder_of(item)
    serves = name.startswith(OWN_STORES) or any(item.get_closest_marker(mark) for mark in ("browser", "slow"))
    if ((stores or quick) and serves) or (quick and item.get_closest_marker("thorough")):
        return False
    return not stores or (item.get_closest_marker("stores") is not None and not name.startswith(ONE_STORE))


@pytest.hookimpl(trylast=True)  # after the shuffle
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files that took longest begin first: the quick ones fill what time is left, so no process ends alone and late."""
    for item in items:
        if DATABASE_FIXTURES & set(getattr(item, "fixturenames", ())) or item.get_closest_marker("django_db"):
            item.add_marker(pytest.mark.stores)
    options = {"stores": bool(config.getoption("--stores")), "quick": bool(config.getoption("--quick"))}
    left_out = [item for item in items if not taken(item, **options)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if taken(item, **options)]
    took = recorded()
    long = {folder_of(item) for item in items if item.get_closest_marker("slow") or item.get_closest_marker("browser")}
    guess = {name: 60.0 if name in long else 0.0 for name in map(folder_of, items)} | took
    items.sort(key=lambda item: -guess[folder_of(item)])


def recorded() -> dict[str, float]:
    """The durations of the last runs; none without one."""
    try:
        return {name: float(value) for name, value in json.loads(DURATIONS.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError):
        return {}


class Recorder:
    """Adds up what each file took, and keeps it for the order of the next run."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._took: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        path = (self._root / report.nodeid.partition("::")[0]).resolve()
        if path.is_relative_to(TESTS):
            self._took[path.relative_to(TESTS).as_posix()] += report.duration

    def pytest_sessionfinish(self) -> None:
        if self._took:
            FOLDER.mkdir(exist_ok=True)
            DURATIONS.write_text(json.dumps(recorded() | dict(self._took), indent=1), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # xdist's controller hears of every test
        config.pluginmanager.register(Recorder(config.rootpath))
