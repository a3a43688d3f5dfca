"""What a request says of the visitor behind it, besides what the page's script tells: kind of device, program or person, who signed in.

Addresses and user agents are looked at here and kept nowhere.
"""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Mapping
from typing import Any

import crawleruseragents
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from sumeru_proxy.sdk import customer_tokens
from sumeru_proxy.webhooks import installed
from widgets.base import is_identifier
from widgets.http import customers, networks
from widgets.http.shops import ShopSettings

BOT, INTERNAL = "bot", "internal"
WITHDRAWN = "consent_withdrawn"
IDENTIFIED = "identified"
_TABLET = re.compile(r"iPad|Tablet|PlayBook|Silk(?!.*Mobile)|Android(?!.*Mobile)")
_MOBILE = re.compile(r"Mobi|iPhone|iPod|Windows Phone")


def device_of(user_agent: str) -> str:
    """``tablet``, ``mobile`` or ``desktop``; empty without a user agent."""
    if not user_agent:
        return ""
    return "tablet" if _TABLET.search(user_agent) else "mobile" if _MOBILE.search(user_agent) else "desktop"


def _is_internal(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in network for network in settings.INTERNAL_ADDRESSES)


def excluded_as(request: HttpRequest) -> str:
    """Why this visitor's visits are not counted: ``bot`` (or no user agent at all), ``internal``, or empty when they are."""
    user_agent = request.headers.get("user-agent", "")
    if not user_agent or crawleruseragents.is_crawler(user_agent):
        return BOT
    return INTERNAL if _is_internal(networks.client_address(request.META)) else ""


def facts(request: HttpRequest, shop: ShopSettings, token: object) -> dict[str, str]:
    """What each event of this request gets for our own consumers; never sent on to Sumeru. A token that proves nothing says nothing."""
    found = {"device": device_of(request.headers.get("user-agent", "")), "excluded": excluded_as(request)}
    if isinstance(token, str) and token:
        try:
            valid = customers.secrets_of(shop.profile.id)
            found["customer_id"] = customer_tokens.verify(token, valid, shop.profile.key, time.time())
        except customer_tokens.Unproven:
            pass
    return {name: value for name, value in found.items() if value}


def identify(request: HttpRequest, shop: ShopSettings, visitor_id: str, values: Mapping[str, Any], key: str) -> None:
    """A form was taken: tell consumers which e-mail address its visitor gave. Nothing without a visitor, which only consent makes.

    The same form tells it once. Raises DatabaseError.
    """
    email = values.get("email")
    if not is_identifier(visitor_id) or not isinstance(email, str) or request.headers.get("sec-gpc") == "1":
        return
    event = {
        "id": key,
        "type": IDENTIFIED,
        "occurred_at": timezone.now().isoformat(),
        "visitor_id": visitor_id,
        "email": email,
        "consent": "granted",
    }
    installed.owe_visits(shop.profile.id, [event], key=f"form-{key}"[:190])


def withdraw(shop: ShopSettings, visitor_ids: set[str]) -> None:
    """These visitors take their consent back: consumers forget them and take nothing of them any more. May be repeated."""
    for visitor_id in sorted(visitor_ids):
        event = {"id": f"withdrawn-{visitor_id}", "type": WITHDRAWN, "visitor_id": visitor_id, "consent": "denied"}
        installed.owe_visits(shop.profile.id, [event], key=f"withdrawn-{visitor_id}"[:190])
