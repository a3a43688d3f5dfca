"""What a Content-Security-Policy lets through, by the cases of its specification."""

from __future__ import annotations

import pytest

from widgets.doctor import policies

PAGE = "https://shop.example/product/1"
API = "https://widgets.example.com/w/v1/shp_1/batch"


@pytest.mark.parametrize(
    ("source", "url", "page", "allowed"),
    [
        ("*", API, PAGE, True),
        ("*", "data:image/png;base64,", PAGE, False),
        ("'self'", API, PAGE, False),
        ("'self'", "https://shop.example/w/v1/a/batch", PAGE, True),
        ("'self'", "https://shop.example:8443/w", PAGE, False),
        ("'self'", "https://shop.example/w", "http://shop.example/", True),
        ("'none'", API, PAGE, False),
        ("https:", API, PAGE, True),
        ("http:", API, PAGE, True),
        ("https:", "http://widgets.example.com/", "http://shop.example/", False),
        ("widgets.example.com", API, PAGE, True),
        ("widgets.example.com", "http://widgets.example.com/", PAGE, False),
        ("widgets.example.com", "https://widgets.example.com:8443/", PAGE, False),
        ("widgets.example.com:*", "https://widgets.example.com:8443/", PAGE, True),
        ("http://widgets.example.com:80", API, PAGE, True),
        ("https://WIDGETS.example.com", API, PAGE, True),
        ("*.example.com", API, PAGE, True),
        ("*.widgets.example.com", API, PAGE, False),
        ("https://widgets.example.com/w/", API, PAGE, True),
        ("https://widgets.example.com/w", API, PAGE, False),
        ("https://widgets.example.com/embed/", API, PAGE, False),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/w/v1/a/batch", "http://127.0.0.1:9000/", True),
        ("http://127.0.0.1:8001", "http://127.0.0.1:8000/w/v1/a/batch", "http://127.0.0.1:9000/", False),
        ("nonsense source", API, PAGE, False),
    ],
)
def test_sources(source: str, url: str, page: str, allowed: bool) -> None:
    policy = policies.Policy({"connect-src": (source,)})
    assert policy.allows("connect-src", url, page) is allowed


def test_default_src_answers_for_what_is_not_there_but_not_for_forms() -> None:
    (policy,) = policies.parse("default-src 'none'")
    assert not policy.allows("connect-src", API, PAGE)
    assert not policy.allows("img-src", API, PAGE)
    assert policy.allows("form-action", API, PAGE)
    assert policies.parse("connect-src *; default-src 'none'")[0].allows("connect-src", API, PAGE)


def test_headers_hold_several_policies_and_of_two_equal_directives_the_first_counts() -> None:
    first, second = policies.parse("img-src 'none'; IMG-SRC *, connect-src 'self'")
    assert not first.allows("img-src", API, PAGE)
    assert second.allows("img-src", API, PAGE)
    assert policies.parse(" ; ,, ") == []


@pytest.mark.parametrize(
    ("sources", "nonce", "integrity", "runs"),
    [
        ("'nonce-abc'", "abc", "", True),
        ("'nonce-abc'", "ABC", "", False),
        ("'nonce-abc' https:", "", "", True),
        ("'nonce-abc' 'strict-dynamic' https:", "", "", False),
        ("'nonce-abc' 'strict-dynamic'", "abc", "", True),
        ("'sha384-x' 'strict-dynamic'", "", "sha384-x", True),
        ("'sha384-x' 'strict-dynamic'", "", "sha384-x sha512-y", False),
        ("'self'", "", "", False),
        ("https://widgets.example.com", "", "", True),
    ],
)
def test_scripts(sources: str, nonce: str, integrity: str, runs: bool) -> None:
    for directive in ("script-src", "script-src-elem", "default-src"):
        policy = policies.Policy({directive: tuple(sources.split())})
        assert policy.allows_script("https://widgets.example.com/embed/v1.js", PAGE, nonce, integrity) is runs
    assert policies.Policy({}).allows_script("https://widgets.example.com/embed/v1.js", PAGE, "", "")


@pytest.mark.parametrize(
    ("sources", "nonce", "counts"),
    [
        ("'unsafe-inline'", "", True),
        ("'self'", "", False),
        ("'nonce-a' 'unsafe-inline'", "", False),
        ("'nonce-a'", "a", True),
        ("'sha256-abc'", "", True),
    ],
)
def test_styles(sources: str, nonce: str, counts: bool) -> None:
    assert policies.Policy({"style-src": tuple(sources.split())}).allows_style(nonce) is counts


def test_the_line_keeps_what_the_policy_has() -> None:
    (policy,) = policies.parse(
        "default-src 'self'; connect-src 'self' https://a.example; form-action 'none'; trusted-types x"
    )
    assert (
        policy.with_source("connect-src", "https://w.example")
        == "connect-src 'self' https://a.example https://w.example;"
    )
    assert policy.with_source("img-src", "https://w.example") == "img-src 'self' https://w.example;"
    assert policy.with_source("form-action", "https://w.example") == "form-action https://w.example;"
    assert policy.with_source("script-src-elem", "https://w.example") == "script-src 'self' https://w.example;"
    assert policy.with_source("trusted-types", "sumeru") == "trusted-types x sumeru;"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://shop.example/a?b", "https://shop.example"),
        ("https://Shop.example:443/", "https://shop.example"),
        ("http://shop.example:8080", "http://shop.example:8080"),
        ("http://[::1]:80/", "http://[::1]"),
    ],
)
def test_origins(url: str, origin: str) -> None:
    assert policies.origin_of(url) == origin
