"""Two shops with the same product ids on one server, asked by many at once while things go wrong: no body ever holds the other's."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sumeru_proxy.sandbox.catalogue import small_catalogue
from sumeru_proxy.sandbox.server import Sandbox, running
from tests.faults.crowds import faulty
from tests.faults.running_site import ENGINES, PLENTY, Site, site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

SECONDS = 15.0
THREADS = 64
MARKS = ("FIRSTMARK", "OTHERMARK")
_SECOND_SHOP = """
from sumeru_proxy import secrets
from sumeru_proxy.models import Shop, ShopOrigin
first = Shop.objects.get()
second = Shop.objects.create(name="Second", domain=%r, api_url=first.api_url, limits=first.limits, storefront_url="https://other.example/")
ShopOrigin.objects.create(shop=second, origin="https://other.example")
secrets.store(second, "public_key", %r)
print("key=" + second.key)
"""


def marked(catalogue: dict[str, Any]) -> dict[str, Any]:
    """Both shops sell the same ids; every text says whose it is."""
    first, second = catalogue["shops"][:2]
    products, reviews = first["products"], first["reviews"]
    for shop, mark in ((first, MARKS[0]), (second, MARKS[1])):
        shop["products"] = [{**product, "title": f"{mark} {product['id']}", "vendor": mark} for product in products]
        shop["reviews"] = [
            {**review, "id": f"{review['id']}_{mark}", "title": mark, "body": f"{mark} says so."} for review in reviews
        ]
    for name in ("bundles", "upsells", "nudges"):
        second.pop(name, None)
    return catalogue


@pytest.fixture(params=ENGINES)
def stage(request: Any, tmp_path: Any) -> Iterator[tuple[Site, Sandbox, tuple[str, str]]]:
    catalogue = marked(small_catalogue())
    with running(catalogue, limits=PLENTY, edge=False) as sandbox, site(request.param, tmp_path, sandbox) as place:
        other = catalogue["shops"][1]
        said = place.manage("shell", "-v", "0", "-c", _SECOND_SHOP % (other["domain"], other["public_key"]))
        yield place, sandbox, (place.key, said.split("key=")[1].strip())


def test_no_shop_ever_sees_anothers(stage: tuple[Site, Sandbox, tuple[str, str]]) -> None:
    place, sandbox, keys = stage
    web = place.web()
    forms = ("reviews.json", "reviews.html", "reviews", "rating_badge.json", "product_feed.json", "batch")
    counted: Counter[str] = Counter()
    end = time.monotonic() + SECONDS

    def shopper(number: int) -> Counter[str]:
        draw, etags, found = random.Random(number), dict[str, str](), Counter[str]()
        while time.monotonic() < end:
            which = draw.randrange(2)
            product, form = f"prd_{draw.randint(1, 8)}", draw.choice(forms)
            query = f"w=reviews%3Fproduct_id%3D{product}" if form == "batch" else f"product_id={product}"
            if form == "product_feed.json":
                query = f"product_ids={product}"
            path = f"/w/v1/{keys[which]}/{form}?{query}"
            headers = {"Accept-Encoding": "identity"}
            if path in etags and draw.random() < 0.3:
                headers["If-None-Match"] = etags[path]
            reply = web.get(path, headers=headers)
            text = reply.body.decode()
            found[str(reply.status)] += 1
            found["marked"] += MARKS[which] in text
            if MARKS[1 - which] in text:
                found[f"leaked: {path}"] += 1
            if "etag" in reply.headers:
                # A validator of one shop must never match at the other's address.
                etags[path] = reply.headers["etag"]
                etags[path.replace(keys[which], keys[1 - which])] = reply.headers["etag"]
                if reply.status == 304 and etags.get(path) != reply.headers["etag"]:
                    found["wrong 304"] += 1
        return found

    with ThreadPoolExecutor(THREADS) as pool:
        shoppers = [pool.submit(shopper, number) for number in range(THREADS)]
        for fault in ({"kind": "status", "status": 500}, {"kind": "reset"}, {"kind": "latency", "seconds": 1}):
            with faulty(sandbox, {**fault, "probability": 0.5}):
                for key in keys:
                    place.manage("invalidate", key, "everything")
        for each in shoppers:
            counted += each.result()
    print(place.engine, dict(counted))
    assert [name for name in counted if "leaked" in name or "wrong" in name] == []
    assert set(counted) <= {"200", "304", "marked"}
    assert counted["marked"] > 200
    assert counted["304"] > 0
    assert "Traceback" not in place.logs()
