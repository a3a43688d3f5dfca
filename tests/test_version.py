"""One version, written in ``sumeru_proxy/client/version.py``: everything that is given out carries it."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from sumeru_proxy.client import session, version
from sumeru_proxy.client.version import VERSION
from sumeru_proxy.sdk import public
from widgets.docs import npm_package, openapi, python_package
from widgets.management.commands import generate

ROOT = Path(__file__).resolve().parent.parent


def test_everything_that_is_given_out_has_it() -> None:
    wheel = ROOT / "static" / "embed" / "py" / f"sumeru_client-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"sumeru_client-{VERSION}.dist-info/METADATA").decode()
    manifest = json.loads((ROOT / "static" / "embed" / "manifest.json").read_text())
    found = {
        "server": settings.VERSION,
        "user agent": session.USER_AGENT.rpartition("/")[2],
        "API description": json.loads(openapi.schema())["info"]["version"],
        "loader": manifest["version"],
        "npm package": npm_package.package().version,
        "wheel": re.search(r"^Version: (.*)$", metadata, re.MULTILINE)[1],  # type: ignore[index]
        "wheel's module": public.__version__,
        "wheel served": python_package.wheel().version,
    }
    assert set(found.values()) == {VERSION}, found


def test_it_is_written_by_hand_in_one_module_only() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": f"{version.__name__}.VERSION"}
    assert len(list((ROOT / "static" / "embed").glob("*/sumeru*"))) == 2


def test_generate_brings_a_new_one_to_every_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in _texts():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    monkeypatch.setattr(settings, "VERSION", "9.9.9")
    changed = {Path(name) for name in generate.versions(tmp_path, False)}
    assert changed == set(_texts())
    assert list(generate.versions(tmp_path, True)) == []
    for file in changed:
        text = (tmp_path / file).read_text()
        assert "9.9.9" in text
        if file.name == "package-lock.json" and "static" not in file.parts:
            lock: dict[str, Any] = json.loads(text)
            assert lock["packages"]["node_modules/sumeru-widgets"]["version"] == "9.9.9"
        assert not re.search(rf"sumeru[-_](widgets|client)-{re.escape(VERSION)}", text), file


def _texts() -> list[Path]:
    static = [
        Path("static") / name for name in ("loader/package.json", "loader/package-lock.json", "package/package.json")
    ]
    tests = [
        Path("tests") / folder / name
        for folder in ("package", "storefronts/nextjs", "storefronts/hydrogen")
        for name in ("package.json", "package-lock.json")
    ]
    return [Path("README.md"), Path("static/package/README.md"), *static, *tests]


def test_a_package_of_another_version_is_named_and_removed(tmp_path: Path) -> None:
    folder = tmp_path / "npm"
    folder.mkdir()
    for number in ("0.0.1", VERSION):
        (folder / f"sumeru-widgets-{number}.tgz").write_bytes(b"")
    expected = ["npm/sumeru-widgets-0.0.1.tgz is of another version"]
    assert list(generate._without_other_versions(folder, True, tmp_path)) == expected
    assert list(generate._without_other_versions(folder, False, tmp_path)) == expected
    assert [file.name for file in folder.iterdir()] == [f"sumeru-widgets-{VERSION}.tgz"]
