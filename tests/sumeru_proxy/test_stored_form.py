"""Copies in the shared cache: every shape comes back equal, nothing that is read runs, and what is foreign is no copy."""

from __future__ import annotations

import base64
import dataclasses
import pickle
import typing
from datetime import UTC, datetime
from decimal import Decimal
from types import UnionType
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.core.cache import cache, caches
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from sumeru_proxy import health
from sumeru_proxy.client import shapes
from sumeru_proxy.reading import cache_backends
from sumeru_proxy.reading.copies import Copies, Copy
from widgets import environment

RAN: list[str] = []
KINDS = [kind for kind in vars(shapes).values() if dataclasses.is_dataclass(kind)]


class Runs:
    """What an attacker writes: unpickling it calls a function."""

    def __reduce__(self) -> tuple[Any, ...]:
        return RAN.append, ("ran",)


def sample(kind: Any) -> Any:
    """A value of the type in which every optional part is there."""
    if isinstance(kind, str):
        kind = eval(kind, vars(shapes) | vars(typing))
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is UnionType:
        return sample(arguments[0])
    if origin is tuple:
        return tuple(sample(each) for each in arguments if each is not Ellipsis)
    if origin is dict:
        return {"a": [1, 2.5, None, True, {"b": "ü"}]}
    if dataclasses.is_dataclass(kind):
        return kind(**{each.name: sample(each.type) for each in dataclasses.fields(kind)})
    return {
        str: "text 😀",
        int: 7,
        bool: True,
        Decimal: Decimal("12.50"),
        datetime: datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
    }[kind]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_shape_comes_back_equal(kind: type) -> None:
    value = sample(kind)
    for each in (value, (value, value), (), None):
        copy = Copy(each, 1.5, 60.0, (("reviews", 3),), 2.0)
        again = Copy.of_stored(copy.stored())
        assert again == copy
        assert repr(again) == repr(copy)  # 12.50 is not 12.5, and a time keeps its zone


def test_what_is_no_shape_is_not_stored() -> None:
    for value in ("text", 7, {"a": 1}, (1,), (sample(shapes.Rating), sample(shapes.Author)), object()):
        with pytest.raises(TypeError):
            Copy(value, 0.0, 60.0, ()).stored()
    assignment = shapes.Assignment("e", "v", {"much": 10**30})
    with pytest.raises(ValueError):
        Copy(assignment, 0.0, 60.0, ()).stored()


@given(st.binary(max_size=200))
def test_foreign_bytes_are_no_copy(stored: bytes) -> None:
    assert Copy.of_stored(stored) is None


@pytest.mark.parametrize(
    "stored",
    [
        pickle.dumps(Runs()),
        b"\x91" * 100_000,
        msgspec.msgpack.encode(["Rating", {"average": "4", "count": "many"}, 0.0, 60.0, [], 0.0]),
        msgspec.msgpack.encode(["Rating", {"average": "1e", "count": 1}, 0.0, 60.0, [], 0.0]),
        msgspec.msgpack.encode(["os.system", "true", 0.0, 60.0, [], 0.0]),
        msgspec.msgpack.encode(["Copies", None, 0.0, 60.0, [], 0.0]),
        None,
        "text",
        7,
    ],
    ids=lambda stored: repr(stored)[:30],
)
def test_what_somebody_else_wrote_is_no_copy(stored: object) -> None:
    assert Copy.of_stored(stored) is None
    assert RAN == []


@given(st.one_of(st.binary(), st.text(st.characters(exclude_categories=["Cs"])), st.integers(-(10**15), 10**15)))
def test_values_come_back_as_they_were(value: bytes | str | int) -> None:
    assert cache_backends.decoded(cache_backends.encoded(value)) == value


@pytest.mark.parametrize("value", [True, None, 1.5, {}, [], ("a",), Runs()])
def test_no_other_value_is_kept(value: object) -> None:
    for backend in ("local://", "redis://127.0.0.1:1/0"):
        with override_settings(CACHES={"default": environment.cache(backend)}), pytest.raises(TypeError):
            caches["default"].set("key", value)


@pytest.mark.stores
@pytest.mark.django_db
@pytest.mark.parametrize("backend", ["database", "shared"])
def test_reading_what_an_attacker_wrote_runs_nothing(backend: str) -> None:
    if backend == "shared" and not settings.CACHE_URL.startswith("redis"):
        pytest.skip("needs Redis")
    key = "copy:planted"
    store = caches["default"]
    if backend == "database":
        with override_settings(CACHES={"default": environment.cache("database://")}):
            call_command("createcachetable", verbosity=0)
            store = caches["default"]
            store.set(key, b"placed")
            text = base64.b64encode(pickle.dumps(Runs())).decode()
            with connection.cursor() as cursor:
                cursor.execute("UPDATE sumeru_copies SET value = %s", [text])
                assert cursor.rowcount == 1
            assert store.get_many([key, "other"]) == {}
            assert store.get(key, "default") == "default"
    else:
        name = store.make_key(key)
        raw: Any = store
        raw._cache.get_client(name, write=True).set(name, pickle.dumps(Runs()))
        assert store.get(key) is None
        assert Copies().load(key) is None
        store.delete(key)
    assert RAN == []


@pytest.mark.stores
@pytest.mark.django_db
@pytest.mark.parametrize("url", ["local://", "database://", ""])
def test_backends_keep_their_promises(url: str) -> None:
    """``add`` is for the first only, ``incr`` counts, what has run out is gone, many are asked for at once."""
    with override_settings(CACHES={"default": environment.cache(url or settings.CACHE_URL)}):
        if url == "database://":
            call_command("createcachetable", verbosity=0)
        cache.delete_many(["a", "b", "c"])
        cache.set("a", b"\x00\xff", timeout=60)
        cache.set("a", "text", timeout=60)
        assert (cache.add("a", "other", timeout=60), cache.add("b", 1, timeout=60)) == (False, True)
        assert cache.incr("b") == 2
        assert cache.get_many(["a", "b", "c"]) == {"a": "text", "b": 2}
        cache.set("a", "gone", timeout=-5)
        assert cache.get("a") is None
        assert cache.add("a", "again", timeout=60)
        assert cache.touch("a", 60)
        assert not cache.touch("c", 60)
        cache.delete("a")
        assert cache.get("a", "default") == "default"
        with pytest.raises(ValueError):
            cache.incr("c")


@pytest.mark.stores
def test_a_note_of_health_that_is_foreign_is_none() -> None:
    cache.set("health:77:reviews:ok", b"\x80nonsense")
    cache.set("health:77:reviews:bad", "text")
    assert health.of(77) == []
    health.note(77, "products", now=5.0)
    assert [row.succeeded_at for row in health.of(77)] == [5.0]
