"""The npm package: its build, its types, its behaviour in Node, what a browser's bundle may hold, and how it is served."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.upstream import Upstream
from widgets import registry
from widgets.docs.npm_package import package
from widgets.management.commands import generate

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SOURCES = ROOT / "static" / "package"
CANARY = "canary-" + "s3cret" * 8

installed = pytest.mark.skipif(
    not (HERE / "node_modules" / "esbuild").exists(), reason="npm ci has not been run in tests/package"
)


def node(*arguments: str, cwd: Path = HERE, **environment: str) -> subprocess.CompletedProcess[str]:
    found = shutil.which("node")
    assert found
    return subprocess.run(
        [found, *arguments], cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_committed_build_is_current(tmp_path: Path) -> None:
    static = tmp_path / "static"
    for name in ("package", "server", "embed"):
        shutil.copytree(ROOT / "static" / name, static / name)
    (static / "loader").mkdir()
    shutil.copy(ROOT / "static" / "loader" / "package.json", static / "loader")
    done = node("build.mjs", "--check", cwd=static / "package")
    assert done.returncode == 0, done.stderr
    with (static / "package" / "src" / "csp.js").open("a") as changed:
        changed.write("\n")
    done = node("build.mjs", "--check", cwd=static / "package")
    assert done.returncode == 1
    assert "node build.mjs" in done.stderr


def test_types_are_those_of_the_api() -> None:
    assert list(generate.types(ROOT, check=True)) == []


def test_private_widgets_are_known_to_the_package() -> None:
    widgets = registry.all_widgets().values()
    private = sorted(widget.name for widget in widgets if widget.audience != "public")
    live = sorted(widget.name for widget in widgets if widget.audience != "public" and widget.Form is None)
    script = (
        f"const {{ isPrivate, isLive }} = await import({json.dumps((SOURCES / 'src' / 'address.js').as_uri())});"
        f"const names = {json.dumps(sorted(widget.name for widget in widgets))};"
        "console.log(JSON.stringify([names.filter((name) => isPrivate(name, {})), names.filter(isLive)]))"
    )
    done = node("--input-type=module", "-e", script)
    assert json.loads(done.stdout) == [private, live]


@installed
@pytest.mark.parametrize("arguments", [["server.test.mjs"], ["react.test.mjs"]])
def test_in_node(arguments: list[str]) -> None:
    done = node("--test", *arguments)
    assert done.returncode == 0, done.stdout


@installed
def test_in_react_18() -> None:
    done = node("--import", "./react-18.mjs", "--test", "react.test.mjs", REACT="18")
    assert done.returncode == 0, done.stdout


@installed
def test_usage_has_the_right_types() -> None:
    done = node("node_modules/typescript/bin/tsc", "-p", ".")
    assert done.returncode == 0, done.stdout


@installed
@pytest.mark.parametrize(
    "asked",
    [
        "reviews?product_id=prd_1", "reviews?product_id=prd_1&write=1", "reviews?product_id=prd_3", "rating_badge?product_id=prd_1",
        "bundles?product_id=prd_1", "upsell?product_ids=prd_1&cart_total=40.00", "product_feed?limit=2", "quiz?quiz_id={quiz}",
    ],
)  # fmt: skip
def test_data_has_its_type(
    asked: str, make_shop: Callable[..., Any], sandbox: Upstream, client: Client, tmp_path: Path
) -> None:
    urls = {"product_url": "https://shop.example/products/{handle}", "cart_url": "https://shop.example/cart/{variants}"}
    shop = make_shop(sandbox.url, **sandbox.account(), currency="EUR", storefront_url="https://shop.example/", **urls)
    name, _, query = asked.format(quiz=sandbox.catalogue["shops"][0]["quizzes"][0]["id"]).partition("?")
    answer = client.get(f"/w/v1/{shop.key}/{name}.json?{query}").json()
    assert answer["state"] == "ready", answer
    # A literal: what is missing and what is too much are both errors.
    types = json.dumps(str(SOURCES / "src" / "data.d.ts"))
    text = f"import type {{ WidgetData }} from {types};\nexport const data: WidgetData[{json.dumps(name)}] = "
    (tmp_path / "data.ts").write_text(text + json.dumps(answer["data"]) + ";\n")
    checked = [
        "--ignoreConfig",
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--target",
        "es2023",
        "--module",
        "nodenext",
        "--types",
        "",
    ]
    done = node("node_modules/typescript/bin/tsc", *checked, str(tmp_path / "data.ts"))
    assert done.returncode == 0, done.stdout


def bundle(text: str, *options: str) -> subprocess.CompletedProcess[str]:
    """The text bundled by esbuild as a storefront's build does for browsers."""
    return subprocess.run(
        ["node_modules/.bin/esbuild", "--bundle", "--format=esm", "--platform=browser", "--external:react", *options],
        cwd=HERE,
        input=text,
        env={**os.environ, "SUMERU_CUSTOMER_SECRET": CANARY},
        capture_output=True,
        text=True,
        check=False,
    )


