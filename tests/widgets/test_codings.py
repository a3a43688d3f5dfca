"""Which content coding a client prefers."""

from __future__ import annotations

import pytest

from widgets.edge import codings


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("", ""),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip, br", "br"),
        ("br;q=0.5, gzip", "gzip"),
        ("br; q=1.0, gzip ;q=1", "br"),
        ("br;q=0, *", "gzip"),
        ("*;q=0", ""),
        ("*", "br"),
        ("identity, br;q=0.9", ""),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("br;q=2, gzip;q=nan", ""),
        ("deflate, zstd", ""),
        (";;,,q=1", ""),
    ],
)
def test_codings_by_their_q_values(header: str, coding: str) -> None:
    assert codings.preferred(header) == coding
