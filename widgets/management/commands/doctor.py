"""``manage.py doctor URL``: what is wrong with the widgets of a storefront page, and the line that fixes it."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sumeru_proxy.models import Shop
from widgets.doctor import asking, judging, plain_http
from widgets.doctor.table import Finding, finding


def shown(text: str) -> str:
    """The text as a terminal may have it: what a page wrote into it moves no cursor, changes no title and hides nothing."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


class Command(BaseCommand):
    """Ends with status 0 without errors, 1 with errors, 2 for unusable arguments. Warnings and hints do not change the status."""

    help = "Fetch a storefront page as a browser would and name what is wrong with its widgets, with the line that fixes it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The page, and the shop it should be for."""
        parser.add_argument("url", help="address of a storefront page, http or https")
        parser.add_argument("--shop", default="", help="key of the shop that the page is for (shp_…)")
        parser.add_argument(
            "--allow-private",
            action="store_true",
            help="also go to addresses that are not of the open internet, such as this machine's",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        """Raises CommandError (status 2) for unusable arguments; ends with status 1 when there is an error on the page."""
        shop = options["shop"]
        if shop and not Shop.objects.filter(key=shop).exists():
            known = ", ".join(f"{each.key} ({each.name})" for each in Shop.objects.all()[:10]) or "none yet"
            raise CommandError(f"There is no shop with the key {shop}. Shops: {known}.", returncode=2)
        url, found, loaders, widgets = options["url"], [], 0, 0
        try:
            case = asking.examined(url, shop, allow_private=options["allow_private"])
            url, loaders, widgets = case.page.url, len(case.page.loaders), len(case.page.widgets)
            found = judging.findings(case)
        except asking.Unusable as error:
            raise CommandError(str(error), returncode=2) from None
        except plain_http.Unreachable as error:
            found = [finding("page_unreachable", why=error, url=url)]
        counts = {name: sum(each.severity == name for each in found) for name in ("error", "warning", "info")}
        if options["json"]:
            report = {
                "url": url,
                "loaders": loaders,
                "widgets": widgets,
                "counts": counts,
                "findings": [asdict(each) for each in found],
            }
            self.stdout.write(json.dumps(report, indent=2))
        else:
            self.stdout.write(f"{shown(url)}: loaders {loaders}, widgets {widgets}")
            for each in found:
                self.stdout.write(self.lines(each))
            self.stdout.write(", ".join(f"{name}s: {count}" for name, count in counts.items()))
            if loaders:
                self.stdout.write(
                    "What only a browser sees: open the page with ?sumeru-debug at the end of its address."
                )
        if counts["error"]:
            sys.exit(1)

    def lines(self, each: Finding) -> str:
        """One finding for people."""
        style = {"error": self.style.ERROR, "warning": self.style.WARNING}.get(each.severity, str)
        where = f" (line {each.line})" if each.line else ""
        return f"{style(each.severity)} {each.code}{where}\n  {shown(each.text)}\n  fix: {shown(each.fix)}"
