"""The base of the admin pages for rows that the server writes: people look at them and decide, but never type them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from django import forms
from django.contrib import admin
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.decorators import method_decorator
from django.utils.text import capfirst
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from sumeru_proxy.models import Shop

M = TypeVar("M", bound=Model)

if TYPE_CHECKING:

    class _ModelAdmin(admin.ModelAdmin[M], Generic[M]):
        pass
else:

    class _ModelAdmin(admin.ModelAdmin, Generic[M]):
        pass


class RowAdmin(_ModelAdmin[M]):
    """Lists and shows rows; nothing is added, edited or deleted one by one.

    Deleting a shop deletes its rows too: that takes the permission to delete them, although no page here offers it.
    """

    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 200
    open_lookups: ClassVar[frozenset[str]] = frozenset({"shop__id__exact"})
    """What an address may filter by. Django allows every column, and with ``body_text__contains`` even people who may not see a
    body could guess it letter by letter."""

    class Media:
        """Our style sheet."""

        css = {"all": ("admin.css",)}
        js = (forms.Script("admin.js", defer=True),)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only the lookups that our own filters use."""
        return lookup in self.open_lookups

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows are made by what happens."""
        return False

    def get_list_display(self, request: HttpRequest) -> Any:
        """Without the shop when the list is of one shop."""
        columns = super().get_list_display(request)
        return [name for name in columns if name != "shop"] if request.GET.get("shop__id__exact") else columns

    def get_actions(self, request: HttpRequest) -> Any:
        """Without deleting."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """There is none. Raises PermissionDenied."""
        raise PermissionDenied

    def shop_chosen(self, request: HttpRequest) -> Shop | None:
        """The shop that the list is filtered by, when this person may see it."""
        requested_id = request.GET.get("shop__id__exact", "")
        shop = (
            Shop.objects.filter(pk=int(requested_id)).first()
            if requested_id.isdecimal() and len(requested_id) < 19
            else None
        )
        of_shops = self.admin_site.get_model_admin(Shop)
        return shop if shop is not None and of_shops.has_view_permission(request, shop) else None

    def tabs_of(self, request: HttpRequest, shop: Shop | None, here: str) -> list[dict[str, Any]]:
        """The shop's pages, to go to and fro; empty without a shop or the permission to see it."""
        of_shops: Any = self.admin_site.get_model_admin(Shop)
        if shop is None or not of_shops.has_view_permission(request, shop):
            return []
        tabs: list[dict[str, Any]] = of_shops.tabs(request, shop, here)
        return tabs

    def row_or_404(self, request: HttpRequest, object_id: str) -> M:
        """The row. Raises Http404, and PermissionDenied for those who may not see it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        return row

    def perform(self, request: HttpRequest, row: M, acts: dict[str, Callable[[], HttpResponse | None]]) -> HttpResponse:
        """A POST with ``do`` on a row's page: acts, or answers with the page that the act asks back with.

        Raises PermissionDenied for those who may not change the row.
        """
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        act = acts.get(request.POST.get("do", ""))
        answer = act() if act is not None else None
        return answer or HttpResponseRedirect(request.path)

    def page_context(self, request: HttpRequest, row: M | None, title: str, **more: Any) -> dict[str, Any]:
        """What every page of ours needs."""
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": row,
            "title": title,
            "subtitle": None,
            "media": self.media,
            "is_popup": False,
            **more,
        }

    # Error pages and mails never show what was posted, nor what a row holds.
    @method_decorator(sensitive_post_parameters())
    @method_decorator(sensitive_variables())
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """As Django's, under a plain title."""
        extra = {"title": capfirst(self.opts.verbose_name_plural), **(extra_context or {})}
        return super().changelist_view(request, extra)
