"""An experiment: the same visitor always gets the same variant, chosen by Sumeru, before anything is painted.

A page puts its blocks inside the element, each with a slot named as its variant (and ``hidden``, so that it does not show before or
without the widget); what has no slot is the default, shown for the control group and whenever nothing is decided::

    <sumeru-widget type="ab_experiment" experiment="hero" visitor-id="…" variants="bold,calm">
      <h1>Made for long days out</h1>
      <h1 slot="bold" hidden>Out there. All day.</h1>
    </sumeru-widget>

Or the variant's payload names another widget to show in that place: ``{"widget": "bundles", "placement": "summer", "params":
{"product_id": "prd_1"}, "label": "See the bundle"}``. A block of the page goes before it. Never is anything of a payload markup.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _

from sumeru_proxy.client.resources_shopper import EXPERIMENT
from sumeru_proxy.client.shapes import Assignment
from sumeru_proxy.reading.reader import Missing, Pending, Query, Source
from widgets.base import Call, Context, IdentifierField, IdentifierListField, Widget, WidgetParams, is_identifier
from widgets.i18n import formatting
from widgets.theming import tokens

CONTROL = "control"
PAYLOAD_LIMIT_BYTES = 16 * 1024
PARAMS_LIMIT = 10
_WIDGET = re.compile(r"[a-z][a-z_]{1,39}", re.ASCII)
_PLACEMENT = re.compile(r"[a-z0-9-]{0,40}", re.ASCII)
_PARAM = re.compile(r"[a-z][a-z_]{1,39}", re.ASCII)
_VALUE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,400}")


class ExperimentParams(WidgetParams):
    """What a page may ask."""

    experiment = IdentifierField(help_text=_("The experiment's name."))
    visitor_id = IdentifierField(
        required=False,
        default="",
        allow_blank=True,
        help_text=_(
            "Who is looking; the same for all of a visitor's pages. None: the default is shown, and nothing is counted."
        ),
    )
    variants = IdentifierListField(
        max_length=10,
        required=False,
        default=(),
        help_text=_(
            "The variants that the page knows, also the one that its default stands for. With any other, the default is shown "
            "and nothing is counted."
        ),
    )


class AbExperiment(Widget):
    """One variant of a place in the page. Sumeru chooses it once for each visitor."""

    name = "ab_experiment"
    title = gettext_lazy("Experiment")
    description = _("Shows each visitor one variant of a place in the page, and the same one every time.")
    audience = "visitor"
    Params = ExperimentParams
    styles = ("ab_experiment.css",)
    parts = tokens.parts(
        experiment=_("The box around what was chosen."),
    )
    example = {"experiment": "headline", "visitor_id": "visitor-1"}

    def context(self, call: Call, source: Source) -> Context:
        """``variant``, ``payload`` and ``assigned_at`` as Sumeru decided; ``slot``, ``widget`` and ``exposure`` are what is shown of it.

        Without a visitor, for an unknown experiment and while nothing is decided: the control group's default, ``assigned_at`` None
        and no exposure; ``decided`` is False, and the answer not fresh while Sumeru could not be asked. Always something to show:
        nothing here would hide the page's own content.
        """
        assignment = _assignment(call, source)
        name = call.params.experiment
        if assignment is None:
            return _view(name, CONTROL, {}, None, "", None, decided=False)
        payload = assignment.payload if _fits(assignment.payload) else {}
        variant = assignment.variant
        # A slot is asked for only where the page may have one, so that exposure means "was on the page".
        slot = variant if is_identifier(variant) and variant in (call.params.variants or (variant,)) else ""
        widget = _widget_of(call, payload)
        context = _view(name, variant, payload, assignment.assigned_at, slot, widget, decided=True)
        if slot or widget or variant == CONTROL:
            context["exposure"] = {"experiment": name, "variant": variant}
        return context


def assignment_query(experiment: str, visitor_id: str) -> Query:
    """The read of a visitor's assignment."""
    return Query.of(EXPERIMENT, experiment=experiment, visitor_id=visitor_id)


def _assignment(call: Call, source: Source) -> Assignment | None:
    if not call.params.visitor_id:
        return None
    try:
        assignment: Assignment = source.get(assignment_query(call.params.experiment, call.params.visitor_id))
    except Missing:
        return None
    except Pending:
        # Undecided is shown as the default at once: waiting would leave a hole in the page, changing later a flicker.
        source.fresh = False
        return None
    return assignment


def _view(
    experiment: str,
    variant: str,
    payload: Mapping[str, Any],
    assigned_at: object,
    slot: str,
    widget: Context | None,
    *,
    decided: bool,
) -> Context:
    return {
        "experiment": experiment,
        "variant": variant,
        "payload": dict(payload),
        "decided": decided,
        "assigned_at": assigned_at,
        "slot": slot,
        "widget": widget,
        "exposure": None,
    }


def _fits(payload: Mapping[str, Any]) -> bool:
    return len(json.dumps(payload).encode()) <= PAYLOAD_LIMIT_BYTES


def _widget_of(call: Call, payload: Mapping[str, Any]) -> Context | None:
    """The other widget that a payload names, None when it names none or one that could not be. Experiments do not nest."""
    name, placement = payload.get("widget"), payload.get("placement") or ""
    if not isinstance(name, str) or not _WIDGET.fullmatch(name) or name == AbExperiment.name:
        return None
    if not isinstance(placement, str) or not _PLACEMENT.fullmatch(placement):
        return None
    params = _params_of(payload.get("params"))
    if params is None:
        return None
    if placement:
        params["placement"] = placement
    if call.params.locale:
        params["locale"] = call.params.locale
    page_url = f"{call.page_url.rpartition('/')[0]}/{name}"
    label = payload.get("label")
    return {
        "name": name,
        "attributes": [{"name": key.replace("_", "-"), "value": value} for key, value in sorted(params.items())],
        "url": f"{page_url}?{urlencode(sorted(params.items()))}" if params else page_url,
        "label": formatting.clipped(label, 80) if isinstance(label, str) and label else gettext("Show"),
    }


def _params_of(given: object) -> dict[str, str] | None:
    """The parameters of a payload, all of them; None when one could not be passed on, for the others alone ask for something else."""
    if given is None:
        return {}
    if not isinstance(given, dict) or len(given) > PARAMS_LIMIT:
        return None
    fits = all(
        _PARAM.fullmatch(key) and key != "type" and isinstance(value, str | int) and _VALUE.fullmatch(str(value))
        for key, value in given.items()
    )
    return {key: str(value) for key, value in given.items()} if fits else None