@installed
def test_no_secret_can_be_bundled_for_browsers() -> None:
    mint = "import { mintCustomerToken } from 'sumeru-widgets/customer-token';"
    use = f"{mint} console.log(mintCustomerToken({{ secret: process.env.SUMERU_CUSTOMER_SECRET, shopKey: 's', customerId: 'c' }}));"
    define = f"--define:process.env.SUMERU_CUSTOMER_SECRET={json.dumps(CANARY)}"
    # The very same text is fine for a server, where the canary arrives: it would be seen.
    for_server = bundle(use, define, "--platform=node")
    assert for_server.returncode == 0, for_server.stderr
    assert CANARY in for_server.stdout
    assert "createHmac" in for_server.stdout
    refused = bundle(use, define)
    assert refused.returncode != 0
    assert "mintCustomerToken" in refused.stderr
    # Whoever gets around the names gets a module that throws, and no way to sign.
    whole = bundle("import * as all from 'sumeru-widgets/customer-token'; globalThis.all = all;", define)
    assert whole.returncode == 0, whole.stderr
    assert "server only" in whole.stdout
    assert "createHmac" not in whole.stdout
    fine = bundle((HERE / "entry.mjs").read_text(), define)
    assert fine.returncode == 0, fine.stderr
    assert CANARY not in fine.stdout


def test_served_and_installable(tmp_path: Path, client: Client) -> None:
    facts = client.get("/embed/npm/latest").json()
    assert facts["version"] == json.loads((ROOT / "static" / "loader" / "package.json").read_text())["version"]
    path = facts["tarball"].removeprefix("http://testserver")
    answer = client.get(path)
    assert answer["Content-Type"] == "application/gzip"
    assert "immutable" in answer["Cache-Control"]
    assert "Content-Encoding" not in answer
    assert facts["integrity"] == "sha512-" + base64.b64encode(hashlib.sha512(answer.content).digest()).decode()
    with tarfile.open(fileobj=BytesIO(answer.content), mode="r:gz") as archive:
        names = archive.getnames()
    assert "package/package.json" in names
    assert "package/src/customer-token.mjs" in names
    exported = json.loads((SOURCES / "package.json").read_text())["exports"]
    targets = [each for value in exported.values() for each in (value.values() if isinstance(value, dict) else [value])]
    assert {f"package/{target.removeprefix('./')}" for target in targets} <= set(names)
    assert client.get(path, headers={"if-none-match": answer["ETag"]}).status_code == 304
    assert client.get(path.replace(facts["version"], "0.0.1")).status_code == 404
    assert client.post(path).status_code == 405
    (tmp_path / "sumeru-widgets.tgz").write_bytes(answer.content)
    (tmp_path / "package.json").write_text('{"name": "shop", "version": "1.0.0", "private": true}')
    npm = shutil.which("npm")
    assert npm
    command = [npm, "install", "--offline", "--omit=peer", "--no-audit", "--no-fund", "./sumeru-widgets.tgz"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    use = "import { createWidgets } from 'sumeru-widgets/server'; console.log(createWidgets({ url: 'https://w', shop: 's' }).scriptUrl)"
    assert node("--input-type=module", "-e", use, cwd=tmp_path).stdout == "https://w/embed/v1.js\n"


def test_the_tarball_holds_nothing_of_the_machine() -> None:
    tar = gzip.decompress(package().body)
    assert len(tar) % 512 == 0
    with tarfile.open(fileobj=BytesIO(tar)) as archive:
        assert {(each.uid, each.gid, each.uname, each.mtime) for each in archive} == {(0, 0, "", 499162500)}


@pytest.mark.parametrize("folder", [HERE, ROOT / "tests" / "storefronts" / "nextjs"])
def test_lock_file_names_no_registry(folder: Path) -> None:
    lock = (folder / "package-lock.json").read_text()
    assert '"resolved": "http' not in lock
    assert '"integrity"' in lock
    # Without an integrity of its own: our package changes with the sources, under the same version.
    ours = json.loads(lock)["packages"]["node_modules/sumeru-widgets"]
    assert ours["resolved"].startswith("file:")
    assert "integrity" not in ours


def test_parameters_are_attributes_as_the_server_writes_them() -> None:
    names = [*registry.parameter_names(), "other"]
    script = (
        f"const {{ attributesOf }} = await import({json.dumps((SOURCES / 'src' / 'address.js').as_uri())});"
        f"const params = Object.fromEntries({json.dumps(names)}.map((name) => [name, 'x']));"
        "console.log(JSON.stringify(Object.keys(attributesOf('reviews', params))))"
    )
    found = json.loads(node("--input-type=module", "-e", script).stdout)
    assert sorted(found) == sorted(["type", "params", *(name.replace("_", "-") for name in registry.parameter_names())])
