"""Mixed load on several shops that sell the same product ids, every answer held against what that shop and product must say."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from sumeru_proxy.sandbox.server import small_catalogue
from sumeru_proxy.webhooks import signature
from tests.faults.running_site import review

MARKS = ("ALPHA", "BRAVO", "CHARLIE")
PRODUCTS = 12
REVIEWED = 3
"""How many products of each shop shoppers write about: few, so that a form is sent more often than it is fetched."""
FEWEST_REVIEWS = 3
WEIGHTS = {"fragment": 22, "json": 22, "badge": 20, "batch": 12, "feed": 8, "page": 3, "revalidated": 12, "miss": 1}
BATCH = ("feed", "badge", "json")
"""What a batch asks for, in order."""
_SAID = re.compile(r"(ALPHA|BRAVO|CHARLIE)x(\d+)x")
_COUNTED = re.compile(r"(\d+) reviews")
_THINK_S = 0.02
_REQUESTS_PER_CONNECTION = 200


def reviews_of(shop: int, product: int) -> int:
    """How many reviews a product has: no two products of any shops have as many, so a badge says whose it is."""
    return FEWEST_REVIEWS + shop * PRODUCTS + product - 1


def catalogue() -> dict[str, Any]:
    """Three shops with the same product ids; every text names its shop and its product."""
    made = small_catalogue()
    model, models = made["shops"][0]["reviews"][0], made["shops"]
    models.append({**models[1], "domain": "third.example", "public_key": "pk_live_" + "5" * 32, "tokens": []})
    for place, (shop, mark) in enumerate(zip(models, MARKS, strict=True)):
        origin = models[0]["products"][0]
        shop["products"] = [
            {**origin, "id": f"prd_{number}", "handle": f"thing-{number}", "title": f"{mark}x{number}x", "vendor": mark}
            for number in range(1, PRODUCTS + 1)
        ]
        shop["reviews"] = [
            {
                **model,
                "id": f"rev_{number}_{each}",
                "product_id": f"prd_{number}",
                "title": f"{mark}x{number}x",
                "body": f"{mark}x{number}x says so, for the {each}. time.",
            }
            for number in range(1, PRODUCTS + 1)
            for each in range(reviews_of(place, number))
        ]
    return made


@dataclass(frozen=True, slots=True)
class Shop:
    """One shop under load: where it is asked, its secret for webhooks, its domain at Sumeru, its place among the marks."""

    place: int
    key: str
    domain: str
    secret: str


@dataclass
class Seen:
    """What came of everything. Thread-safe by ``lock``."""

    statuses: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    checked: int = 0
    wrong: list[str] = field(default_factory=list)
    accepted: dict[str, int] = field(default_factory=dict)
    events: set[tuple[str, str]] = field(default_factory=set)
    took_s: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, status: int, seconds: float) -> None:
        with self.lock:
            self.statuses[f"{kind} {status}"] += 1
            if len(self.took_s) < 2_000_000:
                self.took_s.append(seconds)

    def judge(self, state: str, problem: str) -> None:
        with self.lock:
            self.states[state] += 1
            self.checked += 1
            if problem:
                self.wrong.append(problem)


def problem_of(shop: int, kind: str, product: int | None, text: str) -> str:
    """Why this complete answer is not this shop's about this product, empty when it is. ``product`` None: one that does not exist."""
    said = {(mark, int(number)) for mark, number in _SAID.findall(text)}
    foreign = {(mark, number) for mark, number in said if mark != MARKS[shop]}
    if foreign:
        return f"{kind}: {sorted(foreign)} in an answer of {MARKS[shop]}"
    if product is None:
        return f"{kind}: {sorted(said)} for a product that is not there" if said else ""
    if kind == "badge":
        counts = {int(found) for found in _COUNTED.findall(text)}
        right = reviews_of(shop, product)
        return "" if counts == {right} else f"badge: {sorted(counts)} reviews, not {right}"
    if (MARKS[shop], product) not in said:
        return f"{kind}: nothing of {MARKS[shop]}'s prd_{product}"
    others = {number for _, number in said} - {product}
    return f"{kind}: products {sorted(others)} instead of {product} alone" if others else ""


