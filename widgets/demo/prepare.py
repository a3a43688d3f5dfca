"""Makes the demo's database, static files and rows; its own process, because its settings are the demo's. Safe to repeat.

Writes ``{"shop", "product"}`` to standard output: the key of the catalogue's first shop, and the id of its product with the most reviews.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command

from sumeru_proxy.sandbox import catalogue as catalogues


def static_fingerprint() -> str:
    """Changes whenever a static file is added, removed or changed."""
    from django.contrib.staticfiles.finders import get_finders

    digest = hashlib.sha256(f"{django.__version__} {settings.VERSION}".encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            stat = Path(storage.path(name)).stat()
            digest.update(f"{name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def collect_static() -> bool:
    """Collect the static files unless they are those collected before; gives whether it did."""
    note = settings.STATIC_ROOT / "collected_from"
    fingerprint = static_fingerprint()
    if note.exists() and note.read_text(encoding="ascii") == fingerprint:
        return False
    # A process of its own: the settings choose hashed names by the command line.
    # The browsable API's files are left out, because no page of ours shows it.
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--clear", "--verbosity", "0"]
    command += ["--ignore", "rest_framework"]
    subprocess.run(command, check=True, stdout=sys.stderr)  # noqa: S603
    note.write_text(fingerprint, encoding="ascii")
    return True


def seed(
    shops: list[dict[str, Any]],
    *,
    api_url: str,
    storefront: str,
    admin_password: str,
    customer_secret: str = "",
    origins: Sequence[str] = (),
) -> list[str]:
    """The rows of the demo: each shop with its origin and credentials, and the superuser ``admin``. Gives the shops' keys.

    ``shops`` is what ``demo_shops`` gives; with ``customer_secret`` the first one's storefront signs customer tokens; ``origins``
    are other storefronts of it. What a person changed in the admin stays, but for what the demo needs to work.
    """
    from django.contrib.auth import get_user_model
    from django.db import transaction

    from sumeru_proxy import secrets
    from sumeru_proxy.models import Shop, ShopOrigin

    keys = []
    with transaction.atomic():
        for place, each in enumerate(shops):
            columns = {"api_url": api_url, "active": True}
            if place == 0:  # the storefront is the first shop's
                columns |= {
                    "storefront_url": f"{storefront}/",
                    "product_url": f"{storefront}/products/{{handle}}",
                    "cart_url": f"{storefront}/cart/{{variants}}",
                }
            shop, _is_new = Shop.objects.update_or_create(
                domain=each["domain"],
                defaults=columns,
                create_defaults={**columns, "name": each["name"], "currency": each["currency"]},
            )
            for origin in (storefront, *(origins if place == 0 else ())):
                ShopOrigin.objects.get_or_create(shop=shop, origin=origin)
            if each["public_key"]:
                secrets.store(shop, "public_key", each["public_key"])
            if each["admin_token"]:
                secrets.store(shop, "admin_token", each["admin_token"])
            if place == 0 and customer_secret:
                secrets.store(shop, "customer_secret", customer_secret)
            keys.append(shop.key)
        user, _is_new = get_user_model().objects.get_or_create(username="admin")
        user.is_staff = user.is_superuser = user.is_active = True
        if not user.check_password(admin_password):
            user.set_password(admin_password)
        user.save()
    return keys


def most_reviewed(shop: dict[str, Any]) -> str:
    """The id of the product with the most published reviews; of equals the first; empty without products."""
    counts = Counter(
        review["product_id"] for review in shop.get("reviews") or [] if review.get("status", "published") == "published"
    )
    ids = [str(product["id"]) for product in shop["products"]]
    return max(ids, key=lambda product_id: counts[product_id], default="")


def shop_number(key: str) -> int:
    """The shop's number in the admin's addresses."""
    from sumeru_proxy.models import Shop

    return int(Shop.objects.values_list("pk", flat=True).get(key=key))


def main() -> None:
    """Prepare. What is secret comes by the environment: ``DEMO_ADMIN_PASSWORD`` and ``DEMO_CUSTOMER_SECRET``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sandbox", required=True)
    parser.add_argument("--storefront", required=True)
    parser.add_argument("--catalogue")
    parser.add_argument("--origin", action="append", default=[])
    options = parser.parse_args()
    django.setup()
    try:
        catalogue = catalogues.load(options.catalogue) if options.catalogue else catalogues.built_in()
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    call_command("migrate", interactive=False, verbosity=0)
    collect_static()
    keys = seed(
        catalogues.demo_shops(catalogue),
        api_url=options.sandbox,
        storefront=options.storefront,
        admin_password=os.environ["DEMO_ADMIN_PASSWORD"],
        customer_secret=os.environ["DEMO_CUSTOMER_SECRET"],
        origins=options.origin,
    )
    json.dump(
        {"shop": keys[0], "shop_number": shop_number(keys[0]), "product": most_reviewed(catalogue["shops"][0])},
        sys.stdout,
    )


if __name__ == "__main__":
    main()
