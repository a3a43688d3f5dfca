"""The rows of the catalogue index: which products a shop has, and how far the walk through its feed is (see ``reading/catalogue.py``)."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class CatalogueEntry(models.Model):
    """A product as the feed named it last. ``product_text`` is the whole of it, as JSON of the upstream's own shape."""

    shop = models.ForeignKey("sumeru_proxy.Shop", models.CASCADE, related_name="+")
    product_id = models.CharField(max_length=200)
    handle = models.CharField(max_length=200, blank=True, default="")
    other_id = models.CharField(max_length=200, blank=True, default="")
    product_text = models.TextField()
    made_under = models.JSONField(default=list)
    passes = models.PositiveBigIntegerField(default=0)
    seen_at = models.FloatField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["shop", "product_id"], name="one_entry_per_product")]
        indexes: ClassVar = [
            models.Index(fields=["shop", "handle"], name="entry_handle"),
            models.Index(fields=["shop", "other_id"], name="entry_other_id"),
            models.Index(fields=["shop", "passes"], name="entry_passes"),
        ]

    def __str__(self) -> str:
        return self.product_id


class CatalogueWalk(models.Model):
    """How far a shop's feed was walked. Times are Unix seconds; 0 is never. One worker at a time has it, until ``lease_until``."""

    shop = models.OneToOneField("sumeru_proxy.Shop", models.CASCADE, related_name="+")
    cursor = models.CharField(max_length=512, blank=True, default="")
    passes = models.PositiveBigIntegerField(default=0)
    pages = models.PositiveIntegerField(default=0)
    products = models.PositiveIntegerField(default=0)
    began_at = models.FloatField(default=0.0)
    completed_began_at = models.FloatField(default=0.0)
    completed_at = models.FloatField(default=0.0)
    completed_products = models.PositiveIntegerField(default=0)
    asked_at = models.FloatField(default=0.0)
    next_at = models.FloatField(default=0.0, db_index=True)
    lease_until = models.FloatField(default=0.0)
    failures = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=60, blank=True, default="")

    def __str__(self) -> str:
        return f"{self.shop_id}: {self.products}"
