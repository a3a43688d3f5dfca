"""The rows of attribution: touches and orders as they came in, weights by version, credits and their sums by day.

Times are milliseconds since 1970 (UTC), days are whole days since then, amounts are minor units of the order's currency. Words (channel,
campaign …) are stored once as a ``Label``; 0 stands for none. No row holds a name, an address or a raw id of a person: ``person`` is a
keyed hash (``people``).
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from sumeru_proxy.consumers.attribution.choices import AttributionSettings
from sumeru_proxy.consumers.attribution.desk_models import CreditWebhook, ShiftRun, Spend
from sumeru_proxy.consumers.attribution.visitor_models import VisitorLink, Withdrawal
from sumeru_proxy.models import Shop

__all__ = [
    "AttributionSettings",
    "ChannelSum",
    "Conversion",
    "ConversionTouch",
    "Credit",
    "CreditWebhook",
    "DayCount",
    "DaySum",
    "Fit",
    "Label",
    "ModelCode",
    "ReadToken",
    "ShiftRun",
    "Spend",
    "Touch",
    "VisitorLink",
    "WeightRule",
    "WeightVersion",
    "Withdrawal",
]


class ModelCode(models.IntegerChoices):
    """The models as credits name them. Numbers stay the same for ever; ``offers.NAMES`` are the lower-case names."""

    LAST = 1, _("Last touch")
    LAST_NON_DIRECT = 2, _("Last known channel")
    FIRST = 3, _("First touch")
    LINEAR = 4, _("Linear")
    TIME_DECAY = 5, _("Time decay")
    POSITION = 6, _("Position based")
    COMPANY = 7, _("Company weights")
    SHAPLEY_EQUAL = 8, _("Equal split by channel (Shapley)")
    MARKOV = 9, _("Removal effect (Markov)")
    SHAPLEY_RATE = 10, _("By conversion rate (Shapley)")
    SUMERU = 100, _("Sumeru’s own")


class Label(models.Model):
    """A word that many touches share."""

    class Kind(models.TextChoices):
        CHANNEL = "channel", _("channel")
        CAMPAIGN = "campaign", _("campaign")
        DEVICE = "device", _("device")
        LANDING = "landing", _("landing page")
        PATH = "path", _("journey")

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="+")
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    text = models.CharField(_("text"), max_length=190)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["shop", "kind", "text"], name="attr_label_once")]
        verbose_name = _("label")
        verbose_name_plural = _("labels")

    def __str__(self) -> str:
        return self.text


class Touch(models.Model):
    """One contact, stored once whatever arrives twice (``key``: its source and its id there).

    ``rank`` follows from the key and decides between touches of the same millisecond: in every database and order of arrival alike.
    """

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="+")
    key = models.CharField(_("key"), max_length=200)
    at_ms = models.BigIntegerField(_("at"))
    rank = models.BigIntegerField(_("rank"))
    channel = models.BigIntegerField(_("channel"))
    campaign = models.BigIntegerField(_("campaign"), default=0)
    device = models.BigIntegerField(_("device"), default=0)
    landing = models.BigIntegerField(_("landing page"), default=0)
    source = models.CharField(_("source"), max_length=190, blank=True)
    medium = models.CharField(_("medium"), max_length=190, blank=True)
    person = models.CharField(_("person"), max_length=40, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["shop", "key"], name="attr_touch_once")]
        indexes: ClassVar = [
            models.Index(fields=["shop", "person", "at_ms"], name="attr_touch_person"),
            models.Index(fields=["shop", "at_ms"], name="attr_touch_time"),
        ]
        verbose_name = _("touch")
        verbose_name_plural = _("touches")

    def __str__(self) -> str:
        return self.key


class Conversion(models.Model):
    """What is credited: an order, or another goal. The last five fields say how it was credited last."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="+")
    kind = models.CharField(_("type"), max_length=20, default="order")
    key = models.CharField(_("id"), max_length=190)
    at_ms = models.BigIntegerField(_("at"))
    currency = models.CharField(_("currency"), max_length=3)
    total = models.BigIntegerField(_("revenue"))
    refunded = models.BigIntegerField(_("refunded"), default=0)
    customer = models.CharField(_("customer"), max_length=9, blank=True)
    orders_count = models.PositiveIntegerField(_("orders of the customer"), null=True, blank=True)
    person = models.CharField(_("person"), max_length=40, blank=True)
    email = models.CharField(_("e-mail hash"), max_length=40, blank=True)
    changed_ms = models.BigIntegerField(_("changed at"), default=0)
    their_model = models.CharField(_("model at Sumeru"), max_length=60, blank=True)
    erased = models.BooleanField(_("erased"), default=False)
    revision = models.IntegerField(_("settings"), default=0)
    length = models.IntegerField(_("touches counted"), default=0)
    days = models.IntegerField(_("days from the first touch"), default=0)
    path = models.BigIntegerField(_("journey"), default=0)
    version = models.IntegerField(_("version of weights"), default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["shop", "kind", "key"], name="attr_conversion_once")]
        indexes: ClassVar = [
            models.Index(fields=["shop", "at_ms"], name="attr_conversion_time"),
            models.Index(fields=["shop", "person"], name="attr_conversion_person"),
        ]
        verbose_name = _("order")
        verbose_name_plural = _("orders")

    def __str__(self) -> str:
        return self.key


