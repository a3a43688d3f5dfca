"""What tests make once and keep for the next run: in a folder that git ignores, one process at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(__file__).parent / "_artifacts"


@contextmanager
def exclusively(name: str) -> Iterator[None]:
    """Within the block no other process of any run in this tree holds the name; the others wait."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
