"""``manage.py generate``: what is committed is what the sources give; what is not is named, and a missing translation only warned of."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from widgets.management.commands import generate

ROOT = Path(settings.BASE_DIR)


def test_what_is_committed_is_current() -> None:
    call_command("generate", "--check", stdout=StringIO(), stderr=StringIO())


@pytest.mark.parametrize(
    ("step", "file", "change"),
    [
        (generate.versions, "static/loader/package.json", lambda text: text.replace('"version": "', '"version": "9')),
        (generate.types, "static/package/src/api.d.ts", lambda text: text + "export type Old = 1;\n"),
        (generate.readme, "README.md", lambda text: text.replace("| `bundles` |", "| `old_bundles` |")),
    ],
    ids=["versions", "types", "readme"],
)
def test_a_file_that_is_not_current_is_named_and_made_right(
    tmp_path: Path,
    step: Callable[[Path, bool], Iterator[str]],
    file: str,
    change: Callable[[str], str],
) -> None:
    for name in (
        "static/loader/package.json",
        "static/package/package.json",
        "static/package/src/api.d.ts",
        "static/package/README.md",
        "README.md",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    current = (tmp_path / file).read_text()
    assert list(step(tmp_path, True)) == []
    changed = change(current)
    assert changed != current
    (tmp_path / file).write_text(changed)
    assert list(step(tmp_path, True)) == [file]
    assert (tmp_path / file).read_text() == changed
    assert list(step(tmp_path, False)) == [file]
    assert (tmp_path / file).read_text() == current


def test_a_missing_translation_is_a_warning(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "widgets" / "locale", tmp_path / "widgets" / "locale")
    before = generate.untranslated(tmp_path)
    file = tmp_path / "widgets" / "locale" / "de" / "LC_MESSAGES" / "django.po"
    file.write_text(file.read_text() + '\nmsgid "A text of tomorrow"\nmsgstr ""\n')
    assert sorted(generate.untranslated(tmp_path)) == sorted([*before, "de: A text of tomorrow"])


@pytest.mark.thorough
def test_generate_fails_with_the_names_of_what_is_not_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "VERSION", "9.9.9")
    with pytest.raises(CommandError, match=r"versions: static/loader/package\.json"):
        call_command("generate", "--check", stdout=StringIO(), stderr=StringIO())


def class_body_calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Calls that run when the module is imported: module level and class bodies, but not functions."""
    pending: list[ast.AST] = [tree]
    while pending:
        for child in ast.iter_child_nodes(pending.pop()):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            if isinstance(child, ast.Call):
                yield child
            pending.append(child)


@pytest.mark.parametrize("path", sorted(ROOT.glob("widgets/catalog*/*.py")), ids=lambda path: path.stem)
def test_no_text_is_translated_once_and_for_ever(path: Path) -> None:
    """A text that is looked up at import stays English for ever, and a title marked for operators is never collected."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for call in class_body_calls(tree):
        if isinstance(call.func, ast.Name):
            assert call.func.id not in ("gettext", "ngettext", "pgettext"), (
                f"{path.name}:{call.lineno}: use gettext_lazy"
            )
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == "title" for to in node.targets):
            name = node.value.func if isinstance(node.value, ast.Call) else None
            if isinstance(name, ast.Name) and name.id in ("_", "gettext"):
                pytest.fail(f"{path.name}:{node.lineno}: shoppers read titles: use gettext_lazy, which is collected")
