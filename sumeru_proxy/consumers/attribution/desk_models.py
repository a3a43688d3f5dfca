"""The rows behind the operators' pages: shifts of revenue as they are computed, and what was spent; ``models`` names them, too."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from sumeru_proxy.models import Job, Shop


class ShiftRun(models.Model):
    """What some weights would shift of a period's revenue, as far as it is computed. ``sums``: channel → [now, then], minor units."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="+")
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")
    rules = models.JSONField(_("rules"), default=list)
    since_ms = models.BigIntegerField(_("from"))
    until_ms = models.BigIntegerField(_("until"))
    currency = models.CharField(_("currency"), max_length=3)
    orders = models.BigIntegerField(_("orders"), default=0)
    total = models.BigIntegerField(_("orders in all"), null=True, blank=True)
    sums = models.JSONField(_("sums"), default=dict)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("shift of revenue")
        verbose_name_plural = _("shifts of revenue")

    def __str__(self) -> str:
        return f"{self.pk}: {self.orders}"


class Spend(models.Model):
    """What a channel (or one campaign of it) cost on a day, in minor units of the currency; of two words the last holds."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="+", db_index=False)
    day = models.IntegerField(_("day"))
    currency = models.CharField(_("currency"), max_length=3)
    channel = models.BigIntegerField(_("channel"))
    campaign = models.BigIntegerField(_("campaign"), default=0)
    amount = models.BigIntegerField(_("spent"))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "day", "currency", "channel", "campaign"], name="attr_spend_once")
        ]
        verbose_name = _("spend of a day")
        verbose_name_plural = _("spend by day")

    def __str__(self) -> str:
        return f"{self.day}: {self.amount} {self.currency}"
