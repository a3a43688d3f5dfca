"""The models on offer: their names in the fixed order of reports, formulas and sources, and how they are built. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from sumeru_proxy.consumers.attribution import rules
from sumeru_proxy.consumers.attribution.company import WeightTable
from sumeru_proxy.consumers.attribution.rules import Model


class Offer(NamedTuple):
    """A model as people read of it. ``from_data``: its weights are estimated from all journeys before any order is credited."""

    title: str
    formula: str
    source: str
    from_data: bool = False


_GOOGLE: Final = "Google Analytics (Universal and 4 until November 2023), support.google.com/analytics/answer/10596866"

OFFERS: Final[Mapping[str, Offer]] = {
    "last": Offer("Last touch", "1 for the last touch, 0 for all others", _GOOGLE),
    "last_non_direct": Offer(
        "Last known channel", "1 for the last touch that is not direct; if all are direct, for the last", _GOOGLE
    ),
    "first": Offer("First touch", "1 for the first touch, 0 for all others", _GOOGLE),
    "linear": Offer("Linear", "1 for each touch", _GOOGLE),
    "time_decay": Offer("Time decay", "2^(-age / half-life), half-life 7 days unless set", _GOOGLE),
    "position": Offer(
        "Position based", "40 % first, 40 % last, 20 % shared by those between, unless set; two touches 50/50", _GOOGLE
    ),
    "company": Offer(
        "Company weights", "the product of the company's factors in thousandths", "the company's own table, by version"
    ),
    "shapley_equal": Offer(
        "Equal split by channel (Shapley)",
        "each distinct channel the same part, divided by its touches",
        "L. S. Shapley, A value for n-person games, 1953",
    ),
    "markov": Offer(
        "Removal effect (Markov)",
        "1 - P(conversion without the channel) / P(conversion)",
        "Anderl, Becker, von Wangenheim, Schumann, Mapping the customer journey, IJRM 33 (2016)",
        from_data=True,
    ),
    "shapley_rate": Offer(
        "By conversion rate (Shapley)",
        "average gain of conversion rate when the channel joins the others",
        "Zhao, Mahboobi, Bagheri, Shapley value methods for attribution modeling, arXiv 1804.05327 (2018)",
        from_data=True,
    ),
}
NAMES: Final = tuple(OFFERS)


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a shop may set on the models."""

    half_life_days: int = 7
    position_parts: tuple[int, int, int] = (40, 20, 40)
    markov_order: int = 1

    def __post_init__(self) -> None:
        rules.time_decay(self.half_life_days)
        rules.position(*self.position_parts)
        if self.markov_order not in (1, 2, 3):
            raise ValueError("markov_order must be 1, 2 or 3")


def model_named(
    name: str,
    parameters: Parameters,
    table: WeightTable | None = None,
    effects: Mapping[str, int] | None = None,
) -> Model:
    """The model of this name. ``company`` needs its table, a model from data its channels' effects in millionths.

    Raises KeyError for a name that is not on offer, ValueError when what the model needs is missing.
    """
    offer = OFFERS[name]
    if offer.from_data:
        if effects is None:
            raise ValueError(f"{name} needs effects")
        return rules.by_effects(name, effects)
    if name == "company":
        if table is None:
            raise ValueError("company needs a table of weights")
        return table.model()
    if name == "time_decay":
        return rules.time_decay(parameters.half_life_days)
    if name == "position":
        return rules.position(*parameters.position_parts)
    if name == "shapley_equal":
        return rules.shapley_equal()
    return {
        "last": rules.LAST,
        "last_non_direct": rules.LAST_NON_DIRECT,
        "first": rules.FIRST,
        "linear": rules.LINEAR,
    }[name]
