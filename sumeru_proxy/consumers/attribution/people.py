"""Persons as keyed hashes: enough to join a person's touches and orders, and to erase them; nothing that names them."""

from __future__ import annotations

from django.utils.crypto import salted_hmac

_SALT = "attribution.person"


def hash_of(name: str) -> str:
    """The hash of an e-mail address, customer id or visitor id; case and outer spaces do not matter. Empty stays empty.

    The key is the server's ``SECRET_KEY``: without it nobody can try addresses against the hashes.
    """
    text = name.strip().casefold()
    return salted_hmac(_SALT, text, algorithm="sha256").hexdigest()[:40] if text else ""
