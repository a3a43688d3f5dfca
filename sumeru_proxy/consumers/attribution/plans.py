"""What is to be computed for a shop: its options, its models with their versions and effects, at one moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from django.db.models import Q

from sumeru_proxy.consumers.attribution import weight_tables
from sumeru_proxy.consumers.attribution.company import WeightTable
from sumeru_proxy.consumers.attribution.journeys import Options
from sumeru_proxy.consumers.attribution.models import AttributionSettings, CreditWebhook, Fit, ModelCode, WeightVersion
from sumeru_proxy.consumers.attribution.offers import OFFERS, Parameters, model_named
from sumeru_proxy.consumers.attribution.rules import Model
from sumeru_proxy.consumers.attribution.weight_tables import Tables

Coded = tuple[int, Model]
FROM_DATA = tuple(ModelCode[name.upper()] for name, offer in OFFERS.items() if offer.from_data)


@dataclass(frozen=True)
class Plan:
    """Models side by side. ``models`` do not depend on the order's time; the company's weights do, by version.

    ``with_company`` says whether these are computed, ``with_theirs`` whether Sumeru's own credit is carried beside them, ``announced``
    whether an endpoint hears of orders whose credit changes.
    """

    options: Options
    models: tuple[Coded, ...]
    tables: Tables | None = None
    with_theirs: bool = True
    revision: int = 0
    announced: bool = False
    _company: dict[int, Model] = field(default_factory=dict, repr=False, compare=False)

    @property
    def with_company(self) -> bool:
        """Whether the company's own weights are among the models."""
        return self.tables is not None

    def company_at(self, at_ms: int) -> tuple[Model, WeightTable] | None:
        """The company's model for an order of this time, and its table."""
        if self.tables is None:
            return None
        table = self.tables.at(at_ms)
        model = self._company.get(id(table))
        if model is None:
            model = self._company[id(table)] = table.model()
        return model, table

    def models_at(self, at_ms: int) -> list[Coded]:
        """All models for an order of this time, with their codes."""
        company = self.company_at(at_ms)
        return [*self.models, (int(ModelCode.COMPANY), company[0])] if company else list(self.models)

    @property
    def codes(self) -> list[int]:
        """The codes of all that is computed, ascending."""
        found = [code for code, _model in self.models]
        found += [int(ModelCode.COMPANY)] if self.with_company else []
        found += [int(ModelCode.SUMERU)] if self.with_theirs else []
        return sorted(found)


def latest_fits(shop_id: int) -> dict[int, Fit]:
    """The newest estimate of each model from data, where there is one."""
    found: dict[int, Fit] = {}
    for code in FROM_DATA:
        fit = Fit.objects.filter(shop_id=shop_id, model=code).order_by("-pk").first()
        if fit is not None:
            found[int(code)] = fit
    return found


def weights_of(fit: Fit) -> Mapping[str, int]:
    """The effects of an estimate as weights, channel by channel."""
    return {channel: int(estimate[2]) for channel, estimate in fit.effects.items()}


def settings_of(shop_id: int) -> AttributionSettings:
    """The shop's choices, made with the defaults at first."""
    return AttributionSettings.objects.get_or_create(shop_id=shop_id)[0]


@dataclass(frozen=True, slots=True)
class Due:
    """Which revision an order's credit must have at least, by its time: ``common``, and from each moment on a higher one."""

    common: int
    versions: tuple[tuple[int, int], ...] = ()

    def at(self, at_ms: int) -> int:
        """The revision that an order of this time needs."""
        return max([self.common, *(revision for moment, revision in self.versions if moment <= at_ms)])

    def behind(self) -> Q:
        """Credited orders (rows of ``Conversion``) that are due again."""
        found = Q(revision__lt=self.common)
        for moment, revision in self.versions:
            found |= Q(at_ms__gte=moment, revision__lt=revision)
        return found & Q(revision__gt=0)


def due(shop_id: int) -> Due:
    """What the shop's choices and published weights ask of its orders' credits."""
    common = settings_of(shop_id).common_revision
    rows = WeightVersion.objects.filter(shop_id=shop_id, revision__gt=common).exclude(effective_ms=None)
    return Due(
        common, tuple((moment or 0, revision) for moment, revision in rows.values_list("effective_ms", "revision"))
    )


def rule_models(parameters: Parameters) -> tuple[Coded, ...]:
    """The models that need neither data nor a table."""
    return tuple(
        (int(ModelCode[name.upper()]), model_named(name, parameters))
        for name, offer in OFFERS.items()
        if not offer.from_data and name != "company"
    )


def plan_of(shop_id: int, codes: Collection[int] | None = None) -> Plan:
    """The shop's plan as it is now; only these models when ``codes`` are given. Reads a few rows; make it once for many orders."""
    stored = settings_of(shop_id)
    parameters = stored.parameters()
    models = list(rule_models(parameters))
    for code, fit in latest_fits(shop_id).items():
        models.append((code, model_named(ModelCode(code).name.lower(), parameters, effects=weights_of(fit))))
    return Plan(
        stored.options(),
        tuple(each for each in models if codes is None or each[0] in codes),
        weight_tables.tables(shop_id) if codes is None or ModelCode.COMPANY in codes else None,
        codes is None or ModelCode.SUMERU in codes,
        stored.revision,
        CreditWebhook.objects.filter(shop_id=shop_id, active=True).exists(),
    )
