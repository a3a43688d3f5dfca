"""Photos and videos of a page of reviews: the first of each as pictures, the others as links, as far as a fragment holds them."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sumeru_proxy.client.shapes import Media, Review
from widgets.base import Context, ShopProfile
from widgets.i18n import formatting

PICTURES = 6
"""More of one review are links that unfold."""
LINK_BYTES = 4_000
"""What those links may take of a page of several reviews."""
ALONE_BYTES = 40_000
"""The same of the page of one review: some two hundred of them."""
_LINK_MARKUP_BYTES = 130


class ShownMedia(NamedTuple):
    """What of a review's attachments is in this page, in their order; ``whole`` unless there was no room for the rest."""

    items: list[Context]
    whole: bool


def media_of(shop: ShopProfile, reviews: Collection[Review]) -> dict[str, ShownMedia]:
    """By review id what is shown of its attachments."""
    left = ALONE_BYTES if len(reviews) == 1 else LINK_BYTES
    media_by_review: dict[str, ShownMedia] = {}
    for review in reviews:
        views: list[Context] = []
        whole = True
        for media in review.media:
            item = _item(shop, media)
            if item is None:
                continue
            if len(views) >= PICTURES:
                left -= len(item["url"]) + _LINK_MARKUP_BYTES
                if left < 0:
                    whole = False
                    break
            views.append(item)
        media_by_review[review.id] = ShownMedia(views, whole)
    return media_by_review


def _item(shop: ShopProfile, media: Media) -> Context | None:
    url = formatting.address(shop, media.url)
    if not url:
        return None
    return {
        "kind": media.kind,
        "url": url,
        "thumb_url": formatting.address(shop, media.thumb_url) or (url if media.kind == "image" else ""),
        "width": media.width,
        "height": media.height,
        "alt": formatting.clipped(media.alt),
    }
