"""The committed build: its size, its manifest, and that it is what the sources give."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import brotli
import pytest

from tests.loader.stub_hosts import LOADER

SOURCES = Path(__file__).parents[2] / "static" / "loader"


def test_size() -> None:
    assert len(brotli.compress(LOADER.read_bytes(), quality=11)) <= 2400


def test_manifest_describes_the_file() -> None:
    data = LOADER.read_bytes()
    manifest = json.loads((LOADER.parent / "manifest.json").read_text())
    assert manifest["file"] == LOADER.name
    assert manifest["bytes"] == len(data)
    assert manifest["integrity"] == "sha384-" + base64.b64encode(hashlib.sha384(data).digest()).decode()
    assert manifest["hash"] == hashlib.sha256(data).hexdigest()[:16]
    assert manifest["version"] == json.loads((SOURCES / "package.json").read_text())["version"]


def test_lock_file_names_no_registry() -> None:
    lock = (SOURCES / "package-lock.json").read_text()
    assert "http" not in lock
    assert '"integrity"' in lock


@pytest.mark.skipif(
    not (SOURCES / "node_modules" / "esbuild").exists(), reason="npm ci has not been run in static/loader"
)
def test_committed_build_is_current(tmp_path: Path) -> None:
    node = shutil.which("node")
    assert node
    copy = tmp_path / "loader"
    shutil.copytree(SOURCES, copy, symlinks=True)
    shutil.copytree(LOADER.parent, tmp_path / "embed")
    shutil.copytree(SOURCES.parent / "widgets", tmp_path / "widgets")
    done = subprocess.run([node, "build.mjs", "--check"], cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "embed" / "loader.js").open("a") as stale:
        stale.write("\n")
    done = subprocess.run([node, "build.mjs", "--check"], cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "loader.js" in done.stderr
