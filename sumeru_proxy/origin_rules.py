"""Which text is an origin that a shop may allow: exact, or with a wildcard under a name of one's own."""

from __future__ import annotations

import re

import idna
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

# scheme://host[:port], nothing after it; a leading "*-x" or "x-*" label is allowed for preview deployments.
_HOST_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ORIGIN = re.compile(
    rf"^(https?)://((?:\*|[a-z0-9*-]*)(?:\.{_HOST_LABEL})*|{_HOST_LABEL}(?:\.{_HOST_LABEL})*)(:\d{{1,5}})?\Z"
)
# Anyone can publish under these; a wildcard there must be pinned to a project's own name.
SHARED_HOSTS = (
    "vercel.app",
    "netlify.app",
    "pages.dev",
    "myshopify.dev",
    "github.io",
    "herokuapp.com",
    "onrender.com",
    "fly.dev",
    "web.app",
    "workers.dev",
)


_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def normal_origin(text: str) -> str:
    """An origin as browsers send it: lower case, no default port, no slash at its end, its host in ASCII (IDNA). Never raises: what is
    none comes back for ``validate_origin`` to name."""
    origin = text.strip().lower().rstrip("/")
    scheme, mark, host = origin.partition("://")
    if not mark:
        return origin
    host = host.removesuffix(_DEFAULT_PORTS.get(scheme, "/"))
    if not host.isascii():
        name, colon, port = host.partition(":")
        try:
            host = idna.encode(name, uts46=True).decode() + colon + port
        except idna.IDNAError:
            return origin
    return f"{scheme}://{host}"


def validate_origin(value: str) -> None:
    """An exact origin, or one with a ``*`` in its first label under a name of one's own. Raises ValidationError."""
    if value == "null":
        raise ValidationError(_("The opaque origin “null” can be sent by any page and is refused."), code="null_origin")
    if not _ORIGIN.match(value):
        raise ValidationError(
            _("Give scheme://host[:port] in lower case without a path, for example https://yourshop.com."),
            code="not_an_origin",
        )
    host = value.split("://", 1)[1].split(":", 1)[0]
    first, _dot, rest = host.partition(".")
    if "*" not in host:
        if "." not in host and host != "localhost":
            raise ValidationError(_("Give a full host name."), code="not_an_origin")
        return
    if first.count("*") != 1 or "*" in rest:
        raise ValidationError(_("One * is allowed, in the first label only."), code="wildcard")
    if rest.count(".") < 1:
        raise ValidationError(_("A wildcard needs a host of your own after it."), code="wildcard")
    if (
        any(rest == shared or rest.endswith("." + shared) for shared in SHARED_HOSTS)
        and len(first.replace("*", "")) < 4
    ):
        raise ValidationError(
            _(
                "Anyone can publish under %(host)s. Write your project's name before the *, for example https://myshop-*.%(host)s."
            ),
            params={"host": rest},
            code="shared_wildcard",
        )
