"""A widget's settings as form fields: what is stored, inherited, refused, and made stale."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework import serializers

from sumeru_proxy.models import Shop
from widgets import registry
from widgets.admin.placements import own_values
from widgets.base import Widget
from widgets.http import shops
from widgets.http.shops import ShopSettings
from widgets.models import Placement


class Sample(Widget):
    """A widget with every kind of option."""

    name: ClassVar[str] = "sample"
    title: ClassVar[str] = "Sample widget"
    description: ClassVar[str] = "Shows a sample."
    example: ClassVar[dict[str, str]] = {}

    class Options(serializers.Serializer[Any]):
        size = serializers.IntegerField(default=10, min_value=1, max_value=50, help_text="How many entries.")
        shown = serializers.BooleanField(default=True, help_text="Whether entries are shown.")
        order = serializers.ChoiceField(choices=[("new", "Newest"), ("old", "Oldest")], default="new")
        heading = serializers.CharField(default="", allow_blank=True, max_length=40)
        tags = serializers.ListField(child=serializers.SlugField(), default=list, help_text="Only entries with these.")
        from_price = serializers.DecimalField(max_digits=8, decimal_places=2, default="0.00", min_value=0)


@pytest.fixture(autouse=True)
def sample_widget(monkeypatch: pytest.MonkeyPatch) -> None:
    widget = Sample()
    monkeypatch.setattr(registry, "all_widgets", lambda: {"sample": widget})


def fields(**changes: Any) -> dict[str, Any]:
    return {
        "name": "",
        "enabled": "on",
        "option_size": "10",
        "option_shown": "on",
        "option_order": "new",
        "option_heading": "",
        "option_tags": "",
        "option_from_price": "0.00",
        **changes,
    }


def add_url(shop: Shop) -> str:
    return f"{reverse('admin:widgets_placement_add')}?shop={shop.pk}&widget=sample"


def settings_of(shop: Shop) -> ShopSettings | None:
    """What every process finds within a second, and compares with what its finished answers were made under."""
    return shops.recheck(shop.key)


@pytest.fixture
def plain_shop(db: None) -> Shop:
    return Shop.objects.create(name="Plain", domain="plain.example")


def test_options_are_fields_with_help_and_defaults(admin_client: Client, plain_shop: Shop) -> None:
    text = admin_client.get(add_url(plain_shop)).content.decode()
    assert "How many entries." in text
    assert 'name="option_size" value="10" min="1" max="50"' in text
    assert '<option value="old">Oldest</option>' in text
    assert "Only entries with these. One per line." in text
    assert 'name="options"' not in text


def test_only_what_differs_is_stored(admin_client: Client, plain_shop: Shop) -> None:
    before = settings_of(plain_shop)
    answer = admin_client.post(add_url(plain_shop), fields(option_size="20", option_tags="one\n\n two \n"))
    assert answer.status_code == 302
    assert answer.headers["Location"] == reverse("admin:sumeru_proxy_shop_widgets", args=[plain_shop.pk])
    placement = Placement.objects.get()
    assert (placement.shop, placement.widget, placement.name) == (plain_shop, "sample", "")
    assert placement.options == {"size": 20, "tags": ["one", "two"]}
    assert settings_of(plain_shop) != before


def test_changing_and_deleting_make_answers_stale_too(admin_client: Client, plain_shop: Shop) -> None:
    placement = Placement.objects.create(shop=plain_shop, widget="sample", options={"size": 20})
    address = reverse("admin:widgets_placement_change", args=[placement.pk])
    assert 'name="option_size" value="20"' in admin_client.get(address).content.decode()
    before = settings_of(plain_shop)
    data = fields(option_size="20", option_from_price="3.50")
    del data["option_shown"]  # an unticked box is not posted
    del data["enabled"]
    assert admin_client.post(address, data).status_code == 302
    placement.refresh_from_db()
    assert placement.options == {"size": 20, "shown": False, "from_price": "3.50"}
    assert placement.enabled is False
    assert (changed := settings_of(plain_shop)) != before
    admin_client.post(reverse("admin:widgets_placement_delete", args=[placement.pk]), {"post": "yes"})
    assert not Placement.objects.exists()
    assert settings_of(plain_shop) != changed


def test_deleting_several_makes_every_shop_stale(admin_client: Client, plain_shop: Shop) -> None:
    other = Shop.objects.create(name="Other", domain="other.example")
    chosen = [Placement.objects.create(shop=each, widget="sample").pk for each in (plain_shop, other)]
    data = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    assert admin_client.post(reverse("admin:widgets_placement_changelist"), data).status_code == 302
    assert not Placement.objects.exists()
    assert [dict(found.placements) for each in (plain_shop, other) if (found := settings_of(each))] == [{}, {}]


def test_a_named_placement_inherits_the_shops_settings(admin_client: Client, plain_shop: Shop) -> None:
    Placement.objects.create(shop=plain_shop, widget="sample", options={"size": 20, "order": "old"})
    data = fields(name="home", option_size="20", option_order="new")
    assert admin_client.post(add_url(plain_shop), data).status_code == 302
    assert Placement.objects.get(name="home").options == {"order": "new"}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"option_size": "51"}, "less than or equal to 50"),
        ({"option_size": "many"}, "Enter a whole number"),
        ({"option_order": "best"}, "Select a valid choice"),
        ({"option_tags": "not a slug"}, "slug"),
        ({"option_heading": "x" * 41}, "at most 40"),
        ({"option_from_price": "-1"}, "greater than or equal to 0"),
        ({"name": "No Spaces"}, "lower-case letters"),
    ],
)
def test_wrong_values_are_explained_at_their_field(
    admin_client: Client, plain_shop: Shop, changes: dict[str, str], complaint: str
) -> None:
    answer = admin_client.post(add_url(plain_shop), fields(**changes))
    assert answer.status_code == 200
    assert complaint in answer.content.decode()
    assert not Placement.objects.exists()


def test_a_second_placement_of_the_same_name_is_refused(admin_client: Client, plain_shop: Shop) -> None:
    Placement.objects.create(shop=plain_shop, widget="sample")
    answer = admin_client.post(add_url(plain_shop), fields())
    assert answer.status_code == 200
    assert "already has settings of this name" in answer.content.decode()


@pytest.mark.parametrize(
    "query", ["", "?shop=1", "?widget=sample", "?shop=x&widget=sample", "?shop=99999999&widget=sample"]
)
def test_without_shop_and_widget_there_is_nothing_to_set(admin_client: Client, db: None, query: str) -> None:
    answer = admin_client.get(reverse("admin:widgets_placement_add") + query)
    assert answer.status_code == 302
    assert answer.headers["Location"] == reverse("admin:sumeru_proxy_shop_changelist")


def test_settings_of_a_widget_that_is_gone_can_be_seen_and_deleted(admin_client: Client, plain_shop: Shop) -> None:
    placement = Placement.objects.create(shop=plain_shop, widget="gone", options={"a": 1})
    text = admin_client.get(reverse("admin:widgets_placement_change", args=[placement.pk])).content.decode()
    assert "does not have this widget" in text
    assert "gone" in admin_client.get(reverse("admin:sumeru_proxy_shop_widgets", args=[plain_shop.pk])).content.decode()
    admin_client.post(reverse("admin:widgets_placement_delete", args=[placement.pk]), {"post": "yes"})
    assert not Placement.objects.exists()


@pytest.mark.parametrize(
    ("chosen", "start", "own"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 2}, {"a": 1}, {"a": 2}),
        ({"a": False}, {"a": True}, {"a": False}),
        ({"a": "0.00"}, {"a": "0.00"}, {}),
        ({"a": ["x"]}, {"a": ("x",)}, {}),
        ({"a": []}, {"a": ["x"]}, {"a": []}),
        ({"b": 1}, {}, {"b": 1}),
        ({"a": "1"}, {"a": 1}, {"a": "1"}),
    ],
)
def test_own_values(chosen: dict[str, Any], start: dict[str, Any], own: dict[str, Any]) -> None:
    assert own_values(chosen, start) == own
