"""The proxy as a Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SumeruProxyConfig(AppConfig):
    """Everything known about Sumeru."""

    name = "sumeru_proxy"
    verbose_name = _("Sumeru")
    default_auto_field = "django.db.models.BigAutoField"
