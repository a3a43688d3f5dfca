"""The pixel's two addresses: as the loader's, and never one script under the other's name."""

from __future__ import annotations

import base64
import gzip
import hashlib
from pathlib import Path

import brotli
import pytest
from django.conf import settings as django_settings
from django.test import Client

from widgets.http import embed


def test_floating_pixel(client: Client) -> None:
    response = client.get("/embed/pixel.js")
    body = (Path(django_settings.BASE_DIR) / "static" / "embed" / "pixel.js").read_bytes()
    assert (response.status_code, response.content) == (200, body)
    assert response["Content-Type"].startswith("text/javascript")
    for part in ("public", "max-age=300", "stale-while-revalidate=", "stale-if-error="):
        assert part in response["Cache-Control"]
    assert response["Access-Control-Allow-Origin"] == "*"
    assert response["Vary"] == "Accept-Encoding"
    assert not response.cookies
    again = client.get("/embed/pixel.js", headers={"if-none-match": response["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.post("/embed/pixel.js").status_code == 405


@pytest.mark.parametrize("coding", ["br", "gzip"])
def test_compressed_pixel(client: Client, coding: str) -> None:
    response = client.get("/embed/pixel.js", headers={"accept-encoding": coding})
    assert response["Content-Encoding"] == coding
    opened = {"br": brotli.decompress, "gzip": gzip.decompress}[coding](response.content)
    assert opened == embed.script("pixel").identity


@pytest.mark.parametrize("name", ["pixel", "share", "debug"])
def test_pinned_scripts(client: Client, name: str) -> None:
    script = embed.script(name)
    assert client.get(f"/embed/{name}.js").content == script.identity
    response = client.get(f"/embed/{script.hash}/{name}.js")
    assert response["Cache-Control"] == "public, max-age=31536000, immutable"
    digest = base64.b64encode(hashlib.sha384(response.content).digest()).decode()
    assert script.integrity == f"sha384-{digest}"
    assert client.get(f"/embed/0123456789abcdef/{name}.js").status_code == 404
    assert client.get(f"/embed/{embed.loader().hash}/{name}.js").status_code == 404
    assert client.get(f"/embed/{script.hash}/loader.js").status_code == 404


def test_the_docs_name_it(client: Client) -> None:
    html = client.get("/docs/").content.decode()
    assert '<section id="pixel">' in html
    assert "/embed/pixel.js" in html
