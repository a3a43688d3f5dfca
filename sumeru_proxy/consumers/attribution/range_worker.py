"""What a Dask worker runs: a range of orders. Django is made ready before anything of attribution is imported there."""

from __future__ import annotations

from typing import Any

import cloudpickle
import django
from django.apps import apps


def run(packed: bytes, part: tuple[int, int]) -> dict[Any, tuple[int, int]]:
    """Give one range to the ``packed`` function (``parallel.credit`` packs it). May run anywhere and be repeated."""
    if not apps.ready:
        django.setup()
    found: dict[Any, tuple[int, int]] = cloudpickle.loads(packed)(*part)
    return found
