"""SQLite set up for several processes: write-ahead logging, so that readers never wait for a writer."""

from __future__ import annotations

import time
from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper


def prepare(sender: object, connection: BaseDatabaseWrapper, **_kwargs: Any) -> None:
    """Switch a new connection's database to WAL unless it is already.

    Two processes that open a fresh file together can collide here, and the busy timeout does not cover this switch;
    so it is tried again for up to two seconds.
    """
    if connection.vendor != "sqlite":
        return
    deadline = time.monotonic() + 2.0
    while True:
        try:
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA journal_mode")
                if cursor.fetchone()[0] not in ("wal", "memory"):
                    cursor.execute("PRAGMA journal_mode=WAL")
            return
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
