"""``python -m tests.bench sizes [--json]``: what a page must load, against the limits of the design."""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

import brotli

STATIC = Path(__file__).resolve().parents[2] / "static"


def sizes() -> list[dict[str, object]]:
    """Bytes of the loader and of each widget's styles: as served, gzip, brotli, and the limit for brotli."""
    files = [("loader", STATIC / "embed" / "loader.js", 1_900)]
    sheets = sorted((STATIC / "embed" / "css").glob("*.css")) or sorted((STATIC / "widgets").glob("*.css"))
    rows: list[dict[str, object]] = []
    for name, path, limit in files:
        rows.append(_row(name, path.read_bytes(), limit))
    for path in sheets:
        rows.append(_row(f"css {path.stem}", path.read_bytes(), None))
    rows.append(_row("css of all widgets", b"".join(path.read_bytes() for path in sheets), 2_000))
    return rows


def _row(name: str, body: bytes, limit: int | None) -> dict[str, object]:
    return {
        "name": name,
        "bytes": len(body),
        "gzip": len(gzip.compress(body, 9, mtime=0)),
        "brotli": len(brotli.compress(body, quality=11)),
        "limit": limit,
    }


def main() -> None:
    """Parse and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("name", choices=["sizes"])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = sizes()
    if options.json:
        print(json.dumps({"rows": rows}))
        return
    print(f"{'':24}{'bytes':>8}{'gzip':>8}{'brotli':>8}{'limit':>8}")
    for row in rows:
        print(f"{row['name']:24}{row['bytes']:>8}{row['gzip']:>8}{row['brotli']:>8}{row['limit'] or '':>8}")


if __name__ == "__main__":
    main()
