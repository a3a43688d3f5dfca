"""JSON of strangers: depth and count are limits, not the recursion limit of Python."""

from __future__ import annotations

import json

import pytest

from sumeru_proxy.client import bounded_json
from sumeru_proxy.client.bounded_json import Unbounded, loads


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff", "nope", "NaN", "[Infinity]", "[1e999]", "[" * 900, "[" * 100_000, "[" * 20 + "]" * 20,
     '{"a":' * 900 + "1" + "}" * 900, "1" * 5_000],
    ids=lambda raw: repr(raw)[:20],
)  # fmt: skip
def test_what_is_refused(raw: bytes | str) -> None:
    with pytest.raises(Unbounded):
        loads(raw)


def test_levels_and_values_are_counted() -> None:
    assert loads("[[1]]", depth=2) == [[1]]
    with pytest.raises(Unbounded, match="deeply"):
        loads("[[1]]", depth=1)
    assert loads("7", depth=0) == 7
    assert loads(b'{"a":[1,2]}', values=4) == {"a": [1, 2]}
    with pytest.raises(Unbounded, match="many"):
        loads(b'{"a":[1,2]}', values=3)
    with pytest.raises(Unbounded, match="many"):
        loads(json.dumps([[]] * bounded_json.VALUES))
