"""``manage.py check_sumeru SHOP``: what a real account answers, endpoint by endpoint."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from sumeru_proxy import limit_stores
from sumeru_proxy.accounts import account_of
from sumeru_proxy.client.abilities import Ability, order_list_abilities
from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.client.probe import (
    CALL_S,
    BulkFinding,
    Finding,
    LimitFinding,
    Probe,
    ProbeTarget,
    bulk_cost,
    limits_told,
)
from sumeru_proxy.client.session import Budget
from sumeru_proxy.models import Shop
from sumeru_proxy.secrets import CredentialUnusable

ABILITY_BUDGET = Budget(1.0, 1.5, 1.5)
"""Each of the five calls that try lists of orders; an account that needs longer has said enough."""


class Command(BaseCommand):
    """Calls every endpoint once, in the worker lane (it may wait for the limits), and ends within half a minute: with status 1 when
    something is wrong."""

    help = "Call every Sumeru endpoint once for a shop and show which fields were mapped, missing or unknown."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The shop, and what to ask about."""
        parser.add_argument("shop", help="the shop's key (shp_…) or its name")
        parser.add_argument(
            "--write", action="store_true", help="call the writing endpoints too, with data marked as a test"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--product", default="", help="product id to ask about (default: the feed's first)")
        parser.add_argument("--quiz", default="", help="quiz id to start (with --write)")
        parser.add_argument("--experiment", default="", help="experiment to ask about")
        parser.add_argument("--webhook-url", default="", help="URL to subscribe (with --write)")

    def handle(self, *_: Any, **options: Any) -> None:
        """Raises CommandError for an unknown shop, an unusable credential, or endpoints that did not answer as known."""
        sumeru = Sumeru(_account(options["shop"]), lane="worker", store=limit_stores.shared())
        target = ProbeTarget(options["product"], options["quiz"], options["experiment"], options["webhook_url"])
        findings: list[Finding] = []
        probe = Probe(sumeru, target, write=options["write"])
        for finding in probe.findings():
            findings.append(finding)
            if not options["json"]:
                self.stdout.write("\n".join(_lines(finding)))
        limits = limits_told(sumeru, findings)
        # Neither says anything when Sumeru is too slow for the test itself.
        whole = probe.left_s >= CALL_S
        bulk = bulk_cost(sumeru, probe.product_ids if whole else ())
        abilities = tuple(order_list_abilities(sumeru.for_a_test(ABILITY_BUDGET, 1.0))) if whole else ()
        if options["json"]:
            shown = {
                "endpoints": [{**asdict(finding), "good": finding.good} for finding in findings],
                "limits": [{**asdict(limit), "verdict": limit.verdict} for limit in limits],
                "bulk_reads": [{**asdict(bulk), "verdict": bulk.verdict}],
                "order_lists": [asdict(ability) for ability in abilities],
            }
            self.stdout.write(json.dumps(shown, ensure_ascii=False, indent=2))
        else:
            self.stdout.write("\n".join([*_limit_lines(limits), *_bulk_lines(bulk), *_ability_lines(abilities)]))
        bad = [finding.endpoint for finding in findings if not finding.good]
        if bad:
            raise CommandError(f"not as known: {', '.join(bad)}")


def _account(name: str) -> Any:
    shops = list(Shop.objects.filter(Q(key=name) | Q(name=name))[:2])
    if len(shops) != 1:
        raise CommandError("several shops have this name: give the key" if shops else f"no shop {name!r}")
    try:
        return account_of(shops[0])
    except (CredentialUnusable, ValueError) as error:
        raise CommandError(str(error)) from None


def _lines(finding: Finding) -> list[str]:
    head = f"{finding.endpoint:<16} {finding.method:<5} {finding.path}"
    if not finding.called:
        word = "not asked" if finding.late else "left out"
        return [f"{head}\n    {word}: {finding.error}"]
    left = f"{finding.remaining} of {finding.limit} left" if finding.limit is not None else "no limits told"
    lines = [head, f"    {finding.status or '---'}  {finding.milliseconds:.0f} ms  {left}  {finding.x_cache}".rstrip()]
    for word, value in (
        ("error", finding.error),
        ("required, missing", finding.required_missing),
        ("unreadable items", ", ".join(finding.skipped)),
        ("not shown, since not given", ", ".join(finding.withheld)),
        ("wrong type", ", ".join(finding.misfit)),
        ("optional, missing", ", ".join(finding.optional_missing)),
        ("unknown", ", ".join(finding.unknown)),
        ("mapped", ", ".join(finding.mapped)),
    ):
        if value:
            lines.append(f"    {word}: {value}")
    return lines


def _limit_lines(limits: list[LimitFinding]) -> list[str]:
    return ["", "Limits per minute:"] + [
        f"    {each.limit_class:<13} account says {each.told}, configured {each.configured}: {each.verdict}"
        for each in limits
    ]


def _bulk_lines(bulk: BulkFinding) -> list[str]:
    return ["", "Cost of reads of many ids:", f"    {bulk.endpoint:<13} {bulk.items} ids: {bulk.verdict}"]


def _ability_lines(abilities: tuple[Ability, ...]) -> list[str]:
    if not abilities:
        return []
    return ["", "Lists of orders:"] + [
        f"    {each.name:<26} {each.verdict}{f' ({each.note})' if each.note else ''}" for each in abilities
    ]
