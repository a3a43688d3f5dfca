"""From a page's address and referrer to a channel, by rules that a shop may change. Pure.

A rule is a line: the channel, then one or more conditions ``field=value,value``, all of which must hold; the first rule that fits
decides. Fields: ``medium``, ``source`` and ``campaign`` (of ``utm_…``), ``click`` (names of click ids in the address, such as
``gclid``), ``referrer`` (the host, subdomains included). Values are compared in lower case; ``*`` is any value but none, ``google.*``
any beginning, ``@search``, ``@social`` and ``@payment`` the hosts listed below. Channel ``(ignored)``: no contact at all, as when a
payment page leads back. ``#`` begins a comment. Whatever no rule meets is ``referral`` with a foreign referrer, ``other`` with
``utm_…`` parameters, else ``direct``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

IGNORED: Final = "(ignored)"
DIRECT: Final = "direct"
RULES_LIMIT: Final = 200
TEXT_LIMIT_CHARS: Final = 20_000
FIELDS: Final = ("medium", "source", "campaign", "click", "referrer")
CLICK_IDS: Final = frozenset(
    {
        *("gclid", "gbraid", "wbraid", "dclid", "msclkid", "yclid", "fbclid", "ttclid", "twclid", "li_fat_id", "epik"),
        *("sccid", "irclickid", "awc", "cjevent", "rdt_cid"),
    }
)
HOSTS: Final[Mapping[str, tuple[str, ...]]] = {
    "@search": (
        *("google.*", "bing.com", "duckduckgo.com", "yahoo.*", "ecosia.org", "qwant.com", "startpage.com", "baidu.com"),
        *("yandex.*", "naver.com", "seznam.cz", "search.brave.com", "kagi.com"),
    ),
    "@social": (
        *("facebook.com", "instagram.com", "t.co", "x.com", "twitter.com", "linkedin.com", "lnkd.in", "pinterest.*"),
        *(
            "reddit.com",
            "tiktok.com",
            "youtube.com",
            "threads.net",
            "bsky.app",
            "snapchat.com",
            "vk.com",
            "whatsapp.com",
        ),
    ),
    "@payment": (
        *("paypal.com", "stripe.com", "klarna.com", "adyen.com", "mollie.com", "checkout.com", "afterpay.com"),
        *("pay.google.com", "shop.app", "amazonpay.com", "worldpay.com"),
    ),
}
DEFAULT_RULES: Final = """\
(ignored) referrer=@payment
email medium=email,e-mail,newsletter,mail
sms medium=sms,text,mms
affiliate medium=affiliate,affiliates,partner
affiliate click=awc,cjevent,irclickid
influencer medium=influencer,creator
paid_social medium=paid_social,paidsocial,paid-social,social_paid
paid_social medium=cpc,ppc,paid,cpm source=facebook,fb,instagram,ig,meta,tiktok,linkedin,pinterest,snapchat,reddit,twitter,x
paid_social click=ttclid,twclid,li_fat_id,epik,sccid,rdt_cid
display medium=display,banner,cpm,retargeting
display click=dclid
paid_search medium=cpc,ppc,paid,paidsearch,paid_search,paid-search
paid_search click=gclid,gbraid,wbraid,msclkid,yclid
social medium=social,organic_social,social-network
social source=facebook,fb,instagram,ig,tiktok,linkedin,pinterest,reddit,twitter,x,youtube
organic medium=organic
referral medium=referral
social referrer=@social
social click=fbclid
organic referrer=@search
"""
_CHANNEL = re.compile(r"[a-z0-9_()-]{1,60}\Z")
_VALUE = re.compile(r"[^\s,=]{1,100}\Z")


class RuleProblem(NamedTuple):
    """Why a line is refused: its number, from 1, a stable code and a text."""

    line: int
    code: str
    text: str


class BadChannelRules(ValueError):
    """The text makes no rules; ``problems`` says why, line by line."""

    def __init__(self, problems: Sequence[RuleProblem]) -> None:
        super().__init__("; ".join(f"line {each.line}: {each.text}" for each in problems[:5]))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """A channel, and what an arrival must have for it."""

    channel: str
    conditions: tuple[tuple[str, tuple[str, ...]], ...]


def rules_of(text: str) -> tuple[ChannelRule, ...]:
    """The rules of a text, empty for an empty one. Raises BadChannelRules."""
    if len(text) > TEXT_LIMIT_CHARS:
        raise BadChannelRules([RuleProblem(0, "too_large", f"at most {TEXT_LIMIT_CHARS} characters")])
    rules: list[ChannelRule] = []
    problems: list[RuleProblem] = []
    for number, line in enumerate(text.splitlines(), 1):
        channel, *words = line.partition("#")[0].split() or [""]
        if not channel:
            continue
        found = _conditions(words)
        if not _CHANNEL.match(channel):
            problems.append(RuleProblem(number, "channel", "a channel has 1 to 60 of a-z, 0-9, _ and -"))
        elif isinstance(found, str):
            problems.append(RuleProblem(number, "condition", found))
        else:
            rules.append(ChannelRule(channel, found))
    if len(rules) > RULES_LIMIT:
        problems.append(RuleProblem(0, "too_many", f"at most {RULES_LIMIT} rules"))
    if problems:
        raise BadChannelRules(problems)
    return tuple(rules)


def _conditions(words: Sequence[str]) -> tuple[tuple[str, tuple[str, ...]], ...] | str:
    found = []
    for word in words:
        field, equals, rest = word.partition("=")
        values = tuple(rest.lower().split(","))
        if not equals or field not in FIELDS:
            return f"{word[:40]!r} is no condition such as medium=cpc,ppc; fields are {', '.join(FIELDS)}"
        for value in values:
            if not _VALUE.match(value) or (value.startswith("@") and (field != "referrer" or value not in HOSTS)):
                return f"{value[:40]!r} is no value for {field}"
        found.append((field, values))
    return tuple(found) or "a rule needs a condition"


class Arrival(NamedTuple):
    """How somebody came to a page. ``foreign``: from another site, by a link that names its source, or by a click id."""

    channel: str
    campaign: str
    source: str
    medium: str
    landing: str
    foreign: bool


def _fits(value: str, wanted: str, *, is_host: bool) -> bool:
    if wanted == "*":
        return bool(value)
    if wanted.endswith(".*"):
        stem = wanted[:-2]
        return value.startswith(f"{stem}.") or (is_host and f".{stem}." in value)
    return value == wanted or (is_host and value.endswith(f".{wanted}"))


def _holds(field: str, values: Sequence[str], facts: Mapping[str, Collection[str]]) -> bool:
    wanted = [host for value in values for host in HOSTS.get(value, (value,))]
    return any(_fits(fact, each, is_host=field == "referrer") for fact in facts[field] for each in wanted)


def host_of(url: str) -> str:
    """The host of an address in lower case, without ``www.``; empty when it has none."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _plain(text: str) -> str:
    # An address of a person has no place in a campaign's name.
    return "" if "@" in text else "".join(char for char in text.strip() if char.isprintable())[:190]


