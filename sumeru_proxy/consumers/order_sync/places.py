"""Addresses: from the shop's free text to parts that a target can use. Pure."""

from __future__ import annotations

from functools import cache, lru_cache

from babel import Locale

from sumeru_proxy.client import shapes_admin as shapes
from sumeru_proxy.consumers.order_sync.document import PostalAddress

_SHORT = {"uk": "GB", "usa": "US", "u.s.a.": "US", "great britain": "GB", "england": "GB", "holland": "NL"}


@cache
def _names() -> dict[str, str]:
    """Country names in the larger languages, case folded, to ISO 3166-1 alpha-2."""
    codes: dict[str, str] = {}
    for language in ("ja", "nl", "pl", "it", "es", "fr", "de", "en"):
        for code, name in Locale(language).territories.items():
            if len(code) == 2 and code.isalpha() and code not in ("EU", "EZ", "UN", "ZZ", "XA", "XB"):
                codes[name.casefold()] = code
    return codes | _SHORT


@lru_cache(maxsize=1_000)
def country_of(text: str) -> str:
    """ISO 3166-1 alpha-2 of a country as a shop wrote it (a code or a name), empty when it is not known."""
    word = text.strip().casefold()
    names = _names()
    if len(word) == 2 and word.upper() in names.values():
        return word.upper()
    return names.get(word, "")


def address_of(address: shapes.Address | None) -> PostalAddress | None:
    """The address in parts; None when there is none or nothing in it."""
    if address is None:
        return None
    name = " ".join(part.strip() for part in (address.first_name, address.last_name) if part.strip())
    parts = PostalAddress(
        name=name,
        company=address.company.strip(),
        street=address.address1.strip(),
        street2=address.address2.strip(),
        city=address.city.strip(),
        region=address.province.strip(),
        postal_code=address.zip.strip(),
        country=country_of(address.country),
        country_text=address.country.strip(),
        phone=address.phone.strip(),
    )
    return None if parts == PostalAddress() else parts
