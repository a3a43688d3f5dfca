"""The pages of a shop beside its settings: its widgets, the embed code, the preview."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sumeru_proxy.models import Shop
from widgets import registry
from widgets.admin import serializer_fields, snippets
from widgets.base import Widget, WidgetParams
from widgets.http import embed
from widgets.models import Placement

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

AUDIENCES = {
    "public": gettext_lazy("everybody sees the same; may be cached"),
    "cart": gettext_lazy("about one cart; never cached"),
    "visitor": gettext_lazy("about one visitor; never cached"),
    "customer": gettext_lazy("about one customer; never cached"),
}
WIDTHS = (
    ("360", gettext_lazy("Phone, 360 px")),
    ("768", gettext_lazy("Tablet, 768 px")),
    ("1280", gettext_lazy("Desktop, 1280 px")),
)
SCHEMES = (("light", gettext_lazy("Light")), ("dark", gettext_lazy("Dark")))
DIRECTIONS = (("ltr", gettext_lazy("Left to right")), ("rtl", gettext_lazy("Right to left")))


def public_base(request: HttpRequest) -> str:
    """Scheme and host under which storefronts reach this server."""
    return str(settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/"))


def place_of(request: HttpRequest, shop: Shop) -> snippets.EmbedPlace:
    """Addresses for the embed code; without a built loader the pinned form is left out."""
    try:
        loader = embed.loader()
    except FileNotFoundError:
        return snippets.EmbedPlace(public_base(request), shop.key, own_path=shop.public_url)
    return snippets.EmbedPlace(public_base(request), shop.key, loader.hash, loader.integrity, shop.public_url)


def widgets_page(_admin: ModelAdmin[Shop], request: HttpRequest, shop: Shop, context: dict[str, Any]) -> HttpResponse:
    """Every widget of this release with its settings in this shop."""
    placements: dict[str, list[Placement]] = {}
    for placement in Placement.objects.filter(shop=shop):
        placements.setdefault(placement.widget, []).append(placement)
    rows = []
    for name, widget in registry.all_widgets().items():
        of_widget = placements.pop(name, [])
        base = next((each for each in of_widget if not each.name), None)
        rows.append(
            {
                "widget": widget,
                "audience": AUDIENCES[widget.audience],
                "base": base,
                "enabled": base is None or base.enabled,
                "changed": serializer_fields.option_words(widget.Options, base.options) if base else [],
                "named": [
                    {"placement": each, "changed": serializer_fields.option_words(widget.Options, each.options)}
                    for each in of_widget
                    if each.name
                ],
                "add_url": _add_url(shop, name),
            }
        )
    context |= {
        "rows": rows,
        "orphans": [each for group in placements.values() for each in group],
        "may_add": request.user.has_perm("widgets.add_placement"),
        "may_change": request.user.has_perm("widgets.change_placement"),
        "may_view": request.user.has_perm("widgets.view_placement"),
    }
    return TemplateResponse(request, "admin/sumeru_proxy/shop/widgets.html", context)


def _add_url(shop: Shop, widget: str) -> str:
    return f"{reverse('admin:widgets_placement_add')}?{urlencode({'shop': shop.pk, 'widget': widget})}"


def embed_page(_admin: ModelAdmin[Shop], request: HttpRequest, shop: Shop, context: dict[str, Any]) -> HttpResponse:
    """The code to copy into a storefront."""
    place = place_of(request, shop)
    cards = [
        {
            "widget": widget,
            "snippets": snippets.for_widget(
                place,
                name,
                str(widget.title),
                dict(widget.example),
                public=widget.audience == "public",
                form=widget.Form is not None,
            ),
        }
        for name, widget in registry.all_widgets().items()
    ]
    context |= {
        "cards": cards,
        "set_ups": snippets.set_ups(place),
        "policy": snippets.policy(place.browser),
        "place": place,
        "origins": list(shop.origins.all()),
        "is_local": place.base.startswith("http://"),
    }
    return TemplateResponse(request, "admin/sumeru_proxy/shop/embed.html", context)


class PreviewForm(forms.Form):
    """What to show and how; the widget's own parameters are added per widget."""

    widget = forms.ChoiceField(label=gettext_lazy("Widget"))
    width = forms.ChoiceField(label=gettext_lazy("Width"), choices=WIDTHS, required=False)
    scheme = forms.ChoiceField(label=gettext_lazy("Colours"), choices=SCHEMES, required=False)
    direction = forms.ChoiceField(label=gettext_lazy("Direction"), choices=DIRECTIONS, required=False)

    def __init__(self, data: Mapping[str, Any], widget: Widget, placements: list[str]) -> None:
        super().__init__(data)
        choices = [(name, str(each.title)) for name, each in registry.all_widgets().items()]
        self.fields["widget"].choices = choices  # type: ignore[attr-defined]
        for name, field in serializer_fields.form_fields(widget.Params).items():
            if name == "placement":
                field = forms.ChoiceField(
                    label=_("Placement"),
                    required=False,
                    choices=[("", _("everywhere")), *((each, each) for each in placements)],
                )
            elif name == "locale":
                field = forms.ChoiceField(
                    label=_("Language"), required=False, choices=[("", _("the shop's")), *settings.LANGUAGES]
                )
            self.fields[f"p_{name}"] = field


