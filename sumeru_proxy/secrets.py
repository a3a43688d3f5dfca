"""Credentials at rest: the only place that encrypts and decrypts.

Keys come from ``SUMERU_ENCRYPTION_KEYS`` (urlsafe base64, 32 bytes each, newest first). A new value is sealed with the first key; any
of them opens it, so a rotation is: put the new key first, run ``manage.py rotate_secrets``, drop the old key. A value
written as ``env:NAME`` is not stored at all: it is read from the environment whenever it is needed, if the operator lets shops name that
variable (``may_name``).

What is sealed says for which shop and kind: a value that somebody moves to another row does not open there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from sumeru_proxy.models import Credential, Shop

_SHAPES = {
    # Prefixes and lengths as documented by Sumeru; the public key's length is not documented.
    Credential.Kind.PUBLIC_KEY: re.compile(r"^pk_(live|test)_[A-Za-z0-9]{8,64}\Z"),
    Credential.Kind.ADMIN_TOKEN: re.compile(r"^copt_(live|test)_[A-Za-z0-9]{32}\Z"),
    Credential.Kind.WEBHOOK_SECRET: re.compile(r"^wsec_[A-Za-z0-9_-]{8,128}\Z"),
    Credential.Kind.CUSTOMER_SECRET: re.compile(r"^[\x21-\x7e]{32,200}\Z"),
    Credential.Kind.SERVER_KEY: re.compile(r"^[\x21-\x7e]{32,200}\Z"),
    # Of a consumer's other side (an ERP, an endpoint), whatever that asks for.
    Credential.Kind.TARGET_SECRET: re.compile(r"^[\x21-\x7e]{1,500}\Z"),
}
_REFERENCE = re.compile(r"^env:([A-Z][A-Z0-9_]{0,119})\Z")


VARIABLE_PREFIX = "SUMERU_CREDENTIAL_"
"""Variables that credentials may name without being listed in the setting SUMERU_CREDENTIAL_VARIABLES."""
_BOUND = "sumeru-bound-1"
"""The first line of what is sealed. No credential holds a line break, so that nothing else looks like it."""


class CredentialUnusable(Exception):
    """A stored credential cannot be opened (key dropped too early), its environment variable is not set, or its shop's host is
    not allowed."""


def _box() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.SUMERU_ENCRYPTION_KEYS])


def _bound(shop_id: int, kind: str, value: str) -> bytes:
    return "\n".join((_BOUND, str(shop_id), kind, value)).encode()


def _unbound(text: str, shop_id: int, kind: str) -> str | None:
    """The value, None when it was sealed for another shop or kind, or for none (by a release before this)."""
    mark, _line, rest = text.partition("\n")
    for_shop, _line, rest = rest.partition("\n")
    for_kind, _line, value = rest.partition("\n")
    return value if (mark, for_shop, for_kind) == (_BOUND, str(shop_id), kind) else None


def may_name(variable: str) -> bool:
    """Whether ``env:variable`` may be a credential: an operator's word, since whatever it holds is sent to a host."""
    return variable.startswith(VARIABLE_PREFIX) or variable in settings.SUMERU_CREDENTIAL_VARIABLES


def check_shape(kind: str, value: str) -> None:
    """Raises ValidationError when ``value`` cannot be a credential of this kind; the text never repeats the value."""
    if reference := _REFERENCE.match(value):
        if not may_name(reference[1]):
            raise ValidationError(
                _(
                    "The variable %(name)s may not be named here. Its name must begin with %(prefix)s, or the operator lists it in "
                    "SUMERU_CREDENTIAL_VARIABLES."
                ),
                params={"name": reference[1], "prefix": VARIABLE_PREFIX},
                code="credential_variable",
            )
        return
    if not _SHAPES[Credential.Kind(kind)].match(value):
        raise ValidationError(
            _("This does not look right for: %(kind)s. Paste it whole, or give env:NAME for an environment variable."),
            params={"kind": Credential.Kind(kind).label},
            code="credential_shape",
        )


