"""Gives the demo's shop its order targets, by the commands of the consumer that has them. Its own process; safe to repeat.

What is secret comes by the environment: ``DEMO_ERP_KEY``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import django
from django.core.management import call_command

from sumeru_proxy.sandbox import catalogue as catalogues

LONG_AGO: Final = "2020-01-01T00:00:00+00:00"
WEB_SHOP: Final = "demonstration"
DATABASE: Final = "erp"
TAXES: Final = ("4", "4.875", "5", "5.5", "7", "8", "10", "13", "19", "20", "22", "24")
CURRENCIES: Final = {"EUR": 2, "USD": 2, "GBP": 2, "JPY": 0, "KWD": 3}
COUNTRIES: Final = ("AT", "DE", "FR", "GB", "GR", "IT", "JP", "KW", "US")
MAX_PRODUCTS: Final = 300


def erp_plan(shop: Mapping[str, Any], year: int) -> dict[str, Any]:
    """What the demo's ERP holds before the first order: the shop's products, and every tax and currency of made-up orders. Pure."""
    products = [
        {"sku": f"SKU-{str(each['id']).removeprefix('prd_')}", "name": each["title"], "price": each["price"]}
        for each in shop["products"][:MAX_PRODUCTS]
    ]
    other = {"sku": "SUMERU-OTHER", "name": "Other", "type": "service"}
    gift = {"sku": "GIFT", "name": "Gift card", "type": "service"}
    return {
        "companies": [{"name": shop["name"], "currency": "EUR", "shops": {WEB_SHOP: "EUR"}}],
        "products": [other, gift, *products],
        "currencies": CURRENCIES,
        "countries": COUNTRIES,
        "taxes": TAXES,
        "years": [year - 1, year, year + 1],
    }


def write_plan(path: Path, catalogue: Path | None) -> None:
    """Write the plan for the first shop of the catalogue. Raises OSError and ValueError."""
    catalogue_data = catalogues.load(catalogue) if catalogue else catalogues.built_in()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(erp_plan(catalogue_data["shops"][0], datetime.now(UTC).year)), encoding="utf-8")


def main() -> None:
    """Subscribe to the shop's webhooks, add the targets, start them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--shop", required=True)
    parser.add_argument("--hook", required=True, help="this server's address of the shop's webhooks")
    parser.add_argument("--books", required=True, help="the folder of accounting files")
    parser.add_argument("--erp", help="where Tryton answers")
    options = parser.parse_args()
    django.setup()
    shop, output = options.shop, sys.stderr
    Path(options.books).mkdir(parents=True, exist_ok=True)
    call_command("subscribe", shop, "--url", options.hook, stdout=output)
    books = json.dumps({"folder": options.books})
    call_command("order_sync", "add", shop, "files", "--name", "books", "--options", books, stdout=output)
    if options.erp:
        place = {"url": options.erp, "database": DATABASE, "web_shop": WEB_SHOP, "state": "quotation"}
        command = ["order_sync", "add", shop, "tryton", "--name", "erp", "--options", json.dumps(place)]
        call_command(*command, "--secret", os.environ["DEMO_ERP_KEY"], stdout=output)
        call_command("order_sync", "check", shop, "--target", "erp", stdout=output)
    for name in ("books", *(["erp"] if options.erp else [])):
        call_command("order_sync", "start", shop, "--target", name, "--at", LONG_AGO, stdout=output)


if __name__ == "__main__":
    main()
