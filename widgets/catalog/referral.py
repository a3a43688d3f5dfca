"""Refer a friend: a customer's own code and link, for whoever proves to be that customer; a check of a friend's code for anybody."""

from __future__ import annotations

import logging
import re
from typing import Any

from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from sumeru_proxy.client import errors
from sumeru_proxy.client.resources_shopper import CHECK_REFERRAL, REFERRAL
from sumeru_proxy.client.shapes import Referral as Own
from sumeru_proxy.client.shapes import ReferralCheck, Reward
from sumeru_proxy.reading import fetching
from sumeru_proxy.reading.reader import Missing, Query, Source
from widgets.base import Call, Context, Desk, Frozen, Refusal, Sent, Widget, WidgetParams
from widgets.http import responses
from widgets.i18n import formatting
from widgets.theming import tokens

log = logging.getLogger(__name__)

TOKEN_CHARS = 800
URL_CHARS = 1_000
_CODE = re.compile(r"[A-Za-z0-9_-]{3,100}", re.ASCII)
"""What may be a code; anything else is invalid without asking."""


class ReferralParams(WidgetParams):
    """What a page may ask."""

    customer_token = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=TOKEN_CHARS,
        help_text=_(
            "Proves who the customer is; made by the storefront's server. Or as the header Authorization: Bearer …"
        ),
    )
    code = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=100,
        help_text=_("A friend's code to check; nobody needs to be signed in for that."),
    )
    result = serializers.ChoiceField(
        choices=[("accepted", "accepted")],
        required=False,
        default="",
        allow_blank=True,
        help_text=_("What became of the request for a code, after a form without JavaScript."),
    )


class ReferralForm(serializers.Serializer[Any]):
    """What a customer submits to get a code: nothing but who they are, which the token proves."""


class ReferralOptions(serializers.Serializer[Any]):
    """What a merchant may set."""

    heading = serializers.CharField(
        label=_("heading"),
        max_length=80,
        required=False,
        default="",
        allow_blank=True,
        help_text=_("Replaces “Refer a friend”."),
    )
    message = serializers.CharField(
        label=_("message"),
        max_length=200,
        required=False,
        default="",
        allow_blank=True,
        help_text=_("What a customer shares along with the link. Default: nothing but the link."),
    )
    sign_in_url = serializers.URLField(
        label=_("sign-in page"),
        max_length=300,
        required=False,
        default="",
        allow_blank=True,
        help_text=_("Where shoppers who are not signed in are sent. Default: they are only told to."),
    )
    check_codes = serializers.BooleanField(
        label=_("friend's code"),
        required=False,
        default=True,
        help_text=_("Whoever is not signed in can check a friend's code."),
    )


class Referral(Widget):
    """A customer's own link, or a check of a friend's code."""

    name = "referral"
    title = gettext_lazy("Refer a friend")
    description = _("A customer's own link to share, and what it earns; a check of a friend's code.")
    audience = "customer"
    Params = ReferralParams
    Options = ReferralOptions
    Form = ReferralForm
    styles = ("referral.css",)
    parts = tokens.parts(
        "title",
        "form",
        "error",
        "button",
        referral=_("The whole widget."),
        reward=_("What it earns."),
        code=_("The customer's code."),
        link=_("The field with the customer's link."),
        share=_("The button that opens the sharing of the system."),
    )
    script = "share"
    example = {}
    guess_limit_per_minute = 10
    """How many friend's codes one client may check in a minute."""

    def unproven(self, call: Call) -> responses.Problem | None:
        """The 401 for programs that ask about a customer without a token; shoppers get a hint to sign in. None when no token is
        needed.
        """
        if call.customer_id or call.params.code:
            return None
        return responses.Problem(
            401,
            "unauthenticated",
            "A customer token is needed: the header Authorization: Bearer sct_…, or the parameter customer_token.",
            {"customer_token": ["is missing"]},
            {"WWW-Authenticate": "Bearer"},
        )

    def context(self, call: Call, source: Source) -> Context:
        """``view`` says what there is: ``own`` (code, share_url, share, reward), ``claim`` (no code yet: form), ``waiting``
        (a code is being made), ``check`` (check: code, valid, reward) or ``sign_in``.

        A friend's name is not let out: codes can be guessed. Lets Pending through.
        """
        context: Context = {
            "view": "sign_in",
            "heading": call.options.heading,
            "own": None,
            "check": None,
            "form": None,
            "links": {
                "sign_in": formatting.web_url(call.options.sign_in_url),
                "other": call.link(code=None, result=None),
            },
        }
        if call.params.code:
            context["view"], context["check"] = "check", _check(call, source)
        elif call.customer_id:
            context.update(_of_customer(call, source))
        return context

    def submit(self, call: Call, form: Frozen, key: str, desk: Desk, source: Source) -> Sent:
        """Ask for a code. Outcome ``claimed`` with the code, or ``accepted`` when Sumeru will be asked later. May be repeated."""
        if not call.customer_id:
            raise self.unproven(call) or Refusal({"": [gettext("Please sign in first.")]})
        result = desk.hand_in("referral_claim", {"customer_id": call.customer_id}, key)
        code = str((result or {}).get("code") or "")
        if not code:
            return Sent(outcome="accepted")
        own = _new_code(call, source) or {"code": code, "share_url": "", "share": None, "reward": None}
        return Sent(outcome="claimed", data=own)

    def landing(self, call: Call, sent: Sent) -> str:
        """The same page; it says that a code is being made when it is not there yet."""
        return call.link(result="accepted" if sent.outcome == "accepted" else None, code=None)


