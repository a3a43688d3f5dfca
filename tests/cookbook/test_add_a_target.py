"""The docs' page about targets of one's own: its sample is found by itself and keeps the contract, as the built-in files do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sumeru_proxy.consumers.order_sync import kinds, targets
from sumeru_proxy.consumers.order_sync.targets import files
from sumeru_proxy.consumers.order_sync.targets.interface import Kind
from tests.cookbook.targets import spool
from tests.sumeru_proxy.consumers.order_sync.targets.contract import keeps_the_contract


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [spool.KIND, files.KIND], ids=["spool", "files"])
def test_the_contract(kind: Kind, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "here", tmp_path / "there"
    folder.mkdir()
    keeps_the_contract(
        kind,
        {"folder": str(folder)},
        away=lambda: folder.rename(elsewhere) and None,
        back=lambda: elsewhere.rename(folder) and None,
    )


def test_one_file_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copyfile(spool.__file__, tmp_path / "spool.py")
    monkeypatch.setattr(targets, "__path__", [*targets.__path__, str(tmp_path)])
    assert {"spool", "files", "http", "tryton"} <= set(kinds.kinds())
