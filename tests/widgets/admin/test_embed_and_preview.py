"""The code that is copied, and the frame that shows the real widget."""

from __future__ import annotations

import html
import re

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import resolve, reverse

from sumeru_proxy.models import Shop
from widgets import registry
from widgets.admin import snippets
from widgets.docs import samples
from widgets.docs.npm_package import package
from widgets.http import embed
from widgets.models import Placement

PLACE = snippets.EmbedPlace("https://widgets.example", "shp_abc", "0123456789abcdef", "sha384-xyz")


def page(name: str, shop: Shop) -> str:
    return reverse(f"admin:sumeru_proxy_shop_{name}", args=[shop.pk])


def test_the_two_lines() -> None:
    made = snippets.for_widget(PLACE, "reviews", "Reviews & more", {"product_id": "{product}"}, public=True)
    assert [each.slug for each in made] == ["script", "pinned", "fetch", "nextjs", "hydrogen"]
    assert made[0].code.splitlines() == [
        '<script async crossorigin src="https://widgets.example/embed/v1.js" data-shop="shp_abc"></script>',
        '<sumeru-widget type="reviews" product-id="PRODUCT_ID">'
        '<a href="https://widgets.example/w/v1/shp_abc/reviews?product_id=PRODUCT_ID">Reviews &amp; more</a></sumeru-widget>',
    ]
    assert 'src="https://widgets.example/embed/0123456789abcdef/loader.js"' in made[1].code
    assert 'integrity="sha384-xyz"' in made[1].code
    assert "https://widgets.example/w/v1/shp_abc/reviews.json?${query}" in made[2].code
    assert "new URLSearchParams({ product_id: productId })" in made[2].code
    for line in (
        "export async function Reviews({ productId }) {",
        "  const result = await widgets().fetchWidget('reviews', { product_id: productId }, CACHED);",
        '  return <SumeruWidget result={result} label="Reviews &amp; more" nonce={await nonce()} />;',
    ):
        assert line in made[3].code.splitlines()
    for line in (
        "  return { reviews: await widgetFor(args, 'reviews', { product_id: args.params.id }) };",
        '      <SumeruWidget result={loaderData.reviews} label="Reviews &amp; more" nonce={nonce} />',
    ):
        assert line in made[4].code.splitlines()
    assert not any("quiz" in each.code.lower() for each in made)


def test_the_quizs_own_code_is_the_sample() -> None:
    params = {"quiz_id": "quiz_gift"}
    made = {each.slug: each.code for each in snippets.for_widget(PLACE, "quiz", "Start", params, public=True)}
    for name in ("nextjs", "hydrogen"):
        assert made[name] == samples.text(f"{name}-widget").replace(' className="wait"', "")


def test_what_a_storefront_needs_once_is_filled_in() -> None:
    code = "\n".join(block for each in snippets.set_ups(PLACE) for block in each.blocks)
    assert "WIDGETS_URL=https://widgets.example\nWIDGETS_SHOP=shp_abc" in code
    assert f"npm install https://widgets.example/embed/npm/sumeru-widgets-{package().version}.tgz" in code
    assert samples.BASE not in code
    assert not re.search(r"\bSHOP\b", code)


def test_private_widgets_have_no_server_code_and_no_build_no_pinned_code() -> None:
    made = snippets.for_widget(snippets.EmbedPlace("https://w.example", "shp_a"), "upsell", "Upsell", {}, public=False)
    assert [each.slug for each in made] == ["script"]


@pytest.mark.parametrize(
    ("public", "form", "live"), [(True, False, False), (True, True, False), (False, False, True), (False, True, False)]
)
def test_what_is_one_visitors_own_is_asked_for_as_such(public: bool, form: bool, live: bool) -> None:
    """The same as in server HTML, see rendering.element."""
    made = snippets.for_widget(PLACE, "upsell", "Upsell", {"cart_id": "c1"}, public=public, form=form)
    assert all((' cart-id="CART_ID" live>' in each.code) is live for each in made[:2])


