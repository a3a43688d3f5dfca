"""The rows that say who a visitor is; ``models`` names them, too."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from sumeru_proxy.models import Shop


class VisitorLink(models.Model):
    """Whose visits a visitor's are: a person's (``person``: hash of a customer id or an e-mail address), or of an order (``order_key``).

    ``visitor`` is a keyed hash. ``served``: some order has got the visitor's touches, so they are no journey without an order.
    """

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="+", db_index=False)
    visitor = models.CharField(_("visitor"), max_length=40)
    person = models.CharField(_("person"), max_length=40, blank=True)
    order_key = models.CharField(_("order"), max_length=190, blank=True)
    served = models.BooleanField(_("has an order"), default=False)
    at_ms = models.BigIntegerField(_("at"))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "visitor", "person", "order_key"], name="attr_visitor_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["shop", "person"], name="attr_visitor_person"),
            models.Index(fields=["shop", "order_key"], name="attr_visitor_order"),
        ]
        verbose_name = _("visitor’s person")
        verbose_name_plural = _("visitors’ persons")

    def __str__(self) -> str:
        return self.visitor[:8]


class Withdrawal(models.Model):
    """A visitor took consent back: nothing of the visitor is stored any more, whatever arrives late."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="+", db_index=False)
    visitor = models.CharField(_("visitor"), max_length=40)
    at_ms = models.BigIntegerField(_("at"))

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["shop", "visitor"], name="attr_withdrawal_once")]
        verbose_name = _("withdrawn consent")
        verbose_name_plural = _("withdrawn consents")

    def __str__(self) -> str:
        return self.visitor[:8]
