"""What a shop chose for attribution, as a row; ``models`` names it, too."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from sumeru_proxy.consumers.attribution import channels
from sumeru_proxy.consumers.attribution.journeys import COUNT, FALLBACK, NEVER, Options
from sumeru_proxy.consumers.attribution.offers import Parameters
from sumeru_proxy.models import Shop

_PART = [MaxValueValidator(1_000)]


def check_channel_rules(text: str) -> None:
    """Raises ValidationError with a line for each rule that is none."""
    try:
        channels.rules_of(text)
    except channels.BadChannelRules as error:
        raise ValidationError(
            [f"{problem.line}: {problem.text}" if problem.line else problem.text for problem in error.problems[:10]]
        ) from None


class AttributionSettings(models.Model):
    """What a shop chose. ``revision`` grows with every change, so that credits made under older choices are recognised.

    ``common_revision`` is the last one that concerns every order; weights from a date concern the orders from it on.
    """

    shop = models.OneToOneField(Shop, models.CASCADE, related_name="+")
    look_back_days = models.PositiveSmallIntegerField(
        _("look-back window in days"), default=90, validators=[MaxValueValidator(3_650)], help_text=_("0: no limit.")
    )
    kinds = models.JSONField(_("types that are credited"), default=list, blank=True)
    one_order_only = models.BooleanField(_("a touch serves only the first order after it"), default=False)
    direct = models.CharField(
        _("direct visits"),
        max_length=8,
        default=COUNT,
        choices=[
            (COUNT, _("count as any channel")),
            (FALLBACK, _("count when there is nothing else")),
            (NEVER, _("never count")),
        ],
    )
    prefer_campaigns = models.BooleanField(_("prefer touches with a campaign"), default=False)
    half_life_days = models.PositiveSmallIntegerField(
        _("half-life in days"), default=7, validators=[MinValueValidator(1), MaxValueValidator(365)]
    )
    part_first = models.PositiveSmallIntegerField(_("part of the first touch"), default=40, validators=_PART)
    part_middle = models.PositiveSmallIntegerField(_("part of those between"), default=20, validators=_PART)
    part_last = models.PositiveSmallIntegerField(_("part of the last touch"), default=40, validators=_PART)
    markov_order = models.PositiveSmallIntegerField(
        _("channels that a state remembers"), default=1, validators=[MinValueValidator(1), MaxValueValidator(3)]
    )
    channel_rules = models.TextField(
        _("channel rules"),
        blank=True,
        validators=[check_channel_rules],
        help_text=_(
            "How the pixel’s visits get their channels, one rule a line. Empty: the rules of the documentation."
        ),
    )
    their_model = models.CharField(
        _("Sumeru’s model to compare with"),
        max_length=60,
        blank=True,
        help_text=_("Its name as Sumeru reports it. Empty, or where an order has none of it: the first one by name."),
    )
    revision = models.PositiveIntegerField(_("revision"), default=1, editable=False)
    common_revision = models.PositiveIntegerField(_("revision of every order"), default=1, editable=False)

    class Meta:
        verbose_name = _("attribution settings")
        verbose_name_plural = _("attribution settings")

    def __str__(self) -> str:
        return str(self.shop_id)

    @staticmethod
    def count_up(shop_id: int, *, every_order: bool = True) -> int:
        """Note a change, of every order's credit unless said otherwise; gives the new revision. Joins the caller's transaction."""
        AttributionSettings.objects.get_or_create(shop_id=shop_id)
        rows = AttributionSettings.objects.filter(shop_id=shop_id)
        more = {"common_revision": F("revision") + 1} if every_order else {}
        rows.update(revision=F("revision") + 1, **more)
        return rows.values_list("revision", flat=True)[0]

    def options(self) -> Options:
        """Which touches count. Raises ValueError for stored values that are out of range."""
        return Options(
            self.look_back_days, frozenset(self.kinds), self.one_order_only, self.direct, self.prefer_campaigns
        )

    def rules_of_channels(self) -> Sequence[channels.ChannelRule]:
        """How the pixel's visits get their channels. Stored rules that are none any more give way to the documented ones."""
        try:
            return channels.rules_of(self.channel_rules) or channels.DEFAULTS
        except channels.BadChannelRules:
            return channels.DEFAULTS

    def parameters(self) -> Parameters:
        """What is set on the models. Raises ValueError for stored values that are out of range."""
        return Parameters(self.half_life_days, (self.part_first, self.part_middle, self.part_last), self.markov_order)