@pytest.mark.parametrize(
    ("example", "params"),
    [
        ({"product_id": "{product}"}, {"product_id": "PRODUCT_ID"}),
        ({"product_ids": "{product}"}, {"product_ids": "PRODUCT_ID_1,PRODUCT_ID_2"}),
        ({"experiment": "headline"}, {"experiment": "headline"}),
        ({"cart_id": "c1", "limit": "3"}, {"cart_id": "CART_ID", "limit": "3"}),
    ],
)
def test_sample_params(example: dict[str, str], params: dict[str, str]) -> None:
    assert snippets.sample_params(example) == params


def test_hostile_titles_cannot_leave_the_attribute() -> None:
    code = snippets.element_tag(PLACE, "reviews", '"><script>', {"product_id": '"><script>'})
    assert "<script>" not in code


def test_the_page_names_this_servers_addresses(admin_client: Client, shop: Shop, settings: object) -> None:
    settings.PUBLIC_URL = "https://widgets.example"  # type: ignore[attr-defined]
    text = html.unescape(admin_client.get(page("embed", shop)).content.decode())
    assert f'src="https://widgets.example/embed/v1.js" data-shop="{shop.key}"' in text
    assert embed.loader().integrity in text
    assert "script-src https://widgets.example;" in text
    for name in registry.all_widgets():
        assert f'type="{name}"' in text
    for path in re.findall(r"https://widgets\.example(/(?:embed|w)/[^\"?`&$<]*)", text):
        assert resolve(path)  # every address that is handed out exists


def test_the_preview_frames_the_real_page(admin_client: Client, shop: Shop) -> None:
    query = "widget=reviews&p_product_id=prd_7&p_media=on&width=1280&scheme=dark&direction=rtl&p_unknown=1"
    text = admin_client.get(f"{page('preview', shop)}?{query}").content.decode()
    source = re.search(r'<iframe src="([^"]+)" class="([^"]+)"', text)
    assert source is not None
    assert html.unescape(source[1]) == f"/w/v1/{shop.key}/reviews?media=1&product_id=prd_7"
    assert source[2] == "sumeru-width-1280"
    assert 'data-scheme="dark" data-direction="rtl"' in text


def test_the_preview_can_be_framed_by_the_admin_only(admin_client: Client, shop: Shop) -> None:
    framed = admin_client.get(f"/w/v1/{shop.key}/reviews?product_id=prd_7")
    assert framed.headers.get("X-Frame-Options", "SAMEORIGIN") == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in framed.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "query",
    [
        "?widget=reviews",
        "?widget=reviews&p_product_id=",
        "?widget=reviews&p_product_id=%3Cscript%3E%0Ab",
        "?widget=reviews&p_product_id=prd_1&p_page=x",
    ],
)
def test_without_valid_parameters_nothing_is_framed(admin_client: Client, shop: Shop, query: str) -> None:
    answer = admin_client.get(page("preview", shop) + query)
    assert answer.status_code == 200
    assert b"<iframe" not in answer.content
    assert b"<script>" not in answer.content


@pytest.mark.parametrize("query", ["?widget=nonsense", "?width=9&scheme=x&direction=y", ""])
def test_odd_choices_fall_back(admin_client: Client, shop: Shop, query: str) -> None:
    assert admin_client.get(page("preview", shop) + query).status_code == 200


def test_an_inactive_shop_or_widget_says_so(admin_client: Client, shop: Shop) -> None:
    Placement.objects.filter(shop=shop).update(enabled=False)
    address = f"{page('preview', shop)}?widget=reviews&p_product_id=prd_1"
    text = admin_client.get(address).content.decode()
    assert "switched off" in text
    assert "<iframe" not in text
    Shop.objects.update(active=False)
    assert "not active" in admin_client.get(address).content.decode()


def test_the_widgets_command_lists_every_widget(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("widgets")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("WIDGET")
    assert [line.split()[0] for line in lines[1:]] == list(registry.all_widgets())
    assert "product_handle, product_id, page" in next(line for line in lines if line.startswith("reviews"))
    assert "experiment*" in next(line for line in lines if line.startswith("ab_experiment"))
