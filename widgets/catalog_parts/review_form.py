"""What a shopper fills in to review a product."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from widgets.catalog_parts.written_text import AddressField, AsideField, WrittenField


def _errors(text: Any) -> dict[str, Any]:
    """One sentence for whatever is wrong with a field."""
    return dict.fromkeys(
        ("required", "blank", "null", "invalid", "min_value", "max_value", "min_length", "max_length"), text
    )


class ReviewForm(serializers.Serializer[Any]):
    """What a shopper may submit. Limits are Sumeru's where known, else what fits on a page."""

    rating = serializers.IntegerField(
        min_value=1,
        max_value=5,
        help_text=_("1 to 5 stars."),
        error_messages=_errors(gettext_lazy("Please choose 1 to 5 stars.")),
    )
    title = WrittenField(
        max_length=120,
        required=False,
        default="",
        allow_blank=True,
        help_text=_("A headline."),
        error_messages=_errors(gettext_lazy("Please keep the headline to 120 characters.")),
    )
    body = WrittenField(
        max_length=5_000,
        help_text=_("The review."),
        error_messages=_errors(gettext_lazy("Please write a few words (at most 5,000 characters).")),
    )
    name = WrittenField(
        max_length=80,
        help_text=_("Shown with the review."),
        error_messages=_errors(gettext_lazy("Please give a name.")),
    )
    email = AddressField(
        max_length=190,
        help_text=_("Never shown."),
        error_messages=_errors(gettext_lazy("Please give an e-mail address such as name@example.com.")),
    )
    order_id = AsideField(
        max_length=190,
        help_text=_(
            "Optional, passed on as it is typed; marks the review as a verified purchase. Left out above 190 characters."
        ),
    )


def way_back(came_from: str, product_page: str) -> str:
    """Where a form without scripts leads: the page the shopper came from. Where only its origin was told, the product's page there."""
    page = urlsplit(came_from)
    if page.netloc and page.path in ("", "/") and not page.query and product_page:
        return urlunsplit(urlsplit(product_page)._replace(scheme=page.scheme, netloc=page.netloc))
    return came_from or product_page
