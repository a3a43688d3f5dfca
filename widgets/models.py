"""What a merchant decides about the looks and places of widgets."""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from sumeru_proxy.models import Shop
from widgets.i18n import texts
from widgets.theming import merchant_css
from widgets.theming import tokens as theming


class Placement(models.Model):
    """A widget of a shop with its settings. Without a row the widget is on, with its own defaults."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="placements")
    widget = models.CharField(_("widget"), max_length=40)
    name = models.CharField(
        _("placement"),
        max_length=40,
        blank=True,
        default="",
        validators=[RegexValidator(r"^[a-z0-9-]*\Z", _("Use lower-case letters, digits and -."))],
        help_text=_("Empty: wherever the widget stands. Otherwise pages choose it with placement=…"),
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    options = models.JSONField(_("options"), default=dict, blank=True)

    class Meta:
        ordering: ClassVar = ["widget", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "widget", "name"], name="one_placement_per_name")
        ]
        verbose_name = _("placement")
        verbose_name_plural = _("placements")

    def __str__(self) -> str:
        return f"{self.widget} ({self.name})" if self.name else self.widget


class Look(models.Model):
    """A shop's theme tokens and its own CSS; both are part of every answer's styles."""

    shop = models.OneToOneField(Shop, models.CASCADE, related_name="look")
    tokens = models.JSONField(
        _("theme tokens"),
        default=dict,
        blank=True,
        help_text=_("For example {“accent”: “#0a7”, “star”: “#e7a600”, “radius”: “8px”}."),
    )
    unstyled = models.BooleanField(
        _("without our styles"),
        default=False,
        help_text=_("For storefronts that style everything themselves; what is needed to use the widgets still comes."),
    )
    css = models.TextField(
        _("own CSS"),
        blank=True,
        max_length=theming.CSS_LIMIT_CHARS,
        help_text=_("Stands inside every widget, after ours. Parts and classes are listed in the docs."),
    )

    class Meta:
        verbose_name = _("look")
        verbose_name_plural = _("looks")

    def __str__(self) -> str:
        return f"{_('Look of')} {self.shop}"

    def clean(self) -> None:
        """Raises ValidationError for tokens that are unknown or could break out of their declaration, and for unsafe CSS."""
        problems: dict[str, list[str]] = {}
        if complaints := theming.token_problems(self.tokens):
            problems["tokens"] = complaints
        if complaints := merchant_css.problems(self.css):
            problems["css"] = complaints
        if problems:
            raise ValidationError(problems)


class Wording(models.Model):
    """A merchant's own words for one of the shoppers' texts in one language."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="wordings")
    language = models.CharField(_("language"), max_length=16)
    text = models.CharField(_("text"), max_length=300, help_text=_("The English text, as in the catalogues."))
    forms = models.JSONField(
        _("own words"),
        default=dict,
        help_text=_("By plural form (CLDR); one without a name for texts without a number."),
    )

    class Meta:
        ordering: ClassVar = ["language", "text"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "language", "text"], name="one_wording_per_text")
        ]
        verbose_name = _("own text")
        verbose_name_plural = _("own texts")

    def __str__(self) -> str:
        return f"{self.language}: {self.text}"

    def clean(self) -> None:
        """Raises ValidationError for words that may not be shown."""
        text = texts.all_texts().get(self.text)
        forms = self.forms if isinstance(self.forms, dict) else {}
        if text is None:
            raise ValidationError({"text": _("There is no such text.")})
        if problems := texts.problems(self.language, text, forms):
            raise ValidationError({"forms": sorted(set(problems.values()))})
