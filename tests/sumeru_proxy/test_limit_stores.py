from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.db import connection, connections

from sumeru_proxy import limit_stores
from sumeru_proxy.client import gate
from sumeru_proxy.client.errors import Limited, Unavailable
from sumeru_proxy.client.limiter import LimitHeaders, Scope, State, Store, StoreUnavailable
from sumeru_proxy.client.resource import READS
from sumeru_proxy.limit_stores import DatabaseStore, RedisStore
from sumeru_proxy.models import Bucket

NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of the test's own, on a Unix socket."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        pytest.skip("no Redis here")
    path = str(Path(tmp_path_factory.mktemp("redis")) / "s")
    command = [program, "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        client = redis.Redis(unix_socket_path=path)
        until = time.monotonic() + 10
        while True:
            try:
                client.ping()
                break
            except redis.ConnectionError:
                assert time.monotonic() < until
                time.sleep(0.02)
        client.close()
        yield path
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(params=["database", "redis"])
def store(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[Store]:
    if request.param == "database":
        yield DatabaseStore()
        return
    client = limit_stores.connect(f"unix://{request.getfixturevalue('redis_socket')}")
    client.flushall()
    yield RedisStore(client)
    client.close()


def added(by: int) -> Callable[[Mapping[str, State]], tuple[Mapping[str, State], int]]:
    def decide(states: Mapping[str, State]) -> tuple[Mapping[str, State], int]:
        total = sum(state.get("n", 0) for state in states.values())
        return {key: {"n": state.get("n", 0) + by, "tat": NOW + 0.25} for key, state in states.items()}, total

    return decide


def test_states_come_back_as_they_were(store: Store) -> None:
    assert store.change(["b", "a"], added(1)) == 0
    assert store.change(["a", "b", "c"], added(2)) == 2
    shown = store.change(["a", "c"], lambda states: ({}, dict(states)))
    assert shown == {"a": {"n": 3, "tat": NOW + 0.25}, "c": {"n": 2, "tat": NOW + 0.25}}


def test_an_empty_state_replaces_a_full_one(store: Store) -> None:
    store.change(["a"], added(1))
    store.change(["a"], lambda states: ({"a": {}}, None))
    assert store.change(["a"], lambda states: ({}, dict(states["a"]))) == {}


def test_changes_are_atomic_over_all_keys(store: Store) -> None:
    failures: list[str] = []

    def work(order: list[str]) -> None:
        try:
            for _ in range(25):
                store.change(order, added(1))
        except Exception as error:
            failures.append(repr(error))
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=work, args=(order,)) for order in (["a", "b"], ["b", "a"], ["a", "b"], ["b", "a"])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert store.change(["a", "b"], added(0)) == 200


def test_the_gate_works_over_it(store: Store) -> None:
    scopes = (
        Scope("ip:x:public_reads", 100, READS, logged=True),
        Scope("shop:y:public_reads", 10_000, READS, logged=True),
    )
    passes = [gate.enter(store, scopes, "breaker:z", "page", 1, NOW, "reviews") for _ in range(5)]
    with pytest.raises(Limited) as caught:
        gate.enter(store, scopes, "breaker:z", "page", 1, NOW, "reviews")
    assert 0 < caught.value.retry_after_s <= 1
    for passed in passes:
        gate.leave(passed, LimitHeaders(), False, NOW)
    with pytest.raises(Unavailable):
        gate.enter(store, scopes, "breaker:z", "page", 1, NOW + 1, "reviews")
    probe = gate.enter(store, scopes, "breaker:z", "page", 1, NOW + 3, "reviews")
    assert probe.probe
    with pytest.raises(Unavailable):
        gate.enter(store, scopes, "breaker:z", "page", 1, NOW + 3, "reviews")
    gate.leave(probe, LimitHeaders(limit=100, remaining=50), True, NOW + 3)
    assert not gate.enter(store, scopes, "breaker:z", "page", 1, NOW + 4, "reviews").probe


def test_a_missing_redis_is_said_quickly(tmp_path: Path) -> None:
    store = RedisStore(limit_stores.connect(f"unix://{tmp_path}/none"))
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        store.change(["a"], added(1))
    assert time.monotonic() - began < 1


@pytest.mark.django_db(transaction=True)
def test_a_broken_database_is_said_without_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    DatabaseStore().change(["a"], added(1))  # Django remembers the table's name at its first use, for the whole process
    monkeypatch.setattr(Bucket._meta, "db_table", "no_such_table")
    with pytest.raises(StoreUnavailable) as caught:
        DatabaseStore().change(["a"], added(1))
    assert (caught.value.__context__, caught.value.args) == (None, ())
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,), "the connection is usable afterwards"


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("local://", DatabaseStore),
        ("database://", DatabaseStore),
        ("redis://127.0.0.1:1/0", RedisStore),
        ("valkey://127.0.0.1:1/0", RedisStore),
    ],
)
def test_which_store_is_shared(url: str, kind: type[Any], settings: Any) -> None:
    assert django_settings.CACHE_URL
    settings.CACHE_URL = url
    limit_stores.shared.forget()
    assert isinstance(limit_stores.shared(), kind)
    assert limit_stores.shared() is limit_stores.shared()
    limit_stores.shared.forget()
