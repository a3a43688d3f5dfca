"""``sumeru_proxy.memory``: values with an age, and one call that drops what a process remembers."""

from __future__ import annotations

import gc

from sumeru_proxy import memory
from sumeru_proxy.memory import Memory, Once


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_value_is_fresh_for_its_time_and_stays_at_hand_after_it() -> None:
    clock = Clock()
    held: Memory[str, str | None] = Memory(10, fresh_s=1.0, keep_s=60.0, clock=clock)
    assert held.fresh("a") is None
    held.set("a", None)
    entry = held.fresh("a")
    assert entry is not None
    assert (entry.value, entry.at) == (None, 100.0)
    clock.now += 0.99
    assert held.fresh("a")
    clock.now += 0.01
    assert held.fresh("a") is None
    assert held.last("a") == entry
    clock.now += 59.0
    assert held.last("a") is None


def test_a_value_from_the_future_is_not_fresh() -> None:
    """The caller's ``now`` may be another clock's, or be set back."""
    held: Memory[str, int] = Memory(10, fresh_s=5.0)
    held.set("a", 1, now=50.0)
    assert held.fresh("a", now=49.9) is None
    assert held.fresh("a", now=50.0)
    assert held.fresh("a", now=55.0) is None


def test_what_was_used_last_stays() -> None:
    held: Memory[int, int] = Memory(2, fresh_s=60.0)
    held.set(1, 1)
    held.set(2, 2)
    assert held.last(1)
    held.set(3, 3)
    assert [key for key in (1, 2, 3) if held.last(key)] == [1, 3]


def test_one_call_drops_everything_that_is_registered() -> None:
    made: list[int] = []

    @Once
    def client() -> int:
        made.append(1)
        return len(made)

    held: Memory[str, int] = Memory(10, fresh_s=60.0)
    held.set("a", 1)
    assert (client(), client()) == (1, 1)
    memory.forget_all()
    assert held.last("a") is None
    assert client() == 2


def test_the_register_keeps_nobody_alive() -> None:
    class Holder:
        forgotten = 0

        def forget(self) -> None:
            Holder.forgotten += 1

    holder = memory.register(Holder())
    assert memory.is_registered(holder)
    memory.forget_all()
    assert Holder.forgotten == 1
    del holder
    gc.collect()
    memory.forget_all()
    assert Holder.forgotten == 1
