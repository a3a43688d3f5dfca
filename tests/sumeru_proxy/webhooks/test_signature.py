"""The signature check against values computed outside of this project, and against everything that is no signature."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sumeru_proxy.webhooks import signature

# Each digest was printed by: printf HEX | xxd -r -p | openssl dgst -sha256 -hmac SECRET
VECTORS = [
    (  # plain
        "7b226964223a226576745f31222c2274797065223a226f726465722e63726561746564222c22637265617465645f6174223a"
        "22323032362d31312d32305431303a30303a30305a222c2273686f705f646f6d61696e223a22736d616c6c2e6578616d706c"
        "65222c2264617461223a7b7d7d",
        "wsec_0123456789abcdef0123456789abcdef",
        "f38c71d9120cda3b12bb2328cd7b9ed3be01ddbd65e4ada553a8982d8bda1487",
    ),
    (  # empty
        "",
        "wsec_0123456789abcdef0123456789abcdef",
        "336c17f72d71338157317191216f6a4a081988bd4bac54ec8f13cbe06d30454b",
    ),
    (  # unicode
        "7b2264617461223a7b226e616d65223a225a6fc3ab20e69db1e4baac205c7530303030227d7d0a",
        "wsec_-_-_-_-_-_-_-_-",
        "8e9ef78cfcdd392ce9fd1f6253524c96c870a4ddfad7cd4df364c3bbea59c491",
    ),
    (  # binary
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031"
        "32333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60616263"
        "6465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495"
        "969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7"
        "c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9"
        "fafbfcfdfeff",
        "wsec_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
        "a1e61726af82ce7a3546a3cc534c31480dd26f540b8dd8e0d0fe1e0384842f11",
    ),
    (  # spaces
        "7b2022696422203a20226576745f3122207d",
        "wsec_0123456789abcdef0123456789abcdef",
        "a9f660341ca0b6f75b03dbdf1c21b4fc51b8d363c4e912792a0ad245527189ae",
    ),
]
SECRET = "wsec_0123456789abcdef0123456789abcdef"
RAW = b'{"id":"evt_1"}'
GOOD = signature.sign(RAW, SECRET)
HEX = GOOD.removeprefix("sha256=")


@pytest.mark.parametrize(("body_hex", "secret", "digest"), VECTORS)
def test_openssl_agrees(body_hex: str, secret: str, digest: str) -> None:
    raw = bytes.fromhex(body_hex)
    signature.verify(raw, f"sha256={digest}", [secret])
    with pytest.raises(signature.BadSignature):
        signature.verify(raw + b" ", f"sha256={digest}", [secret])


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        HEX,
        f"sha1={HEX}",
        f"SHA256={HEX}",
        f"sha256={HEX.upper()}",
        f"sha256={HEX[:-1]}",
        f"sha256={HEX}0",
        f"sha256={HEX}\n",
        f" sha256={HEX}",
        f"sha256={HEX} ",
        f"{GOOD},{GOOD}",
        f"{GOOD}, {GOOD}",
        f"sha256={'é' * 64}",
        f"sha256={'٠' * 64}",
        f"sha256={HEX[:-1]}\u0661",
        "sha256=" + "-" * 64,
        "sha256=" + "0" * 64,
    ],
)
def test_malformed_headers_are_one_exception(header: str | None) -> None:
    with pytest.raises(signature.BadSignature) as caught:
        signature.verify(RAW, header, [SECRET])
    assert caught.value.args == ()


def test_two_secrets_during_a_rotation() -> None:
    signature.verify(RAW, GOOD, ["wsec_newer_newer_newer", SECRET])
    signature.verify(RAW, GOOD, [SECRET, "wsec_newer_newer_newer"])


@pytest.mark.parametrize("secrets", [[], ["wsec_another_shops_secret"], [SECRET + "x"], [SECRET[:-1]]])
def test_other_secrets_do_not_fit(secrets: list[str]) -> None:
    with pytest.raises(signature.BadSignature):
        signature.verify(RAW, GOOD, secrets)


def test_a_body_written_anew_is_not_the_body() -> None:
    with pytest.raises(signature.BadSignature):
        signature.verify(b'{"id": "evt_1"}', GOOD, [SECRET])


def test_every_secret_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    real = hmac.compare_digest

    def counting(a: bytes, b: bytes) -> bool:
        compared.append(len(a))
        return real(a, b)

    monkeypatch.setattr(signature.hmac, "compare_digest", counting)
    signature.verify(RAW, GOOD, [SECRET, "wsec_second_second", "wsec_third_third"])
    assert compared == [64, 64, 64]


@pytest.mark.thorough
@given(st.one_of(st.text(), st.from_regex(r"sha256=[0-9a-f]{60,68}")))
def test_no_text_passes_by_chance_or_raises_anything_else(header: str) -> None:
    if header == GOOD:
        return
    with pytest.raises(signature.BadSignature):
        signature.verify(RAW, header, [SECRET])
