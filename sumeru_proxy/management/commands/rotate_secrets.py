"""``manage.py rotate_secrets``: seals every stored credential again with the first encryption key."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sumeru_proxy import secrets
from sumeru_proxy.models import Credential


class Command(BaseCommand):
    """A thin shell around ``secrets.rotate``."""

    help = "After a new key was put first in SUMERU_ENCRYPTION_KEYS: seal every stored credential with it. May be repeated."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options; see ``--help``."""
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate and say how many; after that the old keys may be dropped."""
        if options["dry_run"]:
            count = Credential.objects.exclude(sealed="").count()
            self.stdout.write(f"Would seal {count} credentials again.")
            return
        try:
            count = secrets.rotate()
        except secrets.CredentialUnusable as error:
            raise CommandError(f"{error}. Put the lost key back into SUMERU_ENCRYPTION_KEYS.") from None
        self.stdout.write(f"Sealed {count} credentials with the first key. Older keys may be dropped now.")
