"""Every block of code in README and docs is cut from a file that a test runs, or is run here."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import signing
from django.core.management import get_commands
from django.test import Client

from sumeru_proxy.models import Shop
from tests import samples
from tests.upstream import Upstream
from widgets.docs import npm_package, python_package

ROOT = samples.ROOT
DOCS = sorted(
    [
        *(ROOT / "templates" / "docs").glob("*.html"),
        *(ROOT / "sumeru_proxy" / "consumers").glob("*/templates/*/docs/*.html"),
    ]
)
ESBUILD = ROOT / "tests" / "package" / "node_modules" / "esbuild"
BASE = "https://widgets.example.com"
# Texts of modules with tests of their own: tests/widgets/test_client_docs.py, tests/bench/servers.py.
MADE_ELSEWHERE = {
    f"{{{{ {name} }}}}"
    for name in (
        "environment",
        "web_unit",
        "worker_unit",
        "nginx",
        "first_party",
        "upgrade",
        "row.example.python",
        "row.http",
    )
}


def readme_blocks() -> Iterator[tuple[str, str, str]]:
    """Name of the sample (or empty), language and text of each block."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for found in re.finditer(r"(?:<!-- sample: (\S+) -->\n)?```(\w*)\n(.*?)\n```", text, re.DOTALL):
        yield found[1] or "", found[2], found[3]


def docs_blocks() -> Iterator[str]:
    """Texts of what the docs' templates hold as code themselves."""
    for path in DOCS:
        for found in re.finditer(
            r"<pre>(?:<code>)?(.*?)(?:</code>)?</pre>", path.read_text(encoding="utf-8"), re.DOTALL
        ):
            yield unescape(found[1]).replace("{{ base }}", BASE).replace("&#123;", "{")


def own_blocks() -> list[str]:
    """All that are no samples."""
    return [text for name, _language, text in readme_blocks() if not name] + [
        text for text in docs_blocks() if text not in MADE_ELSEWHERE
    ]


def lines(start: str) -> list[str]:
    """Lines of those blocks that begin like this, continued ones whole."""
    every = "\n".join(own_blocks()).replace("\\\n", "").splitlines()
    return [line for line in every if line.startswith(start)]


def test_committed_samples_are_those_of_the_storefronts() -> None:
    assert [str(path.relative_to(ROOT)) for path in samples.differing()] == [], "run python -m tests.samples"


def test_markers_must_pair_and_pieces_are_joined() -> None:
    source = """\
a
  // sample: x
  b
    c // left out of the sample
  // end of sample
d
  /* sample: x (dedented) */
    e
  /* end of sample */
"""
    assert samples.cut(source, "here") == {"x": "  b\ne\n"}
    for wrong in ("# sample: a", "<!-- end of sample -->", "// sample: a\n// sample: b\n// end of sample"):
        with pytest.raises(ValueError, match="here"):
            samples.cut(wrong, "here")


def test_each_sample_is_shown_and_each_shown_one_exists() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (*DOCS, ROOT / "widgets" / "admin" / "snippets.py")]
    shown = {name for text in texts for name in re.findall(r'sample "([a-z0-9-]+)"', text)}
    shown |= {name for name, _language, _text in readme_blocks() if name}
    admin = texts[-1]
    made = set(samples.samples())
    assert shown <= made
    assert {name for name in made - shown if f'"{name}"' not in admin} == set()


def test_every_other_block_is_of_a_kind_that_is_run_below() -> None:
    kinds = ("curl ", "npm install ", "pip install ", "python3 manage.py ", "python manage.py ", " -d ")
    unknown = []
    for block in own_blocks():
        each = [line.strip() and f" {line.strip()}" if line.startswith(" ") else line for line in block.splitlines()]
        if not all(line.startswith(kinds) for line in each) and block not in (PICTURE,):
            unknown.append(block)
    assert unknown == []


