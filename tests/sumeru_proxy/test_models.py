"""What may be a shop's origin, host and limits."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from sumeru_proxy.models import Shop, ShopOrigin
from sumeru_proxy.origin_rules import validate_origin
from sumeru_proxy.shop_rules import new_shop_key, validate_api_url


@pytest.mark.parametrize(
    "origin",
    [
        "https://shop.example",
        "https://www.shop.example:8443",
        "http://localhost:3000",
        "http://127.0.0.1:8001",
        "https://*.preview.shop.example",
        "https://myshop-*.vercel.app",
        "https://xn--bcher-kva.example",
    ],
)
def test_origins_that_are_accepted(origin: str) -> None:
    validate_origin(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "*",
        "https://*",
        "https://*.com",
        "https://*.vercel.app",
        "https://a-*.vercel.app",
        "https://shop.*.example",
        "https://**.shop.example",
        "https://shop.example/",
        "https://shop.example/path",
        "https://user@shop.example",
        "https://Shop.example",
        "shop.example",
        "file://x",
        "javascript://shop.example",
        "https://shop.example\nhttps://evil.example",
        "https://intranet",
        "",
    ],
)
def test_origins_that_are_refused(origin: str) -> None:
    with pytest.raises(ValidationError):
        validate_origin(origin)


def test_a_wildcard_is_marked() -> None:
    assert ShopOrigin(origin="https://*.preview.shop.example").is_wildcard
    assert not ShopOrigin(origin="https://shop.example").is_wildcard


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254",
        "https://api.sumeru.systems@evil.example",
        "http://[::1]",
        "https://evil.example",
        "http://2130706433",
    ],
)
def test_only_configured_hosts_may_be_spoken_to(url: str) -> None:
    with pytest.raises(ValidationError):
        validate_api_url(url)


def test_documented_hosts_are_allowed() -> None:
    validate_api_url("https://api.sumeru.systems")
    validate_api_url("https://eu.api.sumeru.systems")


def test_keys_are_long_and_different() -> None:
    keys = {new_shop_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(len(key) == 26 for key in keys)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("product_url", "https://shop.example/products/"),
        ("product_url", "javascript:alert('{id}')"),
        ("cart_url", "https://shop.example/cart"),
        ("limits", {"public_reads_per_ip": "many"}),
        ("limits", {"public_reads_per_ip": 0}),
        ("limits", [1]),
        ("limits", {"reads": 100}),
    ],
)
def test_settings_that_could_not_work_are_refused(field: str, value: object) -> None:
    shop = Shop(name="x", domain="x.example", **{field: value})
    with pytest.raises(ValidationError) as caught:
        shop.clean()
    assert list(caught.value.message_dict) == [field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("product_url", "https://shop.example/products/{handle}"),
        ("cart_url", "{storefront}/cart/{variants}"),
        ("cart_url", "https://shop.example/cart/{variants}?x=1"),
        ("limits", {"public_reads_per_ip": 600}),
    ],
)
def test_settings_that_work(field: str, value: object) -> None:
    Shop(name="x", domain="x.example", **{field: value}).clean()
