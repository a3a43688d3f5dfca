"""What a site's processes and stores take while they run: samples, and what grew between quarters of a run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
import redis

from tests.bench.servers import rss_bytes

Sample = dict[str, dict[str, int]]
"""By what was looked at ("web 1", "PostgreSQL"), its figures by name."""

RSS_GROWTH_MOST = 0.10
"""Share by which resident memory may be more in the last quarter than in the second, where caches are full already."""
SLACK = {"descriptors": 8, "threads": 2, "tcp": 8, "connections": 4}
"""By how many of each the last quarter may exceed the second: connections come and go between two samples."""
_GONE = "gone"


def process_figures(pid: int) -> dict[str, int]:
    """Resident bytes, open descriptors, threads and TCP sockets of one process; empty when it is gone."""
    place = Path(f"/proc/{pid}")
    try:
        links = []
        for each in (place / "fd").iterdir():
            with contextlib.suppress(OSError):  # closed since
                links.append(os.readlink(each))
        inodes = set()
        for name in ("tcp", "tcp6"):
            with contextlib.suppress(OSError):
                inodes |= {line.split()[9] for line in (place / "net" / name).read_text().splitlines()[1:]}
        return {
            "rss": rss_bytes(pid),
            "descriptors": len(links),
            "threads": len(list((place / "task").iterdir())),
            "tcp": sum(link.removeprefix("socket:[").removesuffix("]") in inodes for link in links),
        }
    except OSError:
        return {}


def store_figures(database_url: str, cache_url: str) -> Sample:
    """Connections and size of the two stores, as far as they are servers. Redis's memory is the whole server's."""
    found: Sample = {}
    if database_url.startswith("postgresql"):
        with psycopg.connect(database_url, autocommit=True) as connection:
            row = connection.execute(
                "SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()),"
                " pg_database_size(current_database())"
            ).fetchone()
        assert row is not None
        found["PostgreSQL"] = {"connections": int(row[0]), "bytes": int(row[1])}
    if cache_url.startswith("redis"):
        with contextlib.closing(redis.Redis.from_url(cache_url)) as memory:
            number = str(memory.connection_pool.connection_kwargs.get("db", 0))
            ours = [each for each in memory.client_list() if each["db"] == number and each["cmd"] != "client|list"]
            info: Any = memory.info("memory")
            found["Redis"] = {
                "connections": len(ours),
                "keys": int(memory.dbsize()),  # type: ignore[arg-type]
                "bytes": int(info["used_memory"]),
            }
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """One figure's medians in the first, second and last quarter; ``why`` is why that is too much, empty when it is not."""

    what: str
    figure: str
    first: float
    second: float
    last: float
    why: str

    @property
    def growth(self) -> float:
        """From the second quarter to the last one, as a share; 0 where there was nothing."""
        return self.last / self.second - 1 if self.second else 0.0


def changes(samples: Sequence[Sample]) -> list[Change]:
    """Every figure's change. What is judged is the second quarter against the last: in the first, caches fill. Fewer than four
    samples judge nothing."""
    found = []
    size = max(1, len(samples) // 4)
    parts = (samples[:size], samples[size : 2 * size], samples[-size:])
    for what in sorted({name for sample in samples for name in sample}):
        for figure in sorted({name for sample in samples for name in sample.get(what, {})}):
            first, second, last = (_median(part, what, figure) for part in parts)
            why = _too_much(figure, second, last) if len(samples) >= 4 else ""
            if not samples[-1].get(what):
                why = _GONE
            found.append(Change(what, figure, first, second, last, why))
    return found


def _median(samples: Sequence[Sample], what: str, figure: str) -> float:
    values = [sample[what][figure] for sample in samples if figure in sample.get(what, {})]
    return float(median(values)) if values else 0.0


def _too_much(figure: str, second: float, last: float) -> str:
    if figure == "rss":
        return f"grew by more than {RSS_GROWTH_MOST:.0%}" if last > second * (1 + RSS_GROWTH_MOST) else ""
    slack = SLACK.get(figure)
    return f"grew by more than {slack}" if slack is not None and last > second + slack else ""


def shown(found: Sequence[Change]) -> list[Mapping[str, Any]]:
    """As JSON rows."""
    return [
        {
            "what": each.what,
            "figure": each.figure,
            "first": each.first,
            "second": each.second,
            "last": each.last,
            "growth": round(each.growth, 4),
            "why": each.why,
        }
        for each in found
    ]