def own_query(customer_id: str) -> Query:
    """The read of a customer's own code."""
    return Query.of(REFERRAL, customer_id=customer_id)


def check_query(code: str) -> Query:
    """The read of a friend's code."""
    return Query.of(CHECK_REFERRAL, code=code)


def _check(call: Call, source: Source) -> Context:
    code = call.params.code
    check: ReferralCheck | None = None
    if _CODE.fullmatch(code):
        try:
            check = source.get(check_query(code))
        except Missing:
            check = None
    if check is None or not check.valid:
        return {"code": code, "valid": False, "reward": None}
    return {"code": check.code, "valid": True, "reward": _reward(call, check.reward)}


def _of_customer(call: Call, source: Source) -> Context:
    sent = call.sent
    if sent and not sent.errors and sent.data.get("code"):
        return {"view": "own", "own": dict(sent.data)}
    try:
        return {"view": "own", "own": _own(call, source.get(own_query(call.customer_id)))}
    except Missing:
        pass
    if (sent and not sent.errors) or call.params.result == "accepted":
        return {"view": "waiting"}
    problems = [text for texts in sent.errors.values() for text in texts] if sent else []
    seal = {"token": call.seal.token, "key": call.seal.key} if call.seal else {"token": "", "key": ""}
    return {"view": "claim", "form": {**seal, "problems": problems}}


def _new_code(call: Call, source: Source) -> Context | None:
    """The code as Sumeru gives it right after it was made, while the copy still says that there is none. None when Sumeru cannot
    be asked now.
    """
    try:
        copy = fetching.fetch_leased(source.shop_id, source.client, own_query(call.customer_id), renew=True)
    except errors.SumeruError as error:
        log.info("shop %s: a new referral code was not read back: %s", source.shop_id, error)
        return None
    return _own(call, copy.value) if copy is not None and copy.value is not None else None


def _own(call: Call, own: Own) -> Context:
    url = formatting.address(call.shop, own.share_url)
    url = url if len(url) <= URL_CHARS else ""
    text = call.options.message
    return {
        "code": own.code,
        "share_url": url,
        "share": {"title": call.shop.name, "text": text, "url": url} if url else None,
        "reward": _reward(call, own.reward),
    }


def _reward(call: Call, reward: Reward | None) -> Context | None:
    if reward is None:
        return None
    return {
        "kind": reward.kind,
        "value": reward.value,
        "currency": reward.currency,
        "text": formatting.clipped(reward.description, 200) or _reward_text(call, reward),
    }


def _reward_text(call: Call, reward: Reward) -> str:
    """The reward in words, for a reward without a description. Empty for an unknown kind."""
    if reward.kind == "percentage":
        return gettext("%(amount)s off") % {"amount": formatting.share(reward.value, call.formats)}
    if reward.kind in ("fixed_amount", "credit", "store_credit"):
        currency = reward.currency or call.shop.currency
        return gettext("%(amount)s off") % {"amount": formatting.money(reward.value, currency, call.formats)}
    return ""
