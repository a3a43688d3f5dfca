"""Catalogues: the built-in ones, and any file in the documented format (see the package's docstring)."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sumeru_proxy.sandbox.catalogue_format import CatalogueError, check_catalogue

__all__ = ["CatalogueError", "built_in", "check_catalogue", "demo_shops", "load", "small_catalogue"]

Item = dict[str, Any]
FOLDER = Path(__file__).resolve().parent / "catalogues"
_AGE = re.compile(r"-P(?:(\d{1,5})D)?(?:T(?=\d)(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:(\d{1,5})S)?)?", re.ASCII)


@cache
def built_in() -> Item:
    """The made-up brand Ridge & Hollow and its little sister: the same at every call. Not to be changed."""
    return load(FOLDER / "demo.json")


def small_catalogue() -> Item:
    """Two shops with overlapping product ids and no two titles alike, made anew at every call: what tests want to reason about.

    ``small.example`` (EUR) has products prd_1 to prd_12; prd_1 has 45 reviews (ratings 5, 4, 3, 5, 1 in turn, three with photos,
    two with replies), prd_2 has 3, prd_3 has one with an empty title and body, the rest have none. ``other.example`` (USD) has
    prd_1 to prd_4; prd_1 has 2 reviews. Both have customers cus_1 to cus_3, orders ord_1 to ord_5, one bundle (of prd_1 and
    prd_2), the quiz ``quiz_1``, the experiment ``headline``, two nudges (50.00 and 100.00), and cus_1's claimed referral.
    """
    data: Item = json.loads((FOLDER / "small.json").read_bytes())
    return data


def load(path: str | Path, today: datetime | None = None) -> Item:
    """A catalogue from a JSON file; its ages count back from the start of ``today`` (UTC; now unless given).

    Raises OSError, or CatalogueError naming the file and the JSON path.
    """
    midnight = (today or datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0)

    def with_date(item: Item) -> Item:
        for name, value in item.items():
            if name.endswith("_at") and isinstance(value, str) and (age := _AGE.fullmatch(value)) and len(value) > 2:
                days, hours, minutes, seconds = (int(part or 0) for part in age.groups())
                moment = midnight - timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
                item[name] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        return item

    try:
        return check_catalogue(json.loads(Path(path).read_bytes(), object_hook=with_date))
    except CatalogueError as error:
        raise CatalogueError(f"{path}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise CatalogueError(f"{path}: not JSON: {error}") from None


def demo_shops(catalogue: Item) -> list[Item]:
    """Per shop ``{domain, name, currency, public_key, admin_token, origins}``; the token is the shop's first."""
    return [
        {
            "domain": shop["domain"],
            "name": shop.get("name") or shop["domain"],
            "currency": shop["currency"],
            "public_key": shop["public_key"],
            "admin_token": shop["tokens"][0]["token"] if shop.get("tokens") else None,
            "origins": list(shop.get("origins") or []),
        }
        for shop in catalogue["shops"]
    ]
