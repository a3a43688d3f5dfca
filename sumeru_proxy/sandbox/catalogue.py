"""Catalogues: the built-in ones, and any file in the documented format (see the package's docstring)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from sumeru_proxy.sandbox.catalogue_format import CatalogueError, check_catalogue
from sumeru_proxy.sandbox.demo_catalogue import generated
from sumeru_proxy.sandbox.small_shop import small_catalogue

__all__ = ["CatalogueError", "built_in", "check_catalogue", "demo_shops", "load", "small_catalogue"]

Item = dict[str, Any]


@cache
def built_in() -> Item:
    """The made-up brand and its little sister: the same at every call and on every machine. Not to be changed."""
    return generated()


def load(path: str | Path) -> Item:
    """A catalogue from a JSON file. Raises OSError, or CatalogueError naming the file and the JSON path."""
    try:
        return check_catalogue(json.loads(Path(path).read_bytes()))
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