class Line:
    """A kept-alive connection that is opened anew after some requests, as browsers do."""

    def __init__(self, port: int) -> None:
        self._port, self._used = port, 0
        self._connection: http.client.HTTPConnection | None = None

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], str, float]:
        """Status (0: no answer), headers, text, seconds."""
        if self._connection is None or self._used >= _REQUESTS_PER_CONNECTION:
            self.close()
            self._connection, self._used = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20), 0
        self._used += 1
        began = time.perf_counter()
        try:
            self._connection.request(method, path, body, dict(headers or {}))
            answer = self._connection.getresponse()
            text = answer.read().decode()
            found = {name.lower(): value for name, value in answer.getheaders()}
        except (OSError, http.client.HTTPException, UnicodeDecodeError):
            self.close()
            return 0, {}, "", time.perf_counter() - began
        return answer.status, found, text, time.perf_counter() - began

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Load:
    """Threads that ask, submit and deliver until ``stop``. Each draws from a generator of its own, seeded."""

    def __init__(self, port: int, shops: list[Shop], seed: int, submissions_per_minute: float) -> None:
        self.port, self.shops, self.seed = port, shops, seed
        self.seen = Seen()
        self._submit_every_s = 60.0 / submissions_per_minute
        self._stopping = threading.Event()
        self._numbers = itertools.count(1)
        self._tokens: dict[tuple[int, int], str] = {}
        self._threads: list[threading.Thread] = []
        self.failed: list[BaseException] = []

    def start(self, readers: int) -> None:
        """Begin. Tokens of forms are fetched at once and used when a person could have filled them in."""
        work: list[Callable[[random.Random], None]] = [*([self._read] * readers), self._submit, self._deliver]
        for place, each in enumerate(work):
            draw = random.Random(f"{self.seed} {place}")
            self._threads.append(threading.Thread(target=self._guarded, args=(each, draw)))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop and wait for the last answers. Raises what a thread of the load itself failed with."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
        if self.failed:
            raise self.failed[0]

    def _guarded(self, work: Callable[[random.Random], None], draw: random.Random) -> None:
        try:
            work(draw)
        except BaseException as error:
            self.failed.append(error)
            raise

    def _read(self, draw: random.Random) -> None:
        line, etags = Line(self.port), dict[str, tuple[str, str]]()
        with contextlib.closing(line):
            while not self._stopping.wait(_THINK_S * draw.random() * 2):
                kind = draw.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
                shop, product = draw.choice(self.shops), min(PRODUCTS, int(draw.paretovariate(0.7)))
                if kind == "revalidated" and etags:
                    self._revalidate(line, *draw.choice(list(etags.items())))
                    continue
                kind = "json" if kind == "revalidated" else kind
                path = self._path(kind, shop, product)
                status, headers, text, seconds = line.ask("GET", path, headers={"Accept-Encoding": "identity"})
                self.seen.note(kind, status, seconds)
                if status != 200:
                    continue
                self._judge(kind, shop, product, text)
                if "etag" in headers and kind != "miss":
                    etags[path] = (headers["etag"], text)

    def _path(self, kind: str, shop: Shop, product: int) -> str:
        base, name = f"/w/v1/{shop.key}", f"product_id=prd_{product}"
        if kind == "batch":
            asked = [f"product_feed?product_ids=prd_{product}", f"rating_badge?{name}", f"reviews?{name}&limit=2"]
            return f"{base}/batch?" + "&".join(f"w={quote(each, safe='')}" for each in asked)
        return base + {
            "fragment": f"/reviews.html?{name}",
            "json": f"/reviews.json?{name}",
            "badge": f"/rating_badge.json?{name}",
            "feed": f"/product_feed.json?product_ids=prd_{product}",
            "page": f"/reviews?{name}",
            "miss": f"/reviews.json?product_id=prd_none_{next(self._numbers)}",
        }.get(kind, "")

    def _judge(self, kind: str, shop: Shop, product: int, text: str) -> None:
        if kind in ("fragment", "page"):
            # HTML says "pending" by holding nothing of the product yet, and then it must hold nothing of anybody's.
            state = "ready" if _SAID.search(text) else "pending"
            self.seen.judge(state, problem_of(shop.place, kind, product if state == "ready" else None, text))
            return
        value = json.loads(text)
        named = zip(BATCH, value["items"], strict=True) if kind == "batch" else [(kind, value)]
        for what, part in named:
            state = str(part["state"])
            there = None if kind == "miss" or state != "ready" else product
            self.seen.judge(state, problem_of(shop.place, what, there, json.dumps(part, ensure_ascii=False)))

    def _revalidate(self, line: Line, path: str, known: tuple[str, str]) -> None:
        etag, before = known
        headers = {"Accept-Encoding": "identity", "If-None-Match": etag}
        status, found, text, seconds = line.ask("GET", path, headers=headers)
        self.seen.note("revalidated", status, seconds)
        if status == 304:
            said = found.get("etag")
            self.seen.judge("304", "" if said == etag and not text else f"304 of {path}: {said}, asked for {etag}")
        elif status == 200 and found.get("etag") == etag and text != before:
            self.seen.judge("200", f"{path}: another text under the same validator")

    def _submit(self, draw: random.Random) -> None:
        line, sent = Line(self.port), list[tuple[Shop, int, int]]()
        with contextlib.closing(line):
            while not self._stopping.wait(self._submit_every_s * draw.random() * 2):
                if sent and draw.random() < 0.2:  # a shopper who saw no answer, or pressed twice
                    self._send(line, *draw.choice(sent))
                    continue
                shop, product = draw.choice(self.shops), draw.randint(1, REVIEWED)
                if (shop.place, product) not in self._tokens and not self._fetch_token(line, shop, product):
                    continue
                number = next(self._numbers)
                if self._send(line, shop, product, number):
                    sent.append((shop, product, number))

    def _fetch_token(self, line: Line, shop: Shop, product: int) -> bool:
        path = f"/w/v1/{shop.key}/reviews.json?product_id=prd_{product}&write=1"
        status, _, text, seconds = line.ask("GET", path)
        self.seen.note("form", status, seconds)
        form = (json.loads(text).get("data") or {}).get("form") if status == 200 else None
        if form:
            self._tokens[shop.place, product] = str(form["token"])
            self._stopping.wait(2.2)  # what is waited for is the least age of a form
        return bool(form)

    def _send(self, line: Line, shop: Shop, product: int, number: int) -> bool:
        fields = {**review(number, self._tokens[shop.place, product]), "rating": 1 + number % 5}
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        headers = {"Content-Type": "application/json", "X-Forwarded-For": address}
        path = f"/w/v1/{shop.key}/reviews?product_id=prd_{product}&write=1"
        status, _, _, seconds = line.ask("POST", path, json.dumps(fields).encode(), headers)
        self.seen.note("submission", status, seconds)
        if status in (200, 202):
            with self.seen.lock:
                self.seen.accepted[str(fields["key"])] = number
        return status in (0, 200, 202)

    def _deliver(self, draw: random.Random) -> None:
        line, before = Line(self.port), list[tuple[Shop, str, bytes]]()
        with contextlib.closing(line):
            while not self._stopping.wait(draw.random() * 2):
                shop = draw.choice(self.shops)
                event_id = f"evt_soak_{next(self._numbers)}"
                product = f"prd_{draw.randint(1, PRODUCTS)}"
                event = {
                    "id": event_id,
                    "type": draw.choice(["order.created", "customer.updated", "campaign.launched"]),
                    "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                    "shop_domain": shop.domain,
                    "data": {"order_id": "ord_1", "line_items": [{"product_id": product}]},
                }
                raw = json.dumps(event).encode()
                if before and draw.random() < 0.2:  # delivered again
                    shop, event_id, raw = draw.choice(before)
                forged = draw.random() < 0.1
                headers = {
                    "Content-Type": "application/json",
                    "X-Sumeru-Signature": signature.sign(raw, "wrong" if forged else shop.secret),
                }
                status, _, text, seconds = line.ask("POST", f"/hooks/sumeru/{shop.key}", raw, headers)
                self.seen.note("forged webhook" if forged else "webhook", status, seconds)
                if not forged and status == 200:
                    before.append((shop, event_id, raw))
                    with self.seen.lock:
                        self.seen.events.add((shop.key, event_id))
                elif forged and status != 401:
                    self.seen.judge("forged", f"a forged webhook was answered {status}: {text[:80]}")
