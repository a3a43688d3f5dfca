"""``manage.py subscribe SHOP``: has Sumeru send its webhooks here."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from sumeru_proxy import secrets
from sumeru_proxy.client import errors
from sumeru_proxy.management.shops import shop_named
from sumeru_proxy.models import Shop, Subscription
from sumeru_proxy.webhooks import subscribing


class Command(BaseCommand):
    """A thin shell around ``webhooks/subscribing.py``."""

    help = "Subscribe to a shop's webhooks at Sumeru and keep the secret, encrypted. Prints no secret. May be repeated."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options; see ``--help``."""
        parser.add_argument("shop", help="the shop's key, domain or name")
        parser.add_argument(
            "--url",
            default="",
            help="https://THIS-SERVER/hooks/sumeru/SHOP-KEY; {shop} stands for the key (default: this server's PUBLIC_URL)",
        )
        parser.add_argument("--events", default="*", help="event types separated by commas (default: all)")
        parser.add_argument(
            "--rotate", action="store_true", help="make a new secret; the old one stays valid for two days"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, *args: Any, **options: Any) -> None:
        """Subscribe, or say that it is done already."""
        shop = shop_named(options["shop"])
        url = (options["url"] or self._own_address(shop)).replace("{shop}", shop.key)
        events = [name.strip() for name in options["events"].split(",") if name.strip()]
        try:
            if options["dry_run"]:
                subscribing.check(url, events)
                self.stdout.write(f"Would subscribe {shop} to {', '.join(events)} at {url}.")
                return
            subscribed = subscribing.subscribe(shop, url, events, rotate=options["rotate"])
        except (subscribing.NotSubscribable, errors.SumeruError, secrets.CredentialUnusable) as error:
            raise CommandError(str(error)) from None
        what = "Subscribed" if subscribed.created else "Nothing to do: already subscribed"
        self.stdout.write(f"{what} ({subscribed.subscription.upstream_id}); the secret is stored, encrypted.")

    @staticmethod
    def _own_address(shop: Shop) -> str:
        """Where this server hears the shop's events: at PUBLIC_URL, or where it is subscribed already. Raises CommandError."""
        if settings.PUBLIC_URL:
            return settings.PUBLIC_URL + reverse("sumeru-hook", args=[shop.key])
        known = Subscription.objects.filter(shop=shop, active=True).order_by("-pk").first()
        if known is None:
            raise CommandError(
                "Under which address does Sumeru reach this server? Set PUBLIC_URL, or give it: "
                "--url https://THIS-SERVER/hooks/sumeru/{shop}"
            )
        return known.url
