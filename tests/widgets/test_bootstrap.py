"""The environment of ``demo`` and of ``test``: whichever command made it, the other one finds or installs what it needs."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from widgets import bootstrap

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / ".venv").mkdir()
    for tests in (False, True):
        bootstrap.lock_file(tests=tests, root=tmp_path).write_text(f"pins {tests}")
    return tmp_path


def install(root: Path, *, tests: bool) -> None:
    stamp = root / ".venv" / bootstrap._STAMPS[tests]
    stamp.write_text(bootstrap._digest(bootstrap.lock_file(tests=tests, root=root)))


@pytest.mark.parametrize(
    ("made_by_test", "for_demo", "for_test"),
    [(False, True, False), (True, True, True)],
    ids=["demo first", "test first"],
)
def test_both_orders(tree: Path, made_by_test: bool, for_demo: bool, for_test: bool) -> None:
    folder = tree / ".venv"
    assert not bootstrap.is_ready(folder, tests=False, root=tree)
    install(tree, tests=made_by_test)
    assert bootstrap.is_ready(folder, tests=False, root=tree) is for_demo
    assert bootstrap.is_ready(folder, tests=True, root=tree) is for_test


@pytest.mark.parametrize("tests", [False, True])
def test_a_changed_lock_file_is_installed(tree: Path, tests: bool) -> None:
    install(tree, tests=tests)
    bootstrap.lock_file(tests=tests, root=tree).write_text("newer pins")
    assert not bootstrap.is_ready(tree / ".venv", tests=tests, root=tree)


def test_the_tests_lock_pins_everything_of_the_servers() -> None:
    def pins(tests: bool) -> set[str]:
        text = bootstrap.lock_file(tests=tests).read_text()
        return set(re.findall(r"^[\w.-]+(?:\[[\w,-]+\])?==\S+", text, re.MULTILINE))

    assert len(pins(tests=False)) > 20
    assert pins(tests=False) <= pins(tests=True)


def test_an_environment_for_the_demo_says_how_to_get_the_test_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "pytest" else real(name, *more)
    )
    started: list[Any] = []
    monkeypatch.setattr("widgets.management.commands.test.Command.pytest", lambda *arguments: started.append(arguments))
    with pytest.raises(CommandError, match=r"python3 manage\.py test"):
        call_command("test", "--quick")
    assert started == []
