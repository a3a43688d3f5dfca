"""What caches and browsers are told: CORS, cache lifetimes, validators, languages, the loader's two addresses."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli
import pytest
from django.conf import settings as django_settings
from django.test import Client

from sumeru_proxy.models import Shop, ShopOrigin
from tests.upstream import Upstream
from widgets.http import embed, shops
from widgets.models import Look, Placement

READS = ("reviews.json", "reviews.html", "reviews", "batch")


@pytest.fixture
def shop(make_shop: Callable[..., Shop], sandbox: Upstream) -> Shop:
    return make_shop(sandbox.url, **sandbox.account())


def address(shop: Shop, form: str) -> str:
    query = "w=reviews%3Fproduct_id%3Dprd_1" if form == "batch" else "product_id=prd_1"
    return f"/w/v1/{shop.key}/{form}?{query}"


@pytest.mark.parametrize("form", READS)
def test_public_answers_may_be_kept_and_revalidated(client: Client, shop: Shop, form: str) -> None:
    first = client.get(address(shop, form))
    assert first.status_code == 200
    for part in ("public", "max-age=60", "stale-while-revalidate=", "stale-if-error="):
        assert part in first["Cache-Control"]
    assert first["ETag"].startswith('"')
    assert client.get(address(shop, form)).content == first.content
    short = client.get(address(shop, form), headers={"if-none-match": f'"other", W/{first["ETag"]}'})
    assert (short.status_code, short.content) == (304, b"")
    assert (short["ETag"], short["Cache-Control"]) == (first["ETag"], first["Cache-Control"])
    assert client.get(address(shop, form), headers={"if-none-match": '"other"'}).status_code == 200
    assert client.get(address(shop, form), headers={"if-none-match": "*"}).status_code == 304


@pytest.mark.parametrize("form", READS)
def test_no_cookie_and_no_needless_vary(client: Client, shop: Shop, form: str) -> None:
    response = client.get(address(shop, form), headers={"cookie": "sessionid=x", "accept-language": "de"})
    assert not response.cookies
    assert {name.strip().lower() for name in response.get("Vary", "").split(",") if name.strip()} <= {"origin"}


@pytest.mark.parametrize(
    "stored", ["null", "*", "https://*", "*://shop.example", "https://*.vercel.app", "http*://shop.example"]
)
def test_origins_that_an_import_left_allow_nobody(client: Client, shop: Shop, stored: str) -> None:
    """Rows also come from imports, which ask no form."""
    ShopOrigin.objects.create(shop=shop, origin=stored)
    shops.forget()
    for origin in ("null", "*", stored, "https://evil", "https://x.vercel.app", "https://evil.example"):
        response = client.get(address(shop, "reviews.json"), headers={"origin": origin})
        assert "Access-Control-Allow-Origin" not in response.headers
        assert (
            client.post(
                f"/w/v1/{shop.key}/events", "{}", content_type="text/plain", headers={"origin": origin}
            ).status_code
            == 403
        )
    assert "evil" not in client.get(address(shop, "reviews"))["Content-Security-Policy"]
    assert stored not in client.get(address(shop, "reviews"))["Content-Security-Policy"].split()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("reviews.html?product_id=prd_1", 200), ("reviews.json?product_id=prd_1", 200), ("batch?w=reviews", 200), ("reviews.json", 400),
        ("nothing.html", 404), ("/w/v1/shp_none/reviews.html", 404), ("/w/v1/openapi.json", 200), ("/embed/v1.js", 200), ("/healthz", 200),
        ("/embed/none.js", 404), ("/hooks/sumeru/none", 405),
    ],
)  # fmt: skip
def test_what_is_for_programs_is_inert_when_opened(client: Client, shop: Shop, path: str, status: int) -> None:
    response = client.get(path if path.startswith("/") else f"/w/v1/{shop.key}/{path}")
    assert response.status_code == status
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"


@pytest.mark.parametrize(
    "path",
    ["/docs/", "/docs/client/", "/docs/deploying/", "/docs/troubleshooting/", "/docs/threats/", "/admin/", "/nothing"],
)
def test_pages_of_ours_run_our_own_scripts_alone(admin_client: Client, path: str) -> None:
    response = admin_client.get(path)
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "'unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    text = response.content.decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style\b|\son[a-z]+=|<[^>]*\sstyle=", text) == []


def test_a_page_of_a_widget_has_its_own_policy(client: Client, shop: Shop) -> None:
    assert "form-action 'self'" in client.get(address(shop, "reviews"))["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://shop.example", True),
        ("https://shop.example:444", False),
        ("http://shop.example", False),
        ("https://evil.example", False),
        ("https://shop.example.evil.example", False),
        ("https://preview-7.shop.example", True),
        ("https://preview-7.evil.shop.example", False),
        ("null", False),
        ("https://shop.example\\@evil.example", False),
    ],
)
def test_only_the_shops_origins_may_read(client: Client, shop: Shop, origin: str, allowed: bool) -> None:
    ShopOrigin.objects.create(shop=shop, origin="https://preview-*.shop.example")
    shops.forget()
    for form in READS:
        response = client.get(address(shop, form), headers={"origin": origin})
        assert response.status_code == 200
        assert response.get("Access-Control-Allow-Origin") == (origin if allowed else None)
        assert "Access-Control-Allow-Credentials" not in response.headers
        assert "origin" in response["Vary"].lower()


@pytest.mark.parametrize("form", READS)
def test_any_page_may_read_that_there_is_no_such_shop(client: Client, shop: Shop, form: str) -> None:
    shop.active = False
    shop.save()
    shops.forget()
    response = client.get(address(shop, form), headers={"origin": "https://anywhere.example"})
    assert response.status_code == 404
    assert response["Access-Control-Allow-Origin"] == "https://anywhere.example"
    assert "origin" in response["Vary"].lower()


def test_preflight(client: Client, shop: Shop) -> None:
    headers = {
        "origin": "https://shop.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,idempotency-key",
    }
    response = client.options(address(shop, "reviews.json"), headers=headers)
    assert response["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "idempotency-key" in response["Access-Control-Allow-Headers"]
    headers["origin"] = "https://evil.example"
    assert "Access-Control-Allow-Origin" not in client.options(address(shop, "reviews.json"), headers=headers).headers


def test_an_origin_outside_our_paths_asks_no_store(client: Client, db: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        client.get("/healthz", headers={"origin": "https://shop.example"})


def test_json_holds_the_fragment_to_the_byte(client: Client, shop: Shop) -> None:
    data = json.loads(client.get(address(shop, "reviews.json")).content)
    html = client.get(address(shop, "reviews.html")).content.decode()
    assert data["html"] == html
    assert data["inner_html"] in html
    assert data["state"] == "ready"
    assert data["data"]["summary"]["count"] == 45
    assert data["json_ld"]["aggregateRating"]["reviewCount"] == 45
    item = json.loads(client.get(address(shop, "batch")).content)["items"][0]
    assert item["html"] == data["inner_html"]


def test_a_placement_switches_off_and_sets_options(client: Client, shop: Shop) -> None:
    Placement.objects.create(shop=shop, widget="reviews", options={"page_size": 3})
    Placement.objects.create(shop=shop, widget="reviews", name="short", options={"page_size": 1})
    shops.forget()
    whole = json.loads(client.get(address(shop, "reviews.json")).content)
    short = json.loads(client.get(address(shop, "reviews.json") + "&placement=short").content)
    assert (len(whole["data"]["reviews"]), len(short["data"]["reviews"])) == (3, 1)
    Placement.objects.update(enabled=False)
    shops.forget()
    assert client.get(address(shop, "reviews.json")).status_code == 404


def test_options_of_another_release_fall_back_to_the_defaults(client: Client, shop: Shop) -> None:
    Placement.objects.create(shop=shop, widget="reviews", options={"page_size": "many"})
    shops.forget()
    assert len(json.loads(client.get(address(shop, "reviews.json")).content)["data"]["reviews"]) == 10


def test_the_look_is_part_of_the_styles(client: Client, shop: Shop) -> None:
    Look.objects.create(shop=shop, tokens={"accent": "#0a7"}, css=".sw-reviews{outline:0}")
    shops.forget()
    for form in READS:
        body = client.get(address(shop, form)).content.decode()
        assert "--sumeru-accent:#0a7" in body
        assert ".sw-reviews{outline:0}" in body


@pytest.mark.parametrize(
    "css", ["</style><script>alert(1)</script>", "@import 'x'", "a{background:url(//x)}", "\\3c x"]
)
def test_unsafe_css_is_refused_and_even_stored_cannot_leave_its_element(client: Client, shop: Shop, css: str) -> None:
    from django.core.exceptions import ValidationError

    look = Look(shop=shop, css=css)
    with pytest.raises(ValidationError):
        look.full_clean()
    look.save()  # as if it came from an import
    shops.forget()
    body = client.get(address(shop, "reviews.html")).content.decode()
    assert body.count("</style>") == 1
    assert "<script>alert" not in body


def test_the_full_page_stands_alone(client: Client, shop: Shop) -> None:
    response = client.get(address(shop, "reviews"))
    html = response.content.decode()
    assert '<html lang="en" dir="ltr">' in html
    assert 'name="viewport"' in html
    assert 'name="robots" content="noindex"' in html
    assert '<template shadowrootmode="open">' in html
    policy = response["Content-Security-Policy"]
    style = html.split("<style>", 1)[1].split("</style>", 1)[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_the_full_pages_forms_may_lead_back_to_the_storefront(client: Client, shop: Shop) -> None:
    """Browsers hold form-action against the redirect that answers a form, too."""
    shop.origins.create(origin="https://preview-*.shop.example")
    shops.forget()
    policy = client.get(address(shop, "reviews"))["Content-Security-Policy"]
    actions = next(part.split() for part in policy.split("; ") if part.startswith("form-action"))
    assert actions[1] == "'self'"
    assert "https://shop.example" in actions
    assert not any("*" in each for each in actions)  # not a pattern that browsers know


def test_floating_loader(client: Client) -> None:
    response = client.get("/embed/v1.js")
    body = (Path(django_settings.BASE_DIR) / "static" / "embed" / "loader.js").read_bytes()
    assert response.content == body
    assert response["Content-Type"].startswith("text/javascript")
    assert response["Access-Control-Allow-Origin"] == "*"
    assert response["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "max-age=300" in response["Cache-Control"]
    assert response["Vary"].lower() == "accept-encoding"
    assert client.get("/embed/v1.js", headers={"if-none-match": response["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("br, gzip", "br"),
        ("gzip, deflate", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("br;q=0", None),
        ("", None),
        ("BR", "br"),
        ("gzip;q=x, br;q=1.0", "br"),
    ],
)
def test_codings_of_the_loader(client: Client, accept: str, coding: str | None) -> None:
    response = client.get("/embed/v1.js", headers={"accept-encoding": accept})
    assert response.get("Content-Encoding") == coding
    open_it: dict[str | None, Callable[[bytes], bytes]] = {
        "br": brotli.decompress,
        "gzip": gzip.decompress,
        None: bytes,
    }
    assert open_it[coding](response.content) == embed.loader().identity


def test_pinned_loader(client: Client) -> None:
    script = embed.loader()
    response = client.get(f"/embed/{script.hash}/loader.js")
    assert response["Cache-Control"] == "public, max-age=31536000, immutable"
    digest = base64.b64encode(hashlib.sha384(response.content).digest()).decode()
    assert script.integrity == f"sha384-{digest}"
    assert client.get("/embed/0123456789abcdef/loader.js").status_code == 404
    assert client.post("/embed/v1.js").status_code == 405


def test_openapi_describes_every_widget(client: Client) -> None:
    document = json.loads(client.get("/w/v1/openapi.json").content)
    assert document["openapi"].startswith("3.")
    for path in ("/w/v1/{shop}/reviews.json", "/w/v1/{shop}/rating_badge.html", "/w/v1/{shop}/batch"):
        assert "get" in document["paths"][path]
    names = {each["name"] for each in document["paths"]["/w/v1/{shop}/reviews.json"]["get"]["parameters"]}
    assert {"shop", "product_id", "page", "sort", "rating", "media", "limit", "locale"} <= names


def test_docs_show_every_widget(client: Client) -> None:
    html = client.get("/docs/").content.decode()
    assert "reviews" in html
    assert "rating_badge" in html
    assert embed.loader().integrity in html


def test_probes(client: Client, db: None) -> None:
    assert client.get("/healthz").status_code == 200
    assert json.loads(client.get("/readyz").content) == {"database": "ok", "cache": "ok"}
    assert client.get("/metrics").status_code == 200


def test_every_parameter_is_an_attribute(client: Client, shop: Shop) -> None:
    html = client.get(f"/w/v1/{shop.key}/product_feed.html?layout=carousel&in_stock=1&limit=3").content.decode()
    tag = html[: html.index(">")]
    assert 'limit="3"' in tag
    assert (
        tag
        == '<sumeru-widget type="product_feed" in-stock="1" layout="carousel" limit="3" page="1" v-pre ng-non-bindable'
    )


def test_the_widget_among_the_pages_own_elements(client: Client, shop: Shop) -> None:
    """``light=1``: the same inner HTML without a shadow root, its styles before it in a layer; the address decides, nothing else."""
    query = "product_id=prd_1"
    plain, light = (
        client.get(f"/w/v1/{shop.key}/reviews.json?{query}{more}").json() for more in ("&light=0", "&light=1")
    )
    assert light["inner_html"] == plain["inner_html"]
    assert light["data"] == plain["data"]
    assert "<template" not in light["html"]
    assert light["html"].startswith(f'<style>{light["css"]}</style><sumeru-widget type="reviews" light ')
    assert f">{light['inner_html']}</sumeru-widget>" in light["html"]
    assert light["css"].startswith("@layer sumeru{sumeru-widget[light]{")
    assert ":host" not in light["css"]
    assert ":host" in plain["css"]
    assert client.get(f"/w/v1/{shop.key}/reviews.html?light=1&{query}").content.decode() == light["html"]
    # No link inside carries it: what the loader asks for is the same for everybody.
    assert "light=" not in light["inner_html"]
    refused = client.get(f"/w/v1/{shop.key}/reviews.json?{query}&light=yes-please")
    assert refused.status_code == 400
    assert "light" in refused.json()["error"]["details"]


@pytest.mark.parametrize("form", READS)
def test_a_shop_may_leave_our_styles_out(client: Client, shop: Shop, form: str) -> None:
    """At once, also where answers are kept: what is kept was made under the shop's look."""
    assert "sw-stack{" in client.get(address(shop, form)).content.decode()
    Look.objects.create(shop=shop, tokens={"accent": "#0a7"}, css=".sw-reviews{outline:0}", unstyled=True)
    shops.forget()
    body = client.get(address(shop, form)).content.decode()
    assert "sw-stack{" not in body
    assert "max-width:100%" in body
    assert ".sw-reviews{outline:0}" in body


def test_what_was_changed_shows_on_reload_while_developing(client: Client, tmp_path: Path, settings: Any) -> None:
    built = Path(settings.BASE_DIR) / "static" / "embed" / "share.js"
    before = client.get("/embed/share.js")
    (tmp_path / "static" / "embed").mkdir(parents=True)
    changed = tmp_path / "static" / "embed" / "share.js"
    settings.BASE_DIR = tmp_path
    changed.write_text("first")
    assert client.get("/embed/share.js").content == built.read_bytes()  # in production a script is read once
    settings.DEBUG = True
    assert client.get("/embed/share.js").content == b"first"
    changed.write_text("second")
    response = client.get("/embed/share.js")
    assert (response.content, response["Cache-Control"]) == (b"second", "no-cache")
    assert "max-age" in before["Cache-Control"]
