"""What a shop's settings may be: its key, Sumeru's address, URL templates, limits. Every check raises ValidationError."""

from __future__ import annotations

import re
import secrets as random_secrets
import string
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from sumeru_proxy.client.limiter import DEFAULT_LIMITS

_ALPHABET = string.ascii_letters + string.digits


def new_shop_key() -> str:
    """A public shop key: ``shp_`` and 22 random letters and digits (131 bits). Unguessable, but no secret."""
    return "shp_" + "".join(random_secrets.choice(_ALPHABET) for _ in range(22))


def validate_api_url(value: str) -> None:
    """Only hosts that the server's operator allowed may be spoken to (no requests to internal addresses)."""
    allowed = settings.SUMERU_HOSTS
    if value.rstrip("/") not in allowed:
        raise ValidationError(
            _("%(value)s is not an allowed Sumeru host. Allowed: %(allowed)s (setting SUMERU_HOSTS)."),
            params={"value": value, "allowed": ", ".join(sorted(allowed))},
            code="host_not_allowed",
        )


def default_api_url() -> str:
    """The first allowed host."""
    return str(settings.SUMERU_HOSTS[0])


def check_templates(product_url: str, cart_url: str) -> None:
    """Templates need one of their placeholders, and a scheme of the web."""
    for field, template, names in (
        ("product_url", product_url, {"handle", "id"}),
        ("cart_url", cart_url, {"variants", "storefront"}),
    ):
        if template and not (set(re.findall(r"{(\w*)}", template)) & names):
            raise ValidationError({field: _("The URL template needs one of: %s") % ", ".join(sorted(names))})
        if template and urlsplit(template.replace("{storefront}", "https://x")).scheme not in ("http", "https"):
            raise ValidationError({field: _("Give an http or https URL.")})


def check_public_url(url: str) -> None:
    """An http or https URL without a query, or nothing."""
    if url and not re.match(r"^https?://[^\s/?#\"'<>]+(/[^\s?#\"'<>]*)?\Z", url):
        raise ValidationError({"public_url": _("Give an http or https URL without a query.")})


def check_limits(limits: object) -> None:
    """Known limits, as whole numbers of calls per minute."""
    if isinstance(limits, dict) and (unknown := sorted(set(limits) - set(DEFAULT_LIMITS))):
        known = ", ".join(DEFAULT_LIMITS)
        raise ValidationError(
            {"limits": _("Unknown: %(names)s. Known: %(known)s.") % {"names": ", ".join(unknown), "known": known}}
        )
    if not isinstance(limits, dict) or any(
        not isinstance(rate, int) or isinstance(rate, bool) or not 1 <= rate <= 1_000_000 for rate in limits.values()
    ):
        raise ValidationError({"limits": _("Give an object of whole numbers of calls per minute.")})
