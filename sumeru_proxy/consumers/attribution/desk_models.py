"""The rows behind the operators' pages: shifts of revenue, what was spent, who hears of credits; ``models`` names them, too."""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from sumeru_proxy.models import Credential, Job, Shop
from sumeru_proxy.outbox.endpoint import PrivateAddress, checked_url


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


class CreditWebhook(models.Model):
    """The endpoint of the merchant's that hears of orders whose credit has changed."""

    shop = models.OneToOneField(Shop, models.CASCADE, related_name="+")
    url = models.CharField(
        _("address"), max_length=500, help_text=_("https://… of an endpoint that takes signed messages.")
    )
    allow_private = models.BooleanField(_("also private addresses and http://"), default=False)
    active = models.BooleanField(_("active"), default=True)
    credential = models.ForeignKey(Credential, models.SET_NULL, null=True, blank=True, editable=False, related_name="+")
    old_credential = models.ForeignKey(
        Credential, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    class Meta:
        verbose_name = _("webhook about credits")
        verbose_name_plural = _("webhooks about credits")

    def __str__(self) -> str:
        return self.url

    def clean(self) -> None:
        """Raises ValidationError for an address that nothing may be sent to."""
        try:
            checked_url(self.url, allow_private=self.allow_private)
        except PrivateAddress:
            raise ValidationError({"url": _("This is a private address.")}) from None
        except ValueError as error:
            raise ValidationError({"url": str(error)}) from None
