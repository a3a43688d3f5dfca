"""How a page says which product a widget is about: by its id, or by its handle."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from widgets.base import WidgetParams

HANDLE = r"^[^\s/?#\x00-\x1f\x7f]{1,190}\Z"


class HandleField(serializers.RegexField):
    """The last part of a product page's address: at most 190 characters, no blanks, slashes, ``?`` or ``#``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            HANDLE, **{"trim_whitespace": False, "required": False, "default": "", "allow_blank": True, **kwargs}
        )


class ProductParams(WidgetParams):
    """For a widget about one product, which has a ``product_id`` of its own. ``requests.parse`` finds the product of a handle."""

    product_handle = HandleField(
        help_text=_("The product's handle, as in its address in the shop, instead of product_id.")
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises ValidationError without a product."""
        if not attrs.get("product_id") and not attrs.get("product_handle"):
            raise serializers.ValidationError(
                {"product_id": [_("Give product_id or product_handle.")]}, code="required"
            )
        return attrs
