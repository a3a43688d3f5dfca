"""Which kinds of targets there are: the modules of ``targets/`` that have a ``KIND``. And how a row becomes a target."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date

from sumeru_proxy import secrets
from sumeru_proxy.consumers.order_sync import targets
from sumeru_proxy.consumers.order_sync.document import Document, from_data
from sumeru_proxy.consumers.order_sync.models import Link, OrderTarget
from sumeru_proxy.consumers.order_sync.targets.interface import Kind, Place, Target, TargetDown
from sumeru_proxy.models import Credential


def kinds() -> dict[str, Kind]:
    """The kinds by name."""
    modules = (
        importlib.import_module(f"{targets.__name__}.{each.name}") for each in pkgutil.iter_modules(targets.__path__)
    )
    by_name: dict[str, Kind] = {}
    for module in sorted(modules, key=lambda each: each.__name__):
        kind = getattr(module, "KIND", None)
        if isinstance(kind, Kind):
            by_name[kind.name] = kind
    return by_name


def documents_of(row: OrderTarget, day: date) -> Iterator[Document]:
    """The documents of all orders of a day that belong into the target, oldest first."""
    links = Link.objects.filter(target=row, day=day, state__in=(Link.State.DUE, Link.State.SENT)).exclude(
        document_text=""
    )
    for link in links.order_by("pk").iterator(chunk_size=200):
        yield from_data(link.document_data)


@contextmanager
def open_target(row: OrderTarget) -> Iterator[Target]:
    """The target of a row, closed afterwards. Raises TargetDown (``not_set_up``) when its kind, options or secret cannot be used: all
    orders wait until they are mended.
    """
    kind = kinds().get(row.kind)
    if kind is None:
        raise TargetDown(text=f"there is no kind of target named {row.kind}", reason="not_set_up")
    try:
        options = kind.options_of(row.options)
        secret = "" if row.credential is None else secrets.reveal(row.credential)
    except (ValueError, secrets.CredentialUnusable) as error:
        raise TargetDown(text=str(error), reason="not_set_up") from None
    place = Place(
        shop=row.shop.key,
        name=row.name,
        options=options,
        secret=secret,
        documents_of=lambda day: documents_of(row, day),
    )
    with closing(kind.open(place)) as target:
        yield target


def keep_secret(row: OrderTarget, value: str) -> None:
    """Store the target's secret (or ``env:NAME``), encrypted, instead of the one before. Raises ValidationError for one that is none."""
    before = row.credential
    row.credential = secrets.store(row.shop, Credential.Kind.TARGET_SECRET, value, keep_old=True)
    row.save(update_fields=["credential"])
    if before is not None:
        before.delete()
