"""What the storefronts' npm lock files must hold; needs no browser."""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "hydrogen"


def test_hydrogens_names_no_registry() -> None:
    """With an integrity of our own package npm would go on installing its copy of an earlier build, without a word."""
    packages = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    resolved = {name: each["resolved"] for name, each in packages.items() if "resolved" in each}
    assert resolved == {
        "node_modules/sumeru-widgets": "file:../../../static/embed/npm/sumeru-widgets-1.0.0.tgz",
    }
    assert {name for name, each in packages.items() if "integrity" not in each} == {"", "node_modules/sumeru-widgets"}
