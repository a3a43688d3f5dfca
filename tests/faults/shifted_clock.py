"""The one thing that is patched: the clock, by the seconds in ``SHIFT_S``, before anything reads it."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta


def apply() -> None:
    shift_s = float(os.environ.get("SHIFT_S", "0"))
    if not shift_s:
        return
    from django.utils import timezone

    real_time, real_now = time.time, timezone.now

    def now() -> datetime:
        return real_now() + timedelta(seconds=shift_s)

    time.time = lambda: real_time() + shift_s
    timezone.now = now
