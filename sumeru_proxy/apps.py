"""The proxy as a Django app."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class SumeruProxyConfig(AppConfig):
    """Everything known about Sumeru."""

    name = "sumeru_proxy"
    verbose_name = _("Sumeru")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Credentials of a release before this one are bound to their shops after ``migrate``."""
        post_migrate.connect(_bind_credentials, sender=self)


def _bind_credentials(**_kwargs: Any) -> None:
    from sumeru_proxy import secrets  # models exist only once the apps are ready

    secrets.bind_all()