def own_first(widget: Widget) -> list[str]:
    """The parameters' names: the widget's own before those that every widget has."""
    common = set(WidgetParams().fields)
    return sorted(serializer_fields.form_fields(widget.Params), key=lambda name: name in common)


def preview_query(widget: Widget, data: Mapping[str, Any]) -> dict[str, str]:
    """The widget's parameters among a form's raw values (``p_…``), without empty ones. Validity is the widget's business."""
    query = {}
    for name in serializer_fields.form_fields(widget.Params):
        value = str(data.get(f"p_{name}", "")).strip()
        if value and value != "off":
            query[name] = "1" if value == "on" else value[:300]
    return query


def preview_page(_admin: ModelAdmin[Shop], request: HttpRequest, shop: Shop, context: dict[str, Any]) -> HttpResponse:
    """The real widget in a frame, for the chosen product, width, colours and direction."""
    widgets = registry.all_widgets()
    if not widgets:
        return TemplateResponse(request, "admin/sumeru_proxy/shop/preview.html", context | {"form": None})
    widget = widgets.get(request.GET.get("widget", "")) or widgets.get("reviews") or next(iter(widgets.values()))
    names = list(
        Placement.objects.filter(shop=shop, widget=widget.name).exclude(name="").values_list("name", flat=True)
    )
    data = {"width": "360", "scheme": "light", "direction": "ltr", **request.GET.dict(), "widget": widget.name}
    form = PreviewForm(data, widget, names)
    form.is_valid()
    query = preview_query(widget, data)
    serializer = widget.Params(data=query)
    problems = {} if serializer.is_valid() else serializer_fields.messages_of(serializer.errors)
    has_params = any(name.startswith("p_") for name in request.GET)
    address = reverse("page", args=[shop.key, widget.name])
    base = Placement.objects.filter(shop=shop, widget=widget.name, name="").first()
    context |= {
        "form": form,
        "widget": widget,
        "picks": [form[name] for name in ("widget", "width", "scheme", "direction")],
        "params": [form[f"p_{name}"] for name in own_first(widget)],
        "address": f"{address}?{urlencode(sorted(query.items()))}" if query else address,
        "ready": not problems and shop.active and (base is None or base.enabled),
        "problems": [(name.replace("_", " "), texts) for name, texts in problems.items()] if has_params else [],
        "asked": has_params,
        "off": bool(base and not base.enabled),
        "view": {
            "width": _one_of(data["width"], WIDTHS),
            "scheme": _one_of(data["scheme"], SCHEMES),
            "direction": _one_of(data["direction"], DIRECTIONS),
        },
    }
    return TemplateResponse(request, "admin/sumeru_proxy/shop/preview.html", context)


def _one_of(value: object, choices: tuple[tuple[str, Any], ...]) -> str:
    names = [name for name, _label in choices]
    return str(value) if value in names else names[0]
