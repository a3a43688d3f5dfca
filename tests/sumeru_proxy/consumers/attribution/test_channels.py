"""From an address and a referrer to a channel: the documented rules, a shop's own, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sumeru_proxy.consumers.attribution import channels
from sumeru_proxy.consumers.attribution.channels import Arrival, BadChannelRules, arrival, rules_of

PAGE = "https://www.shop.example/products/mug"


@pytest.mark.parametrize(
    ("query", "referrer", "channel", "campaign", "source"),
    [
        ("", "", "direct", "", ""),
        ("", "https://shop.example/", "direct", "", ""),
        ("", "https://checkout.shop.example/", "referral", "", "checkout.shop.example"),
        ("", "https://www.google.de/search?q=mug", "organic", "", "google.de"),
        ("", "https://news.google.com/", "organic", "", "news.google.com"),
        ("", "https://notgoogle.com/", "referral", "", "notgoogle.com"),
        ("", "https://duckduckgo.com/", "organic", "", "duckduckgo.com"),
        ("", "https://l.instagram.com/", "social", "", "l.instagram.com"),
        ("", "https://blog.example/post", "referral", "", "blog.example"),
        ("?gclid=abc", "https://www.google.com/", "paid_search", "", "google.com"),
        ("?msclkid=abc", "", "paid_search", "", ""),
        ("?fbclid=abc", "https://facebook.com/", "social", "", "facebook.com"),
        ("?ttclid=abc", "", "paid_social", "", ""),
        ("?utm_source=news&utm_medium=EMail&utm_campaign=May", "", "email", "May", "news"),
        ("?utm_source=facebook&utm_medium=cpc&utm_campaign=x", "", "paid_social", "x", "facebook"),
        ("?utm_source=google&utm_medium=cpc&utm_id=17", "", "paid_search", "17", "google"),
        ("?utm_medium=banner", "", "display", "", ""),
        ("?utm_source=poster", "", "other", "", "poster"),
        ("?utm_source=ada@mail.example&utm_campaign=a%40b.example&utm_medium=email", "", "email", "", ""),
    ],
)
def test_the_documented_rules(query: str, referrer: str, channel: str, campaign: str, source: str) -> None:
    found = arrival(PAGE + query, referrer, channels.DEFAULTS)
    assert found is not None
    assert (found.channel, found.campaign, found.source) == (channel, campaign, source)
    assert found.landing == "/products/mug"
    assert found.foreign == (channel != "direct")


def test_a_payment_page_is_no_contact_and_own_hosts_are_the_shop() -> None:
    assert arrival(PAGE, "https://www.paypal.com/checkout", channels.DEFAULTS) is None
    found = arrival(PAGE, "https://other.example/", channels.DEFAULTS, {"other.example"})
    assert found == Arrival("direct", "", "", "", "/products/mug", False)


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "https://", "https://[", "mailto:a@b.example", "/p"])
def test_what_is_no_address_is_no_contact(url: str) -> None:
    assert arrival(url, "", channels.DEFAULTS) is None


def test_a_shop_s_own_rules_come_in_their_order() -> None:
    rules = rules_of("# ours\npodcast source=casts,radio medium=*\nhouse referrer=blog.example  # our blog\n\n")
    assert [rule.channel for rule in rules] == ["podcast", "house"]

    def channel(query: str, referrer: str = "") -> str:
        found = arrival(PAGE + query, referrer, rules)
        assert found is not None
        return found.channel

    assert channel("?utm_source=Radio&utm_medium=audio") == "podcast"
    assert channel("?utm_source=radio") == "other"
    assert channel("", "https://www.blog.example/") == "house"
    assert channel("", "https://www.google.com/") == "referral"


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ("email", 1, "condition"),
        ("\nemail medium", 2, "condition"),
        ("email colour=red", 1, "condition"),
        ("email medium=", 1, "condition"),
        ("email medium=a,,b", 1, "condition"),
        ("email medium=@search", 1, "condition"),
        ("x referrer=@nothing", 1, "condition"),
        ("E-Mail! medium=email", 1, "channel"),
        ("a medium=b\n" * 201, 0, "too_many"),
        ("#" * 20_001, 0, "too_large"),
    ],
)
def test_bad_rules_are_refused_with_their_line(text: str, line: int, code: str) -> None:
    with pytest.raises(BadChannelRules) as caught:
        rules_of(text)
    assert (caught.value.problems[0].line, caught.value.problems[0].code) == (line, code)


@given(st.text(max_size=300), st.text(max_size=100))
def test_no_address_is_too_odd(tail: str, referrer: str) -> None:
    found = arrival("https://shop.example/" + tail, referrer, channels.DEFAULTS)
    assert found is None or all(len(each) <= 2_300 for each in found[:5])
