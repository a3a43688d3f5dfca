"""What order sync remembers: a shop's targets, which order is which document there, what was sent, and the daily proof."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from sumeru_proxy.models import Credential, Shop


class OrderTarget(models.Model):
    """One place that a shop's orders go to: of a kind, with its options and its secret."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="order_targets")
    kind = models.CharField(_("kind"), max_length=30)
    name = models.SlugField(_("name"), max_length=40, help_text=_("Names it within the shop, for ever."))
    options = models.JSONField(_("options"), default=dict, blank=True)
    credential = models.ForeignKey(Credential, models.SET_NULL, null=True, blank=True, editable=False)
    enabled = models.BooleanField(_("enabled"), default=True)
    start_at = models.DateTimeField(
        _("orders from"),
        null=True,
        blank=True,
        help_text=_(
            "Orders created before are left alone: they are in the books already. Empty: nothing is written yet."
        ),
    )
    test_orders = models.BooleanField(_("test orders too"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["shop", "name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["shop", "name"], name="one_order_target_per_name")]
        verbose_name = _("order target")
        verbose_name_plural = _("order targets")

    def __str__(self) -> str:
        return f"{self.shop}: {self.name}"


class Link(models.Model):
    """One order in one target: the document that it should be there, and what the target acknowledged last.

    ``due`` when the two differ. Amounts are minor units of ``currency``. The texts hold personal data: erased with the person, pruned.
    """

    class State(models.TextChoices):
        """Where an order stands in a target."""

        DUE = "due", _("to be sent")
        SENT = "sent", _("in agreement")
        PARKED = "parked", _("parked: a person is needed")
        SKIPPED = "skipped", _("skipped")
        ERASED = "erased", _("erased at the person's request")

    target = models.ForeignKey(OrderTarget, models.CASCADE, related_name="links")
    order_id = models.CharField(_("order"), max_length=190)
    number = models.CharField(_("number"), max_length=60, blank=True)
    person = models.CharField(max_length=190, blank=True, editable=False)
    day = models.DateField(_("day"))
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    total = models.BigIntegerField(_("total"), default=0)
    refunded = models.BigIntegerField(_("refunded"), default=0)
    order_state = models.CharField(_("order"), max_length=10, blank=True)
    order_updated_at = models.DateTimeField(null=True, blank=True)
    document_text = models.TextField(editable=False, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True, editable=False)
    sent_text = models.TextField(editable=False, blank=True)
    sent_fingerprint = models.CharField(max_length=64, blank=True, editable=False)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    remote_id = models.CharField(_("id there"), max_length=190, blank=True)
    remote_number = models.CharField(_("number there"), max_length=120, blank=True)
    remote_state = models.CharField(_("state there"), max_length=40, blank=True)
    remote_url = models.CharField(max_length=500, blank=True)
    remote_total = models.BigIntegerField(null=True, blank=True)
    remote_refunded = models.BigIntegerField(null=True, blank=True)
    rounding = models.BigIntegerField(_("rounding"), default=0)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.DUE)
    reason = models.CharField(_("why"), max_length=40, blank=True)
    text = models.CharField(_("in its words"), max_length=300, blank=True)
    note = models.CharField(_("note"), max_length=300, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True, editable=False)
    seen_at = models.DateTimeField(_("last read at Sumeru"), null=True, blank=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["target", "order_id"], name="one_link_per_order"),
            models.UniqueConstraint(
                fields=["target", "remote_id"], condition=~models.Q(remote_id=""), name="one_link_per_document"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["target", "state"], name="link_state"),
            models.Index(fields=["target", "day"], name="link_day"),
            models.Index(fields=["person"], name="link_person"),
            # For prefixes: PostgreSQL uses them whatever its collation is.
            models.Index(
                fields=["target", "number"], name="link_number", opclasses=["int8_ops", "varchar_pattern_ops"]
            ),
            models.Index(
                fields=["target", "remote_number"],
                name="link_remote_number",
                opclasses=["int8_ops", "varchar_pattern_ops"],
            ),
        ]
        verbose_name = _("order in a target")
        verbose_name_plural = _("orders in targets")

    def __str__(self) -> str:
        return self.number or self.order_id

    @property
    def document_data(self) -> dict[str, Any]:
        """The document that should be there, as plain data; empty when there is none or it was pruned or erased."""
        return dict(json.loads(self.document_text)) if self.document_text else {}

    @property
    def sent_data(self) -> dict[str, Any]:
        """The document that the target acknowledged last, as plain data; empty when there is none."""
        return dict(json.loads(self.sent_text)) if self.sent_text else {}


class Sending(models.Model):
    """One acknowledged writing: what it did and what differed from before. ``changes``: rows of path, before, after."""

    link = models.ForeignKey(Link, models.CASCADE, related_name="sendings")
    at = models.DateTimeField(_("at"), auto_now_add=True, db_index=True)
    action = models.CharField(_("what it did"), max_length=12)
    fingerprint = models.CharField(max_length=64)
    changes = models.JSONField(_("changes"), default=list)

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("sending")
        verbose_name_plural = _("sendings")

    def __str__(self) -> str:
        return f"{self.action} {self.at:%Y-%m-%d %H:%M}"


class DayProof(models.Model):
    """The comparison of one day in one currency: orders and sums at Sumeru and in the target.

    Sums are net of refunds and without cancelled orders, in minor units. ``differing``: per order its id, number and the fields that
    differ. ``repaired``: how many differed before the last repair.
    """

    target = models.ForeignKey(OrderTarget, models.CASCADE, related_name="proofs")
    day = models.DateField(_("day"))
    currency = models.CharField(_("currency"), max_length=3)
    orders = models.PositiveIntegerField(_("orders at Sumeru"), default=0)
    total = models.BigIntegerField(_("sum at Sumeru"), default=0)
    target_orders = models.PositiveIntegerField(_("orders in the target"), default=0)
    target_total = models.BigIntegerField(_("sum in the target"), default=0)
    differing = models.JSONField(_("orders that differ"), default=list)
    repaired = models.PositiveIntegerField(_("repaired"), default=0)
    checked_at = models.DateTimeField(_("checked at"))

    class Meta:
        ordering: ClassVar = ["-day", "currency"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["target", "day", "currency"], name="one_proof_per_day_and_currency")
        ]
        verbose_name = _("daily proof")
        verbose_name_plural = _("daily proofs")

    def __str__(self) -> str:
        return f"{self.day} {self.currency}"

    @property
    def green(self) -> bool:
        """Whether nothing differs."""
        return not self.differing and self.orders == self.target_orders and self.total == self.target_total


class Rehearsal(models.Model):
    """What would have been written, found out by reading alone. ``report``: see ``rehearsal.py``."""

    target = models.ForeignKey(OrderTarget, models.CASCADE, related_name="rehearsals")
    at = models.DateTimeField(_("at"), auto_now_add=True)
    report = models.JSONField(_("report"), default=dict)

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("rehearsal")
        verbose_name_plural = _("rehearsals")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"
