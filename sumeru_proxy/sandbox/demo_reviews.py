"""Draws the made-up shops' reviews from the sentence pools: uneven, multilingual, and with the oddities of real ones."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from sumeru_proxy.sandbox.product_tables import EMOJI, HOSTILE, VARIANTS
from sumeru_proxy.sandbox.review_texts import Voice
from sumeru_proxy.sandbox.review_texts_world import VOICES

Item = dict[str, Any]
FIRST_DAY = datetime(2024, 2, 1, 8, tzinfo=UTC)
DAYS = 1_000
LONG_WORD = "Wo" + "o" * 150 + "n" + "d" * 40 + "er" + "f" * 40 + "u" * 50 + "l" * 16


def counts(products: int, total: int, busiest: int, draw: random.Random) -> list[int]:
    """How many reviews each product has: the first the most, one in seven none, the rest by a long tail; about ``total``."""
    left = total - busiest
    ranks = list(range(1, products))
    draw.shuffle(ranks)
    weights = [0.0 if rank % 7 == 0 else (rank + 6) ** -0.85 for rank in ranks]
    whole = sum(weights)
    return [busiest, *(round(weight / whole * left) for weight in weights)]


def _voice(draw: random.Random) -> tuple[str, Voice]:
    point = draw.random() * sum(weight for _, _, weight in VOICES)
    for locale, voice, weight in VOICES:
        if point < weight:
            return locale, voice
        point -= weight
    return VOICES[0][0], VOICES[0][1]


def _pick(items: tuple[str, ...], draw: random.Random) -> str:
    return items[int(draw.random() * len(items))]


def _sentences(pool: tuple[str, ...], count: int, locale: str, draw: random.Random) -> str:
    # Japanese and Chinese put no space between sentences.
    return ("" if locale in ("ja", "zh-Hans") else " ").join(draw.sample(pool, min(count, len(pool))))


def _rating(quality: float, draw: random.Random) -> int:
    point = draw.random()
    if point < quality:
        return 5 if draw.random() < 0.72 else 4
    return (4, 3, 3, 2, 1)[int(draw.random() * 5)]


def _photos(seed: str, count: int) -> list[Item]:
    urls = ["{base}/media/photo-" + f"{seed}-{number}.svg" for number in range(1, count + 1)]
    return [
        {"type": "image", "url": url, "thumb_url": url, "width": 800, "height": 800, "alt": "Photo by the reviewer"}
        for url in urls
    ]


def _texts(rating: int, locale: str, voice: Voice, draw: random.Random) -> tuple[str, str]:
    if rating >= 4:
        title, pool = _pick(voice.glad_titles, draw), voice.glad
    elif rating == 3:
        title, pool = _pick(voice.mixed_titles, draw), voice.mixed
    else:
        title, pool = _pick(voice.cross_titles, draw), voice.cross
    length = (1, 1, 2, 2, 2, 3, 3, 4)[int(draw.random() * 8)]
    body = _sentences(pool, length, locale, draw)
    if rating == 4 and draw.random() < 0.5:
        body += ("" if locale in ("ja", "zh-Hans") else " ") + _pick(voice.mixed, draw)
    if draw.random() < 0.12:
        body += " " + _pick(EMOJI, draw)
    if draw.random() < 0.10:
        title = ""
    if draw.random() < 0.03:
        body = ""
    return title, body


def reviews(products: list[Item], total: int, busiest: int, draw: random.Random) -> list[Item]:
    """About ``total`` reviews, ``busiest`` of them on the first product, the hostile and very long ones among them."""
    found: list[Item] = []
    for place, (product, count) in enumerate(zip(products, counts(len(products), total, busiest, draw), strict=True)):
        subject = product["image"]["url"].removeprefix("{base}/media/").removesuffix(".svg")
        quality = 0.9 if place == 0 else 0.5 + 0.45 * draw.random()
        for _ in range(count):
            locale, voice = _voice(draw)
            rating = _rating(quality, draw)
            title, body = _texts(rating, locale, voice, draw)
            at = FIRST_DAY + timedelta(days=int(draw.random() ** 0.7 * DAYS), seconds=int(draw.random() * 50_000))
            photographed = bool(body) and draw.random() < 0.07
            answered = bool(body) and draw.random() < (0.4 if rating < 3 else 0.08)
            number = len(found) + 1
            found.append(
                {
                    "id": f"rev_{number}",
                    "product_id": product["id"],
                    "rating": rating,
                    "title": title,
                    "body": body,
                    "author": {
                        "name": _pick(voice.names, draw),
                        "verified_buyer": draw.random() < 0.72,
                        "country": _pick(voice.countries, draw),
                    },
                    "created_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "locale": locale,
                    "variant_title": _pick(VARIANTS, draw),
                    "helpful_count": int(draw.random() ** 6 * 60),
                    "media": _photos(f"{subject}-{number}", 1 + int(draw.random() * 3)) if photographed else [],
                    "reply": _reply(rating, voice, at) if answered else None,
                }
            )
        if place == 0:
            _make_odd(found)
    return found


def _reply(rating: int, voice: Voice, at: datetime) -> Item:
    body = voice.replies[0] if rating >= 3 else voice.replies[1]
    return {"body": body, "created_at": (at + timedelta(days=1, hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")}


def _make_odd(found: list[Item]) -> None:
    """Turns some reviews of the busiest product into what a storefront must survive."""
    for number, (title, body) in enumerate(HOSTILE):
        found[20 + number * 9] |= {"title": title, "body": body, "rating": 4, "locale": "en"}
    found[30] |= {"title": "Speechless", "body": LONG_WORD, "rating": 5, "locale": "en"}
    found[31] |= {"title": "", "body": "", "rating": 5}
    found[32] |= {"title": "👍👍👍", "body": "🥾🌧️😍", "rating": 5}
    found[33] |= {"author": {**found[33]["author"], "name": '<b>Bobby</b> "Tables"\'; DROP'}}
