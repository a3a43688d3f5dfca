"""Trying a shop's connection: the client's probe without its writes, within a time that a person waits, in words."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from sumeru_proxy import health
from sumeru_proxy.client.api import Observed, Sumeru
from sumeru_proxy.client.probe import Finding, Probe, ProbeTarget

TOTAL_S = 20.0
"""No further call is begun after this."""
PACE_S = 0.7
"""Between two calls, so that the test alone does not fill the limit of 100 a minute."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One call. ``state`` is ``ok``, ``waiting`` (a full limit), ``failing`` or ``unused`` (left out); ``took`` in words."""

    endpoint: str
    state: str
    took: str
    outcome: str
    request_id: str = ""


def trial_of(finding: Finding, observation: Observed | None) -> Trial:
    """A finding in words. ``observation`` is the last try's observation, None when nothing was tried."""
    if not finding.called:
        return Trial(finding.endpoint, "unused", "", _("left out: %s") % finding.error)
    took = f"{finding.milliseconds:.0f} ms"
    request_id = observation.meta.request_id if observation else ""
    if finding.error:
        state = "waiting" if observation and observation.error == "Limited" else "failing"
        return Trial(finding.endpoint, state, took, finding.error, request_id)
    parts = [ngettext("%d field read", "%d fields read", len(finding.mapped)) % len(finding.mapped)]
    if finding.misfit:
        parts.append(_("of an unexpected form: %s") % ", ".join(finding.misfit[:5]))
    if finding.skipped:
        parts.append(_("unreadable entries: %s") % ", ".join(finding.skipped[:5]))
    if finding.withheld:
        parts.append(_("not shown, since not given: %s") % ", ".join(finding.withheld))
    return Trial(finding.endpoint, "ok" if finding.good else "failing", took, "; ".join(parts), request_id)


def run(shop_id: int, sumeru: Sumeru, *, total_s: float = TOTAL_S, pace_s: float = PACE_S) -> list[Trial]:
    """Every endpoint that can be asked without writing, each once; notes the shop's health.

    Give it a page-lane client, which is tried once per call. Sleeps between calls and begins none after ``total_s`` seconds,
    so it lasts at most that and one call's budget. Never raises the client's errors.
    """
    observations: list[Observed] = []
    note = sumeru.observer or health.observer(shop_id)

    def watch(observation: Observed) -> None:
        observations.append(observation)
        note(observation)

    trials: list[Trial] = []
    deadline = time.monotonic() + total_s
    for finding in Probe(sumeru.watched_by(watch), ProbeTarget()).findings():
        trials.append(trial_of(finding, observations[-1] if finding.called and observations else None))
        if time.monotonic() >= deadline:
            trials.append(Trial("…", "unused", "", _("The time for this test was up: Sumeru answers slowly.")))
            break
        if finding.called:
            time.sleep(pace_s)
    return trials
