"""Order sync as a Django app: installed by one line of the setting ``SUMERU_CONSUMERS``."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrderSyncConfig(AppConfig):
    """Orders in the merchant's ERP and books."""

    name = "sumeru_proxy.consumers.order_sync"
    label = "order_sync"
    verbose_name = _("Order sync")
    default_auto_field = "django.db.models.BigAutoField"
