"""Customer tokens: vectors made outside of the project, every way in which one proves nothing, and the JavaScript twin."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError
from hypothesis import given
from hypothesis import strategies as st

from sumeru_proxy import secrets
from sumeru_proxy.models import Credential, Shop
from sumeru_proxy.sdk import customer_tokens
from widgets.http import customers

SECRET = "a-secret-of-thirty-two-characters"
OTHER = "another-secret-of-32-characters!!"
NOW = 1_800_000_000.0
# printf '%s' "$claims" | openssl base64 -A, and openssl dgst -sha256 -hmac "$secret" -binary | openssl base64 -A; made URL-safe by tr.
VECTORS = [
    (
        SECRET,
        "shp_abcDEF123",
        "cus_42",
        1_800_000_000,
        900,
        "sct_eyJleHAiOjE4MDAwMDA5MDAsImlhdCI6MTgwMDAwMDAwMCwic2hvcCI6InNocF9hYmNERUYxMjMiLCJzdWIiOiJjdXNfNDIifQ"
        ".zN4-hFOZFrKMlTkx_I5H9f2TWIxUuyt-hD4TBFFur6I",
    ),
    (
        "~" * 32,
        "shp_x",
        'gid://shop/Customer/7?a="b\\c"',
        1_700_000_000,
        3600,
        "sct_eyJleHAiOjE3MDAwMDM2MDAsImlhdCI6MTcwMDAwMDAwMCwic2hvcCI6InNocF94Iiwic3ViIjoiZ2lkOi8vc2hvcC9DdXN0b21lci83P2E9XCJiXFxjXCIifQ"
        ".fcRiz4ZraPrdCDzQ830mhmx7np5tVkY9xHPL7J_HNqI",
    ),
]
TWIN = Path(__file__).resolve().parents[2] / "static" / "server" / "customer-token.mjs"


@pytest.fixture(autouse=True)
def nothing_held() -> Iterator[None]:
    customers.forget()
    yield
    customers.forget()


def signed(claims: object, secret: str = SECRET) -> str:
    """A token of whatever claims, rightly signed."""
    raw = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    text = customer_tokens.PREFIX + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return f"{text}.{base64.urlsafe_b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).rstrip(b'=').decode()}"


def claims(**changes: Any) -> dict[str, Any]:
    return {"exp": int(NOW) + 900, "iat": int(NOW), "shop": "shp_1", "sub": "cus_1", **changes}


def code_of(token: str, secrets: tuple[str, ...] = (SECRET,), shop_key: str = "shp_1", now: float = NOW) -> str:
    with pytest.raises(customer_tokens.Unproven) as caught:
        customer_tokens.verify(token, secrets, shop_key, now)
    assert str(caught.value) == caught.value.code
    return caught.value.code


@pytest.mark.parametrize(("secret", "shop", "customer", "at", "lifetime_s", "token"), VECTORS)
def test_vectors_made_by_openssl(secret: str, shop: str, customer: str, at: int, lifetime_s: int, token: str) -> None:
    assert customer_tokens.mint(secret, shop, customer, now=at, lifetime_s=lifetime_s) == token
    assert customer_tokens.verify(token, [secret], shop, at + 1) == customer


def test_two_secrets_are_valid_during_a_rotation() -> None:
    token = customer_tokens.mint(SECRET, "shp_1", "cus_1", now=NOW)
    assert customer_tokens.verify(token, [OTHER, SECRET], "shp_1", NOW) == "cus_1"
    assert customer_tokens.verify(token, [SECRET, OTHER], "shp_1", NOW) == "cus_1"
    assert code_of(token, (OTHER,)) == "wrong"
    assert code_of(token, ()) == "wrong"


@pytest.mark.parametrize(
    ("now", "code"), [(NOW + 1199.9, ""), (NOW + 1200, "expired"), (NOW - 300, ""), (NOW - 300.1, "from_the_future")]
)
def test_it_lives_from_then_to_then(now: float, code: str) -> None:
    token = customer_tokens.mint(SECRET, "shp_1", "cus_1", now=NOW)
    if code:
        assert code_of(token, now=now) == code
    else:
        assert customer_tokens.verify(token, [SECRET], "shp_1", now) == "cus_1"


def test_another_shops_token_proves_nothing_even_under_the_same_secret() -> None:
    assert code_of(customer_tokens.mint(SECRET, "shp_2", "cus_1", now=NOW)) == "other_shop"
    assert code_of(customer_tokens.mint(OTHER, "shp_1", "cus_1", now=NOW)) == "wrong"


GOOD = customer_tokens.mint(SECRET, "shp_1", "cus_1", now=NOW)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "cus_1",
        "sct_",
        "sct_.",
        GOOD + "=",
        GOOD + "\n",
        " " + GOOD,
        GOOD.removeprefix("sct_"),
        GOOD.replace("sct_", "SCT_"),
        GOOD.replace(".", ".."),
        GOOD[:-1],
        GOOD + "A",
        "sct_" + "A" * 701 + "." + "A" * 43,
        "sct_" + "é" * 20 + "." + "A" * 43,
        "Bearer " + GOOD,
        "A" * 100_000,
    ],
)
def test_what_is_no_token_is_malformed(token: str) -> None:
    assert code_of(token) == "malformed"


@given(
    st.integers(4, len(GOOD) - 1), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
)
def test_any_changed_character_is_noticed(place: int, character: str) -> None:
    if GOOD[place] not in (character, "."):
        assert code_of(GOOD[:place] + character + GOOD[place + 1 :]) == "wrong"


@given(st.text(max_size=300))
def test_no_text_raises_anything_else(text: str) -> None:
    assert code_of(text) in ("malformed", "wrong")
    assert code_of("sct_" + text) in ("malformed", "wrong")


@pytest.mark.parametrize(
    "content",
    [
        b"not json",
        b"[" * 500,
        b"\xff\xfe\xff\xfe\xff",
        [1],
        "text-text",
        {},
        claims(sub=7),
        claims(sub=""),
        claims(sub="a,b"),
        claims(sub="x" * 191),
        claims(sub="cus\n1"),
        claims(shop=None),
        claims(exp=True),
        claims(exp="1800000900"),
        claims(exp=NOW + 900.5),
        claims(iat=None),
        claims(exp=int(NOW)),
        claims(exp=int(NOW) - 1),
        claims(exp=int(NOW) + 3601),
        claims(exp=10**300),
    ],
)
def test_a_good_signature_over_bad_claims_is_malformed(content: object) -> None:
    assert code_of(signed(content)) == "malformed"


def test_the_signature_is_looked_at_before_what_is_signed() -> None:
    for content in (b"not json", claims(shop="shp_2"), claims(exp=int(NOW) - 5, iat=int(NOW) - 10)):
        assert code_of(signed(content, OTHER)) == "wrong"
    assert customer_tokens.verify(signed(claims()), [SECRET], "shp_1", NOW) == "cus_1"


@pytest.mark.parametrize(
    ("secret", "shop", "customer", "lifetime_s"),
    [
        ("x" * 31, "shp_1", "cus_1", 900),
        (SECRET, "", "cus_1", 900),
        (SECRET, "a/b", "cus_1", 900),
        (SECRET, "shp_1", "", 900),
        (SECRET, "shp_1", "a b", 900),
        (SECRET, "shp_1", "a,b", 900),
        (SECRET, "shp_1", "é", 900),
        (SECRET, "shp_1", "x" * 191, 900),
        (SECRET, "shp_1", "cus_1", 0),
        (SECRET, "shp_1", "cus_1", 3601),
    ],
)
def test_what_would_never_be_valid_is_not_minted(secret: str, shop: str, customer: str, lifetime_s: int) -> None:
    with pytest.raises(ValueError):
        customer_tokens.mint(secret, shop, customer, now=NOW, lifetime_s=lifetime_s)


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","), min_size=1, max_size=190),
    st.integers(1, 3600),
)
def test_what_is_minted_is_proven(customer: str, lifetime_s: int) -> None:
    token = customer_tokens.mint(SECRET, "shp_1", customer, now=NOW, lifetime_s=lifetime_s)
    assert customer_tokens.verify(token, [SECRET], "shp_1", NOW + lifetime_s - 0.01) == customer


# -- the shop's secrets


def test_secrets_of_a_shop_newest_first_and_a_second_old_at_most(
    make_shop: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    shop = make_shop("https://api.example")
    now = [100.0]
    monkeypatch.setattr(customers.time, "monotonic", lambda: now[0])
    assert customers.secrets_of(shop.pk) == ()
    secrets.store(shop, Credential.Kind.CUSTOMER_SECRET, SECRET)
    assert customers.secrets_of(shop.pk) == ()
    now[0] += 1
    assert customers.secrets_of(shop.pk) == (SECRET,)
    secrets.store(shop, Credential.Kind.CUSTOMER_SECRET, OTHER, keep_old=True)
    now[0] += 1
    assert customers.secrets_of(shop.pk) == (OTHER, SECRET)
    Credential.objects.filter(shop=shop).update(retires_at="2020-01-01T00:00:00Z")
    now[0] += 1
    assert customers.secrets_of(shop.pk) == ()


def test_no_other_shops_secrets(make_shop: Callable[..., Shop]) -> None:
    mine, theirs = make_shop("https://api.example"), make_shop("https://api.example", domain="b.example")
    secrets.store(theirs, Credential.Kind.CUSTOMER_SECRET, SECRET)
    assert customers.secrets_of(mine.pk) == ()
    assert customers.secrets_of(theirs.pk) == (SECRET,)


def test_while_the_database_is_down_the_known_secrets_stay(
    make_shop: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shop = make_shop("https://api.example")
    now = [100.0]
    monkeypatch.setattr(customers.time, "monotonic", lambda: now[0])
    secrets.store(shop, Credential.Kind.CUSTOMER_SECRET, SECRET)
    assert customers.secrets_of(shop.pk) == (SECRET,)

    def down(*_args: object) -> list[str]:
        raise DatabaseError("gone")

    monkeypatch.setattr(secrets, "load_all", down)
    now[0] += 5
    assert customers.secrets_of(shop.pk) == (SECRET,)
    assert "customer secrets not read" in caplog.text
    assert SECRET not in caplog.text


def test_secrets_that_no_key_opens_are_none_and_logged(
    make_shop: Callable[..., Shop], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop("https://api.example")
    secrets.store(shop, Credential.Kind.CUSTOMER_SECRET, "env:A_CUSTOMER_SECRET")
    monkeypatch.delenv("A_CUSTOMER_SECRET", raising=False)
    assert customers.secrets_of(shop.pk) == ()
    assert "A_CUSTOMER_SECRET is not set" in caplog.text
    customers.forget()
    monkeypatch.setenv("A_CUSTOMER_SECRET", SECRET)
    assert customers.secrets_of(shop.pk) == (SECRET,)


# -- the twin for the storefront's server


def in_node(script: str) -> Any:
    node = shutil.which("node")
    if node is None:
        pytest.fail("Node.js is missing: apt-get install nodejs")
    source = f"import {{ mintCustomerToken }} from {json.dumps(TWIN.as_uri())};\n{script}"
    done = subprocess.run(
        [node, "--input-type=module"], input=source, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_twin_makes_the_same_tokens() -> None:
    calls = [
        {"secret": secret, "shopKey": shop, "customerId": customer, "now": at + 0.75, "lifetimeS": lifetime_s}
        for secret, shop, customer, at, lifetime_s, _token in VECTORS
    ]
    calls.append(
        {
            "secret": "s" * 16 + "ünïcödé-secret-€",
            "shopKey": "shp_1",
            "customerId": "!\"#$%&'()*+-./:;<=>?@[\\]^`{|}~",
            "now": 5,
        }
    )
    made = in_node(f"console.log(JSON.stringify({json.dumps(calls)}.map(mintCustomerToken)));")
    assert made[:2] == [vector[-1] for vector in VECTORS]
    last = calls[-1]
    assert made[2] == customer_tokens.mint(last["secret"], "shp_1", last["customerId"], now=5)


def test_the_twins_own_clock_and_lifetime() -> None:
    import time

    token = in_node(
        f"console.log(JSON.stringify(mintCustomerToken({{secret: {json.dumps(SECRET)}, shopKey: 'shp_1', customerId: 'cus_1'}})));"
    )
    assert customer_tokens.verify(token, [SECRET], "shp_1", time.time()) == "cus_1"
    assert code_of(token, now=time.time() + 1201) == "expired"


def test_the_twin_refuses_the_same() -> None:
    good = {"secret": SECRET, "shopKey": "shp_1", "customerId": "cus_1"}
    bad = [
        {"secret": "x" * 31},
        {"shopKey": ""},
        {"shopKey": "a/b"},
        {"shopKey": "shp_1\n"},
        {"customerId": ""},
        {"customerId": "a,b"},
        {"customerId": "é"},
        {"customerId": "x" * 191},
        {"customerId": 7},
        {"lifetimeS": 0},
        {"lifetimeS": 3601},
        {"lifetimeS": 1.5},
        {"now": "soon"},
    ]
    script = (
        f"const answer = (of) => {{ try {{ return mintCustomerToken(of); }} catch (error) {{ return error.name; }} }};"
        f"console.log(JSON.stringify({json.dumps([{**good, **each} for each in bad])}.map(answer)));"
    )
    assert in_node(script) == ["RangeError"] * len(bad)
