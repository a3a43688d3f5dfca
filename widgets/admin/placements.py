"""A widget's settings in a shop: real form fields made from the widget's own ``Options``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.encoding import force_str
from django.utils.translation import gettext_lazy as _

from sumeru_proxy.models import Shop
from widgets import registry
from widgets.admin import changes, serializer_fields
from widgets.admin.refusing import RefusesCredentials
from widgets.base import Widget
from widgets.models import Placement

if TYPE_CHECKING:
    _PlacementForm = forms.ModelForm[Placement]
    _ModelAdmin = admin.ModelAdmin[Placement]
else:
    _PlacementForm = forms.ModelForm
    _ModelAdmin = admin.ModelAdmin

PREFIX = "option_"


def base_options(shop: Shop, widget: Widget, name: str) -> dict[str, Any]:
    """What a placement inherits: the widget's defaults; a named placement also inherits the shop's settings of the widget."""
    values = serializer_fields.defaults(widget.Options)
    if name:
        base = Placement.objects.filter(shop=shop, widget=widget.name, name="").first()
        if base and isinstance(base.options, Mapping):
            values.update({key: value for key, value in base.options.items() if key in values})
    return values


def own_values(values: Mapping[str, Any], start: Mapping[str, Any]) -> dict[str, Any]:
    """The values that differ from the inherited ones. Only these are stored, so that the others follow later changes."""
    return {name: value for name, value in values.items() if name not in start or _plain(start[name]) != _plain(value)}


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(part) for part in value]
    return value if isinstance(value, bool | int | float) else force_str(value)


class PlacementForm(RefusesCredentials, _PlacementForm):
    """Base of the forms made per widget; ``widget_object`` and ``shop_object`` are set on the subclasses."""

    widget_object: Widget
    shop_object: Shop

    class Meta:
        model = Placement
        fields = ("name", "enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.shop, self.instance.widget = self.shop_object, self.widget_object.name
        own_options = self.instance.options if isinstance(self.instance.options, dict) else {}
        initial_options = {**base_options(self.shop_object, self.widget_object, self.instance.name), **own_options}
        for name, field in self.widget_object.Options().fields.items():
            if PREFIX + name in self.fields and name in initial_options:
                self.fields[PREFIX + name].initial = serializer_fields.shown_value(field, initial_options[name])

    def clean(self) -> dict[str, Any]:
        """Validates the values with the widget's own serializer, and shows its errors at their fields."""
        cleaned_data = super().clean() or {}
        if self.widget_object.name not in registry.all_widgets():
            return cleaned_data
        options = {name.removeprefix(PREFIX): value for name, value in cleaned_data.items() if name.startswith(PREFIX)}
        serializer = self.widget_object.Options(
            data=serializer_fields.entered_values(self.widget_object.Options, options)
        )
        if not serializer.is_valid():
            for name, texts in serializer_fields.messages_of(serializer.errors).items():
                self.add_error(PREFIX + name if PREFIX + name in self.fields else None, [*texts])
            return cleaned_data
        start = base_options(self.shop_object, self.widget_object, str(cleaned_data.get("name") or ""))
        self.instance.options = own_values(dict(serializer.data), start)
        return cleaned_data

    def validate_unique(self) -> None:
        """Also compares shop and widget, which are not fields of the form."""
        namesakes = Placement.objects.filter(
            shop=self.shop_object, widget=self.widget_object.name, name=self.cleaned_data.get("name") or ""
        ).exclude(pk=self.instance.pk)
        if namesakes.exists():
            self.add_error(
                "name", _("This widget already has settings of this name. Edit those, or choose another name.")
            )


