"""What tests of the widget server share."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves both clocks forward."""
    moved = [0.0]
    for name in ("monotonic", "time"):
        real = getattr(time, name)
        monkeypatch.setattr(time, name, lambda real=real: real() + moved[0])

    def move(seconds: float) -> None:
        moved[0] += seconds

    return move
