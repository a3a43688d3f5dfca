"""The README's tables say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_KINDS = {".py", ".html", ".css", ".md", ".yaml"}


def test_the_settings_table_lists_every_variable_and_no_other() -> None:
    source = (ROOT / "widgets" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r"environment\.(?:text|flag|number|words|networks)\(\s*\"([A-Z_]+)\"", source))
    table = (ROOT / "README.md").read_text(encoding="utf-8").split("## Settings", 1)[1].split("\n## ", 1)[0]
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE))
    assert len(read) > 10
    assert documented == read


def test_the_docs_list_every_error_code_and_no_other() -> None:
    sources = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "widgets" / "http").glob("*.py"))]
    sources.append((ROOT / "sumeru_proxy" / "webhooks" / "views.py").read_text(encoding="utf-8"))
    raised = set()
    for text in sources:
        raised |= set(re.findall(r"[pP]roblem\(\s*(?:request,\s*)?(\d{3}),\s*\"([a-z_]+)\"", text))
    table = (ROOT / "templates" / "docs" / "index.html").read_text(encoding="utf-8").split('<section id="api">', 1)[1]
    documented = {
        (status, code) for code, status in re.findall(r"<td><code>(\w+)</code></td>\s*<td>(\d{3})</td>", table)
    }
    assert len(raised) > 10
    assert {code for _status, code in documented} == {code for _status, code in raised}
    assert raised <= documented


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_linked_files_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert links or name != "README.md"
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.thorough
def test_contributing_names_files_that_exist() -> None:
    """A path in code marks is below the top, ``widgets/`` or ``sumeru_proxy/``; a bare file name is one of some folder's."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    words = set(re.findall(r"`([\w./-]+\.(?:py|html|css|md|yaml|po))`", text))
    assert len(words) > 40
    files = [path.as_posix() for path in ROOT.rglob("*") if path.suffix in _KINDS and ".venv" not in path.parts]
    assert [word for word in words if not any(file.endswith(f"/{word}") for file in files)] == []


def test_contributing_names_modules_that_exist() -> None:
    """The ways through the house: ``room/module``."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("### Four ways", 1)[1].split("\n## ", 1)[0]
    words = set(re.findall(r"`(\w+/\w+)(?:\.\w+)?`", text))
    assert len(words) > 25
    places = (ROOT / "widgets", ROOT / "sumeru_proxy")
    assert [word for word in words if not any((place / f"{word}.py").exists() for place in places)] == []