def store(shop: Shop, kind: str, value: str, *, keep_old: bool = False) -> Credential:
    """Seal ``value`` as the shop's credential of this kind, replacing the old one unless ``keep_old`` (rotation).

    Raises ValidationError for a value of the wrong shape.
    """
    value = value.strip()
    check_shape(kind, value)
    reference = _REFERENCE.match(value)
    with transaction.atomic():
        if not keep_old:
            Credential.objects.filter(shop=shop, kind=kind).delete()
        return Credential.objects.create(
            shop=shop,
            kind=kind,
            sealed="" if reference else _box().encrypt(_bound(shop.pk, kind, value)).decode(),
            last_four="" if reference else value[-4:],
            reference=reference[1] if reference else "",
        )


def _open(credential: Credential) -> str:
    if credential.reference:
        if not may_name(credential.reference):
            raise CredentialUnusable(f"environment variable {credential.reference} may not be named by a credential")
        value = os.environ.get(credential.reference, "")
        if not value:
            raise CredentialUnusable(f"environment variable {credential.reference} is not set")
        if not _SHAPES[Credential.Kind(credential.kind)].match(value.strip()):
            # Whatever else the variable holds must not be sent to anybody.
            raise CredentialUnusable(
                f"environment variable {credential.reference} holds no {credential.get_kind_display()}"
            )
        return value.strip()
    try:
        text = _box().decrypt(credential.sealed.encode()).decode()
    except InvalidToken:
        raise CredentialUnusable(
            f"{credential.get_kind_display()} of shop {credential.shop_id}: no key opens it"
        ) from None
    found = _unbound(text, credential.shop_id, credential.kind)
    if found is None:
        raise CredentialUnusable(
            f"{credential.get_kind_display()} of shop {credential.shop_id}: it was sealed for another shop or kind"
        )
    return found


def reveal(credential: Credential) -> str:
    """The value of this very credential, for a consumer that keeps one for each of its targets. Raises CredentialUnusable."""
    return _open(credential)


def load_all(shop: Shop, kind: str) -> list[str]:
    """All valid values of this kind, newest first. Raises CredentialUnusable when there are some but none can be opened."""
    credentials = Credential.objects.filter(Q(retires_at=None) | Q(retires_at__gt=timezone.now()), shop=shop, kind=kind)
    values: list[str] = []
    trouble: CredentialUnusable | None = None
    for credential in credentials:
        try:
            values.append(_open(credential))
        except CredentialUnusable as error:
            trouble = error
    if trouble and not values:
        raise trouble
    return values


def load(shop: Shop, kind: str) -> str | None:
    """The newest value of this kind, or None. Raises CredentialUnusable when it cannot be opened."""
    values = load_all(shop, kind)
    return values[0] if values else None


def rotate(credentials: Iterable[Credential] | None = None) -> int:
    """Seal every stored value again with the first key; gives how many. Safe to repeat; raises CredentialUnusable on a lost key."""
    count = 0
    for credential in Credential.objects.all() if credentials is None else credentials:
        if credential.sealed:
            try:
                sealed = _box().rotate(credential.sealed.encode()).decode()
            except InvalidToken:
                raise CredentialUnusable(
                    f"{credential.get_kind_display()} of shop {credential.shop_id}: no key opens it"
                ) from None
            # Only while it is still the value that was read: a merchant may have replaced it meanwhile.
            count += Credential.objects.filter(pk=credential.pk, sealed=credential.sealed).update(sealed=sealed)
    return count


def bind_all() -> int:
    """Seal what a release before this one sealed for no shop and kind; gives how many. After each ``migrate``; safe to repeat.

    What no key opens stays as it is.
    """
    count = 0
    for credential in Credential.objects.exclude(sealed=""):
        try:
            text = _box().decrypt(credential.sealed.encode()).decode()
        except InvalidToken:
            continue
        if not text.startswith(_BOUND + "\n"):
            sealed = _box().encrypt(_bound(credential.shop_id, credential.kind, text)).decode()
            count += Credential.objects.filter(pk=credential.pk, sealed=credential.sealed).update(sealed=sealed)
    return count
