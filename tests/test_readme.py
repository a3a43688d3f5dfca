"""The README's tables say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_settings_table_lists_every_variable_and_no_other() -> None:
    source = (ROOT / "widgets" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r"environment\.(?:text|flag|number|words)\(\s*\"([A-Z_]+)\"", source))
    table = (ROOT / "README.md").read_text(encoding="utf-8").split("## Settings", 1)[1].split("\n## ", 1)[0]
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE))
    assert len(read) > 10
    assert documented == read


def test_linked_files_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