class ConversionTouch(models.Model):
    """A touch is part of an order's journey. ``theirs``: what Sumeru itself credited to it, where it said so."""

    conversion = models.ForeignKey(Conversion, models.CASCADE, related_name="+", db_index=False)
    touch = models.ForeignKey(Touch, models.CASCADE, related_name="+")
    theirs = models.BigIntegerField(_("credited by Sumeru"), null=True, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["conversion", "touch"], name="attr_step_once")]
        verbose_name = _("touch of an order")
        verbose_name_plural = _("touches of orders")

    def __str__(self) -> str:
        return f"{self.conversion_id}:{self.touch_id}"


class Credit(models.Model):
    """What a channel and campaign earned of an order under one model. Channel 0: nobody could be credited."""

    conversion = models.ForeignKey(Conversion, models.CASCADE, related_name="+", db_index=False)
    model = models.SmallIntegerField(_("model"), choices=ModelCode.choices)
    channel = models.BigIntegerField(_("channel"))
    campaign = models.BigIntegerField(_("campaign"))
    amount = models.BigIntegerField(_("credited"))
    refunded = models.BigIntegerField(_("taken back"))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["conversion", "model", "channel", "campaign"], name="attr_credit_once")
        ]
        verbose_name = _("credit")
        verbose_name_plural = _("credits")

    def __str__(self) -> str:
        return f"{self.conversion_id}:{self.model}"


class DaySum(models.Model):
    """Credits summed by day, channel and campaign. Always equal to the sum of the credits; the daily proof checks it."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="+", db_index=False)
    day = models.IntegerField(_("day"))
    model = models.SmallIntegerField(_("model"), choices=ModelCode.choices)
    currency = models.CharField(_("currency"), max_length=3)
    channel = models.BigIntegerField(_("channel"))
    campaign = models.BigIntegerField(_("campaign"))
    amount = models.BigIntegerField(_("credited"))
    refunded = models.BigIntegerField(_("taken back"))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["shop", "day", "model", "currency", "channel", "campaign"], name="attr_day_once"
            )
        ]
        verbose_name = _("sum of a day")
        verbose_name_plural = _("sums of days")

    def __str__(self) -> str:
        return f"{self.day}:{self.model}"


class ChannelSum(models.Model):
    """The same credits by day, channel and kind of customer, without campaigns: few rows, so a report of a year stays quick."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="+", db_index=False)
    day = models.IntegerField(_("day"))
    model = models.SmallIntegerField(_("model"), choices=ModelCode.choices)
    currency = models.CharField(_("currency"), max_length=3)
    customer = models.CharField(_("customer"), max_length=9, blank=True)
    channel = models.BigIntegerField(_("channel"))
    amount = models.BigIntegerField(_("credited"))
    refunded = models.BigIntegerField(_("taken back"))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["shop", "day", "model", "currency", "customer", "channel"], name="attr_channel_once"
            )
        ]
        verbose_name = _("sum of a channel’s day")
        verbose_name_plural = _("sums of channels’ days")

    def __str__(self) -> str:
        return f"{self.day}:{self.model}"


