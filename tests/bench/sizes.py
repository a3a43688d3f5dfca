"""``python -m tests.bench sizes``: what a page must load, against the limits of the design."""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path
from typing import Any

import brotli

STATIC = Path(__file__).resolve().parents[2] / "static"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(_options: argparse.Namespace) -> dict[str, Any]:
    """Bytes of the loader and of each widget's styles: as served, gzip, brotli, and the limit for brotli."""
    sheets = sorted((STATIC / "embed" / "css").glob("*.css")) or sorted((STATIC / "widgets").glob("*.css"))
    rows = [_row("loader", (STATIC / "embed" / "loader.js").read_bytes(), 1_900)]
    rows += [_row(f"css {path.stem}", path.read_bytes(), None) for path in sheets]
    rows.append(_row("css of all widgets", b"".join(path.read_bytes() for path in sheets), 2_000))
    return {"rows": rows}


def _row(name: str, body: bytes, limit: int | None) -> dict[str, object]:
    return {
        "name": name,
        "bytes": len(body),
        "gzip": len(gzip.compress(body, 9, mtime=0)),
        "brotli": len(brotli.compress(body, quality=11)),
        "limit": limit,
    }


def show(result: dict[str, Any]) -> None:
    """A table."""
    print(f"{'':24}{'bytes':>8}{'gzip':>8}{'brotli':>8}{'limit':>8}")
    for row in result["rows"]:
        print(f"{row['name']:24}{row['bytes']:>8}{row['gzip']:>8}{row['brotli']:>8}{row['limit'] or '':>8}")