def arrival(url: str, referrer: str, rules: Sequence[ChannelRule], own_hosts: Collection[str] = ()) -> Arrival | None:
    """How somebody came to ``url``; None for an address that cannot be read and for what the rules ignore.

    ``own_hosts``: hosts that are the shop itself (as ``host_of`` gives them), besides the page's own.
    """
    try:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, max_num_fields=200))
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    utm = {name: _plain(query.get(f"utm_{name}", "")) for name in ("source", "medium", "campaign", "id")}
    clicks = sorted(CLICK_IDS & query.keys())
    from_host = host_of(referrer)
    if from_host in {host_of(url), *own_hosts}:
        from_host = ""
    campaign = utm["campaign"] or utm["id"]
    facts: dict[str, Collection[str]] = {
        "medium": [utm["medium"].lower()],
        "source": [utm["source"].lower()],
        "campaign": [campaign.lower()],
        "click": clicks,
        "referrer": [from_host] if from_host else [],
    }
    tagged = any(utm.values())
    channel = next(
        (rule.channel for rule in rules if all(_holds(field, values, facts) for field, values in rule.conditions)),
        "other" if tagged else "referral" if from_host else DIRECT,
    )
    if channel == IGNORED:
        return None
    return Arrival(
        channel,
        campaign,
        utm["source"] or from_host,
        utm["medium"],
        parts.path or "/",
        bool(tagged or clicks or from_host),
    )


DEFAULTS: Final = rules_of(DEFAULT_RULES)
