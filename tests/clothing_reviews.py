"""Turns the "Women's E-Commerce Clothing Reviews" data set into a one-shop catalogue of the sandbox.

``python -m tests.clothing_reviews reviews.csv catalogue.json``; every row becomes one review, rows without a text too.
"""

from __future__ import annotations

import csv
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sumeru_proxy.sandbox.catalogue import check_catalogue
from sumeru_proxy.sandbox.endpoints import ALL_SCOPES

Item = dict[str, Any]
DOMAIN = "clothing.example"
PUBLIC_KEY = "pk_live_" + "C10th1ngRev1ewsKey00000000000000"
TOKEN = "copt_test_C10th1ngRev1ewsT0ken000000000000"
COLUMNS = (
    "Clothing ID",
    "Age",
    "Title",
    "Review Text",
    "Rating",
    "Positive Feedback Count",
    "Department Name",
    "Class Name",
)
FIRST_MOMENT = datetime(2025, 1, 1, tzinfo=UTC)


def catalogue_of(path: str | Path) -> Item:
    """The catalogue of a CSV file. Raises OSError, or ValueError naming the line that does not fit."""
    products: dict[str, Item] = {}
    reviews: list[Item] = []
    with Path(path).open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{path}: no column {', '.join(missing)}")
        for number, row in enumerate(reader):
            product_id = f"prd_{row['Clothing ID']}"
            if product_id not in products:
                products[product_id] = _product(product_id, row, len(products))
            try:
                reviews.append(_review(number, product_id, row))
            except ValueError as error:
                raise ValueError(f"{path}: line {reader.line_num}: {error}") from None
    collections = {product["collections"][0]: product["tags"][0] for product in products.values()}
    shop = {
        "domain": DOMAIN,
        "name": "Clothing reviews",
        "currency": "USD",
        "origins": [f"https://{DOMAIN}", "http://localhost:3000", "http://127.0.0.1:3000"],
        "public_key": PUBLIC_KEY,
        "tokens": [{"id": "key_1", "token": TOKEN, "name": "Everything", "scopes": ALL_SCOPES, "plan": "agency"}],
        "collections": [{"handle": handle, "title": title} for handle, title in collections.items()],
        "products": list(products.values()),
        "reviews": reviews,
    }
    return check_catalogue({"version": 1, "name": "Clothing reviews", "shops": [shop]})


def _product(product_id: str, row: dict[str, str], place: int) -> Item:
    department, kind = row["Department Name"] or "Other", row["Class Name"] or "Garment"
    title = f"{department} · {kind} {row['Clothing ID']}"
    drawing = "jacket" if department == "Jackets" else "sweater"
    return {
        "id": product_id,
        "handle": f"{kind.lower().replace(' ', '-')}-{row['Clothing ID']}",
        "title": title,
        "url": "{storefront}/products/" + product_id,
        "vendor": "",
        "image": {"url": "{base}/media/" + f"layers-{drawing}-{place}.svg", "width": 800, "height": 800, "alt": title},
        "price": f"{29 + place % 90}.00",
        "compare_at_price": None,
        "currency": "USD",
        "available": True,
        "tags": [department, kind],
        "variant_id": f"var_{row['Clothing ID']}",
        "collections": [department.lower().replace(" ", "-")],
    }


def _review(number: int, product_id: str, row: dict[str, str]) -> Item:
    # The data set has no dates: rows are spread evenly, eleven hours apart.
    written_at = FIRST_MOMENT + timedelta(hours=11 * number)
    return {
        "id": f"rev_{number}",
        "product_id": product_id,
        "rating": int(row["Rating"]),
        "title": row["Title"],
        "body": row["Review Text"],
        "author": {"name": f"Shopper, {row['Age']}", "verified_buyer": False, "country": ""},
        "created_at": written_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "locale": "en",
        "variant_title": "",
        "helpful_count": int(row["Positive Feedback Count"]),
        "media": [],
        "reply": None,
    }


def main(arguments: list[str]) -> int:
    """Converts; the exit status is 2 for wrong arguments, 1 for a file that does not fit."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m tests.clothing_reviews REVIEWS.csv CATALOGUE.json\n")
        return 2
    try:
        catalogue = catalogue_of(arguments[0])
        Path(arguments[1]).write_text(json.dumps(catalogue, ensure_ascii=False), encoding="utf-8")
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    shop = catalogue["shops"][0]
    print(f"{len(shop['reviews'])} reviews of {len(shop['products'])} products")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
