"""Attribution as a Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AttributionConfig(AppConfig):
    """Touches, orders, weights and credits."""

    name = "sumeru_proxy.consumers.attribution"
    label = "attribution"
    verbose_name = _("Attribution")
    default_auto_field = "django.db.models.BigAutoField"
