"""The shop's own cookies: signed, for its server only. None of them is set before the shopper did something that needs it."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from django.core import signing

KEPT_S = 30 * 86_400
CART, CUSTOMER, CONSENT, VISITOR = "shop_cart", "shop_customer", "shop_consent", "shop_visitor"
_LONGEST = 3_000


class Jar:
    """Signs and reads cookies with the shop's key."""

    def __init__(self, key: str) -> None:
        self._key = key

    def _signer(self, name: str) -> signing.Signer:
        return signing.Signer(key=self._key, salt=f"storefront.{name}", sep="~")

    def read(self, cookies: Mapping[str, str], name: str) -> str:
        """What we wrote into it; empty without it, and for one that is not ours."""
        try:
            return self._signer(name).unsign(cookies.get(name, ""))
        except signing.BadSignature:
            return ""

    def set(self, name: str, value: str) -> str:
        """The Set-Cookie value. Raises ValueError for a value too long to be kept. Values are URL-safe by contract."""
        signed = self._signer(name).sign(value)
        if len(signed) > _LONGEST:
            raise ValueError("too long for a cookie")
        return f"{name}={signed}; Path=/; Max-Age={KEPT_S}; HttpOnly; SameSite=Lax"

    @staticmethod
    def drop(name: str) -> str:
        """The Set-Cookie value that removes it."""
        return f"{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"


def parse(header: str) -> dict[str, str]:
    """A Cookie header's values by name; nothing from one that cannot be read."""
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header[:16_000]).items()}
    except CookieError:
        return {}
