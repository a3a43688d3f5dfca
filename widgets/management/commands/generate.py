"""``manage.py generate``: every committed file that is made from another one, in one command.

After a change of texts, widgets, parameters, styles, loader or package sources run it and commit what it wrote. With ``--check`` it writes
nothing: it names what is not current and fails, and warns of texts that a language lacks (shoppers see those in English).
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import override

from widgets import registry

_CREATED = re.compile(rb'^"POT-Creation-Date: [^"]*"\n', re.MULTILINE)
_VERSION = re.compile(r'"version": "[^"]*"')
_FILE_NAME = re.compile(r"(sumeru-widgets-|sumeru_client-)[0-9][0-9A-Za-z.]*?(\.tgz|-py3-none-any\.whl)")
"""The two packages' names with their version, as texts and the tests' package.json files write them."""
_LOCKED = re.compile(r'("node_modules/sumeru-widgets": \{\s*"version": )"[^"]*"')
_WIDGET_TABLE = re.compile(r"(\| Widget \| What shoppers get \|\n\|---\|---\|\n)(?:\| `\w+` \|.*\n)*")


class Command(BaseCommand):
    """``manage.py generate [--check]``. Safe to repeat: without a change of the sources it writes nothing."""

    help = "Make every generated file: versions, messages, types, scripts, styles, npm package, wheel, samples, README tables."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is not current")

    def handle(self, *args: Any, **options: Any) -> None:
        check = bool(options["check"])
        root = Path(settings.BASE_DIR)
        steps = (versions, messages, types, parameters, scripts, package, wheel, samples, readme)
        outdated = [f"{step.__name__}: {found}" for step in steps for found in step(root, check)]
        for text in untranslated(root):
            self.stderr.write(self.style.WARNING(f"not translated: {text}"))
        if check and outdated:
            raise CommandError("\n".join([*outdated, "Run manage.py generate and commit what it writes."]))
        for found in outdated:
            self.stdout.write(found)


def _write(file: Path, text: str | bytes, root: Path, check: bool) -> Iterator[str]:
    """Name the file when it does not hold this, and unless ``check`` write it."""
    new = text.encode() if isinstance(text, str) else text
    if file.exists() and file.read_bytes() == new:
        return
    if not check:
        file.write_bytes(new)
    yield str(file.relative_to(root))


def versions(root: Path, check: bool) -> Iterator[str]:
    """The one version: in the package.json files that npm reads, and in the names of the packages wherever they are written."""
    own = f'"version": "{settings.VERSION}"'
    for folder in ("loader", "package"):
        for name, count in (
            ("package.json", 1),
            ("package-lock.json", 2),
        ):  # a lock file says it of itself and of the folder
            file = root / "static" / folder / name
            if file.exists():
                yield from _write(file, _VERSION.sub(own, file.read_text(encoding="utf-8"), count=count), root, check)
    for file in _naming_packages(root):
        text = _FILE_NAME.sub(rf"\g<1>{settings.VERSION}\2", file.read_text(encoding="utf-8"))
        yield from _write(file, _LOCKED.sub(rf'\1"{settings.VERSION}"', text), root, check)


def _naming_packages(root: Path) -> Iterator[Path]:
    yield from (root / "README.md", root / "static" / "package" / "README.md")
    for folder in ("tests/package", "tests/storefronts/nextjs", "tests/storefronts/hydrogen"):
        yield from (file for name in ("package.json", "package-lock.json") if (file := root / folder / name).exists())


def _without_other_versions(folder: Path, check: bool, root: Path) -> Iterator[str]:
    """Packages of an earlier version: nobody is served them."""
    for file in sorted(folder.glob("sumeru*")):
        if f"-{settings.VERSION}." not in file.name and f"-{settings.VERSION}-" not in file.name:
            if not check:
                file.unlink()
            yield f"{file.relative_to(root)} is of another version"


def messages(root: Path, check: bool) -> Iterator[str]:
    """The shoppers' texts of templates and modules in every language's catalogue, and the catalogues compiled. Needs GNU gettext."""
    if not shutil.which("xgettext"):
        raise CommandError("GNU gettext is missing: install your system's package `gettext`.")
    locale = root / "widgets" / "locale"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "locale"
        shutil.copytree(locale, copy)
        paths, settings.LOCALE_PATHS = settings.LOCALE_PATHS, [copy]
        try:
            with contextlib.chdir(root):
                # Django would take a folder named locale that it meets for the one to write to.
                call_command("makemessages", ignore_patterns=["widgets/locale"], verbosity=0, stdout=io.StringIO())
        finally:
            settings.LOCALE_PATHS = paths
        for source in sorted(copy.rglob("django.po")):
            file = locale / source.relative_to(copy)
            text = source.read_bytes()
            if file.exists() and _CREATED.sub(b"", file.read_bytes()) == _CREATED.sub(b"", text):
                text = file.read_bytes()  # nothing but the clock
            yield from _write(file, text, root, check)
            compiled = io.BytesIO()
            write_mo(compiled, read_po(io.BytesIO(text), locale=file.parents[1].name))
            yield from _write(file.with_suffix(".mo"), compiled.getvalue(), root, check)


def untranslated(root: Path) -> list[str]:
    """``language: text`` for every text that a catalogue has no translation of; shoppers see it in English."""
    found = []
    for file in sorted((root / "widgets" / "locale").rglob("django.po")):
        language = file.parents[1].name
        with file.open("rb") as source:
            for message in read_po(source, locale=language):
                translations = [message.string] if isinstance(message.string, str) else list(message.string or [""])
                if message.id and not all(translations):
                    found.append(f"{language}: {message.id if isinstance(message.id, str) else message.id[0]}")
    return found


def types(root: Path, check: bool) -> Iterator[str]:
    """The npm package's types, from the API description."""
    from widgets.docs import openapi, typescript

    text = typescript.declarations(json.loads(openapi.schema()))
    yield from _write(root / "static" / "package" / "src" / "api.d.ts", text, root, check)