@pytest.mark.thorough
@pytest.mark.skipif(not ESBUILD.exists(), reason="npm ci has not been run in tests/package")
def test_samples_of_whole_files_are_sound_by_themselves() -> None:
    """They parse, and each component that they use is imported or made there."""
    # Those left out are pieces for two places of a file that is the shop's own.
    whole = {
        name: text
        for name, (text, language) in samples.samples().items()
        if language in ("js", "jsx")
        and re.search(r"^import ", text, re.MULTILINE)
        and name not in ("hydrogen-context", "hydrogen-root")
    }
    assert len(whole) > 10
    for name, (text, language) in samples.samples().items():
        if language == "python":
            compile(text, name, "exec")
    script = (
        "const { transformSync } = require('esbuild');"
        "for (const [name, text] of Object.entries(JSON.parse(require('fs').readFileSync(0, 'utf8'))))"
        " try { transformSync(text, { loader: 'jsx', logLevel: 'silent' }) } catch (error) { console.log(name, error.message) }"
    )
    node = shutil.which("node")
    assert node
    done = subprocess.run(
        [node, "-e", script],
        cwd=ESBUILD.parents[1],
        input=json.dumps(whole),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    for name, text in whole.items():
        for component in re.findall(r"^ *<([A-Z]\w+)", text, re.MULTILINE):
            assert re.search(rf"(?:import|function)\b[^;(]*\b{component}\b", text), f"{name}: {component}"


def test_the_variables_are_those_that_the_storefronts_read() -> None:
    text = samples.samples()["environment"][0]
    code = "".join(text for name, (text, _) in samples.samples().items() if name in ("nextjs-lib", "hydrogen-context"))
    read = set(re.findall(r"env\.(WIDGETS_\w+)", code))
    assert set(re.findall(r"^(\w+)=", text, re.MULTILINE)) == read


@pytest.fixture
def shop(sandbox: Upstream, make_shop: Callable[..., Shop]) -> Shop:
    keys = sandbox.account()
    return make_shop(sandbox.url, domain=keys["domain"], public_key=keys["public_key"], token=keys["token"])


def test_curl_lines(shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = lines("curl ")
    assert len(commands) > 5
    for command in commands:
        words = shlex.split(command.replace("SHOP", shop.key).replace("PRODUCT", "prd_1"))
        url = next(word for word in words if word.startswith(BASE)).removeprefix(BASE)
        if "-X" in words:
            assert words[words.index("-X") + 1] == "POST"
            form = client.get(url.replace("/reviews?", "/reviews.json?") + "&write=1").json()["data"]["form"]
            now = time.time() + 5  # a person's pace
            monkeypatch.setattr(signing.time, "time", lambda now=now: now)
            body = json.loads(words[words.index("-d") + 1]) | {name: form[name] for name in ("token", "key")}
            answer = client.post(url, json.dumps(body), content_type="application/json")
            assert answer.status_code in (200, 202), answer.content
        else:
            answer = client.get(url)
            assert answer.status_code == 200, command
            assert b'"state": "error"' not in answer.content


def test_packages_are_the_one_that_is_served(client: Client) -> None:
    found = lines("npm install ")
    assert len(found) >= 2
    for line in found:
        address = line.replace("{{ package }}", f"{npm_package.NAME}-{npm_package.package().version}").split()[-1]
        assert address.startswith(BASE)
        assert client.get(urlsplit(address).path).status_code == 200, line
    found = lines("pip install ")
    assert len(found) >= 3
    for line in found:
        address = line.replace("{{ wheel }}", python_package.wheel().file).split()[-1]
        assert address.startswith(BASE)
        assert client.get(urlsplit(address).path).status_code == 200, line


def test_commands_exist() -> None:
    found = lines("python3 manage.py ") + lines("python manage.py ")
    assert len(found) > 4
    for line in found:
        assert line.split()[2] in {*get_commands(), "test"}, line


def _block(start: str) -> str:
    return next(block for block in own_blocks() if block.startswith(start))


PICTURE = _block(" browser ─")


def test_a_first_party_address_is_in_every_link(shop: Shop, client: Client, settings: Any) -> None:
    settings.PUBLIC_URL = "https://shop.example/sumeru"
    text = client.get(f"/w/v1/{shop.key}/reviews.html?product_id=prd_1").content.decode()
    links = re.findall(r'(?:href|action)="([^"]*/w/v1/[^"]*)"', text)
    assert links
    assert all(link.startswith("https://shop.example/sumeru/w/v1/") for link in links), links


def test_the_docs_name_this_server(client: Client) -> None:
    text = unescape(client.get("/docs/").content.decode())
    assert 'src="http://testserver/embed/v1.js" data-shop="SHOP"' in text
    assert "WIDGETS_URL=http://testserver" in text
    assert "npm install http://testserver/embed/npm/sumeru-widgets-" in text
    assert "INTEGRITY" not in text