class PlacementAdmin(_ModelAdmin):
    """Opened from a shop's widgets. Without shop and widget in the URL it leads back there."""

    list_display = ("widget_title", "shop", "name", "enabled")
    list_filter = ("enabled", "shop")
    search_fields = ("widget", "name", "shop__name")
    list_select_related = ("shop",)
    list_per_page = 50
    change_form_template = "admin/widgets/placement_form.html"

    @admin.display(description=_("widget"), ordering="widget")
    def widget_title(self, placement: Placement) -> str:
        """The widget's title, or its name when this release does not have it any more."""
        widget = registry.get(placement.widget)
        return str(widget.title) if widget else f"{placement.widget} ({_('not in this release')})"

    @admin.display(description=_("options"))
    def in_words(self, placement: Placement) -> str:
        """The stored settings in words; as stored when this release does not have the widget."""
        widget = registry.get(placement.widget)
        if widget is None:
            return str(placement.options)
        return ", ".join(serializer_fields.option_words(widget.Options, placement.options)) or str(
            _("Default settings")
        )

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Not in the index: placements are reached through their shop."""
        return False

    def _subject(self, request: HttpRequest, obj: Placement | None) -> tuple[Shop | None, Widget | None]:
        if obj is not None:
            return obj.shop, registry.get(obj.widget)
        shop = request.GET.get("shop", "")
        shop_row = Shop.objects.filter(pk=int(shop)).first() if shop.isdigit() and len(shop) < 19 else None
        return shop_row, registry.get(request.GET.get("widget", ""))

    def get_form(self, request: HttpRequest, obj: Placement | None = None, change: bool = False, **kwargs: Any) -> Any:
        """A form class with the widget's options as fields."""
        shop, widget = self._subject(request, obj)
        if shop is None or widget is None or (change and not self.has_change_permission(request, obj)):
            return super().get_form(request, obj, change=change, **kwargs)
        fields = serializer_fields.form_fields(widget.Options, prefix=PREFIX)
        kwargs["form"] = type(
            "PlacementForm", (PlacementForm,), {**fields, "widget_object": widget, "shop_object": shop}
        )
        kwargs["fields"] = ["name", "enabled", *fields]
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Placement | None = None) -> Any:
        """Where it applies, then the widget's options; the stored values only for those who may not change them."""
        _shop, widget = self._subject(request, obj)
        where = (None, {"fields": ["name", "enabled"]})
        if widget is None or (obj is not None and not self.has_change_permission(request, obj)):
            return [(None, {"fields": ["name", "enabled", "in_words"]})]
        options = list(serializer_fields.form_fields(widget.Options, prefix=PREFIX))
        if not options:
            return [where]
        text = _(
            "A setting left as it is follows the widget's default (a named placement: the shop's setting), also when that changes."
        )
        return [where, (_("Options"), {"fields": options, "description": text})]

    def get_readonly_fields(self, request: HttpRequest, obj: Placement | None = None) -> Any:
        """The stored JSON is never typed by hand."""
        return ["in_words"]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Without a shop and a widget: a redirect to the list where they are chosen."""
        shop, widget = self._subject(request, None)
        if shop is None or widget is None:
            messages.info(request, _("Choose a shop, then a widget under “Widgets”."))
            return HttpResponseRedirect(reverse("admin:sumeru_proxy_shop_changelist"))
        # Django's changelist filters of the URL must not become initial values; shop and widget stay in the form's address.
        address = f"?{urlencode({'shop': shop.pk, 'widget': widget.name})}"
        extra = {
            "title": _("Settings of %s") % widget.title,
            "shop": shop,
            "widget_object": widget,
            "show_save_and_add_another": False,
        }
        return super().add_view(request, form_url or address, {**(extra_context or {}), **extra})

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Only the name may be given by an address."""
        return {"name": request.GET.get("name", "")[:40]}

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """As Django's, under the widget's title."""
        placement = self.get_object(request, unquote(object_id))
        extra: dict[str, Any] = {}
        if placement is not None:
            widget = registry.get(placement.widget)
            extra = {
                "title": _("Settings of %s") % (widget.title if widget else placement.widget),
                "shop": placement.shop,
                "widget_object": widget,
                "show_save_and_add_another": False,
            }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **extra})

    def save_model(self, request: HttpRequest, obj: Placement, form: Any, change: bool) -> None:
        """Saves and makes the shop's finished answers stale in the same transaction."""
        super().save_model(request, obj, form, change)
        changes.settings_changed()

    def delete_model(self, request: HttpRequest, obj: Placement) -> None:
        """As save_model."""
        super().delete_model(request, obj)
        changes.settings_changed()

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """As save_model; Django runs it in the request's transaction only when we open one."""
        changes.delete_with_settings(queryset)

    def _to_shop(self, shop_id: int) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:sumeru_proxy_shop_widgets", args=[shop_id]))

    def response_post_save_add(self, request: HttpRequest, obj: Placement) -> HttpResponseRedirect:
        """Back to the shop's widgets."""
        return self._to_shop(obj.shop_id)

    def response_post_save_change(self, request: HttpRequest, obj: Placement) -> HttpResponseRedirect:
        """Back to the shop's widgets."""
        return self._to_shop(obj.shop_id)