def parameters(root: Path, check: bool) -> Iterator[str]:
    """The parameters that are attributes of the element, for the loader and the npm package: all that the widgets take."""
    names = registry.parameter_names()
    if twice := [name for name in names if name.count("_") > 1]:
        raise CommandError(f"The loader knows one _ in a parameter's name: {', '.join(twice)}.")
    text = (
        "/** Every parameter of every widget, each an attribute of the element with `-` for `_`. Made by `manage.py generate`. */\n"
        f"export const PARAMS =\n  '{' '.join(names)}'.split(\n    ' ',\n  );\n"
    )
    for folder in ("loader", "package"):
        yield from _write(root / "static" / folder / "src" / "parameters.js", text, root, check)


def scripts(root: Path, check: bool) -> Iterator[str]:
    """Loader, pixel and styles, built and compressed. Needs Node.js; installs what the build needs by its lock file."""
    folder = root / "static" / "loader"
    if not (folder / "node_modules").exists():
        _run(["npm", "ci", "--no-audit", "--no-fund", "--silent", "--ignore-scripts"], folder)
    yield from _build(folder, check)


def wheel(root: Path, check: bool) -> Iterator[str]:
    """The Python wheel of the typed client."""
    yield from _without_other_versions(root / "static" / "embed" / "py", check, root)
    before = {} if check else _state(root / "static" / "embed" / "py")
    command = [sys.executable, str(root / "static" / "wheel" / "build.py"), *(["--check"] if check else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode and not check:
        raise CommandError(done.stderr.strip())
    yield from done.stderr.splitlines() if check and done.returncode else ()
    if not check:
        yield from _changes(before, _state(root / "static" / "embed" / "py"))


def package(root: Path, check: bool) -> Iterator[str]:
    """The npm package's tarball."""
    yield from _without_other_versions(root / "static" / "embed" / "npm", check, root)
    yield from _build(root / "static" / "package", check)


def _build(folder: Path, check: bool) -> Iterator[str]:
    before = {} if check else _state(folder.parent / "embed")
    command = ["node", "build.mjs", *(["--check"] if check else [])]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode and not check:
        raise CommandError(done.stderr.strip() or done.stdout.strip())
    yield from (line for line in done.stderr.splitlines() if check and done.returncode and line.strip())
    if not check:
        yield from _changes(before, _state(folder.parent / "embed"))


def _state(folder: Path) -> dict[str, bytes]:
    return {
        str(each.relative_to(folder.parent.parent)): each.read_bytes() for each in folder.rglob("*") if each.is_file()
    }


def _changes(before: dict[str, bytes], after: dict[str, bytes]) -> Iterator[str]:
    yield from (name for name in after if after[name] != before.get(name))


def samples(root: Path, check: bool) -> Iterator[str]:
    """The code samples of README and docs, cut out of the files that tests run. Nothing where the tests are not installed."""
    if not (root / "tests" / "samples.py").exists():
        return
    command = [sys.executable, "-m", "tests.samples", *(["--check"] if check else [])]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode and not done.stdout:
        raise CommandError(done.stderr.strip())
    yield from done.stdout.splitlines()


def readme(root: Path, check: bool) -> Iterator[str]:
    """The README's table of widgets, from their own descriptions."""
    file = root / "README.md"
    with override("en"):
        rows = "".join(
            f"| `{name}` | {widget.description} |\n" for name, widget in sorted(registry.all_widgets().items())
        )
    text = file.read_text(encoding="utf-8")
    if not _WIDGET_TABLE.search(text):
        raise CommandError("README.md has no table of widgets.")
    yield from _write(file, _WIDGET_TABLE.sub(lambda table: table[1] + rows, text), root, check)


def _run(command: list[str], folder: Path) -> None:
    if subprocess.run(command, cwd=folder, check=False).returncode:  # noqa: S603
        raise CommandError(f"{' '.join(command[:2])} in {folder.name} failed")