class DayCount(models.Model):
    """Orders and revenue by day and by one property of their journeys: length, days to convert, or channels in order."""

    class What(models.TextChoices):
        """The property."""

        LENGTH = "length", _("touches")
        DAYS = "days", _("days")
        PATH = "path", _("journey")

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="+", db_index=False)
    day = models.IntegerField(_("day"))
    currency = models.CharField(_("currency"), max_length=3)
    customer = models.CharField(_("customer"), max_length=9, blank=True)
    what = models.CharField(_("property"), max_length=6, choices=What.choices)
    value = models.BigIntegerField(_("value"))
    orders = models.BigIntegerField(_("orders"))
    amount = models.BigIntegerField(_("revenue"))
    refunded = models.BigIntegerField(_("refunded"))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["shop", "day", "currency", "customer", "what", "value"], name="attr_count_once"
            )
        ]
        verbose_name = _("count of a day")
        verbose_name_plural = _("counts of days")

    def __str__(self) -> str:
        return f"{self.day}:{self.what}"


class WeightVersion(models.Model):
    """A table of the company's weights. Once it is effective from a moment it never changes; a draft has none."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="+")
    number = models.PositiveIntegerField(_("version"))
    note = models.CharField(_("note"), max_length=190, blank=True)
    effective_ms = models.BigIntegerField(_("effective from"), null=True, blank=True)
    revision = models.PositiveIntegerField(_("revision"), default=0, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    published_at = models.DateTimeField(_("published at"), null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["shop", "number"], name="attr_version_once")]
        verbose_name = _("version of weights")
        verbose_name_plural = _("versions of weights")

    def __str__(self) -> str:
        return str(self.number)


class WeightRule(models.Model):
    """One line of a version; see ``company.Rule``."""

    version = models.ForeignKey(WeightVersion, models.CASCADE, related_name="rules")
    dimension = models.CharField(_("dimension"), max_length=8)
    value = models.CharField(_("value"), max_length=190)
    thousandths = models.PositiveIntegerField(_("thousandths"))

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "dimension", "value"], name="attr_rule_once")
        ]
        verbose_name = _("weight")
        verbose_name_plural = _("weights")

    def __str__(self) -> str:
        return f"{self.dimension} {self.value}"


class Fit(models.Model):
    """Effects that a model from data found at one moment; kept, so that credits made with them stay reproducible.

    ``effects``: channel → [share, standard error, weight in millionths]. ``sampled``: of journeys without an order one in so many was read.
    """

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="+")
    model = models.SmallIntegerField(_("model"), choices=ModelCode.choices)
    parameters = models.JSONField(_("parameters"), default=dict)
    effects = models.JSONField(_("effects"), default=dict)
    conversions = models.BigIntegerField(_("orders"))
    open_journeys = models.BigIntegerField(_("journeys without an order"))
    sampled = models.PositiveIntegerField(_("one in"), default=1)
    negative = models.JSONField(_("channels set to zero"), default=list)
    made_at = models.DateTimeField(_("made at"), auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-pk"]
        indexes: ClassVar = [models.Index(fields=["shop", "model"], name="attr_fit_latest")]
        verbose_name = _("estimate from data")
        verbose_name_plural = _("estimates from data")

    def __str__(self) -> str:
        return f"{self.model}:{self.pk}"


class ReadToken(models.Model):
    """A token that reads a shop's attribution through the API. Only its hash is stored; the token itself is shown once."""

    class Scope(models.TextChoices):
        """What it may read."""

        REPORT = "report", _("sums only")
        ORDERS = "orders", _("sums and single orders")

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=120)
    scope = models.CharField(_("may read"), max_length=8, choices=Scope.choices, default=Scope.REPORT)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    used_at = models.DateTimeField(_("last used at"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("read token")
        verbose_name_plural = _("read tokens")

    def __str__(self) -> str:
        return self.name
