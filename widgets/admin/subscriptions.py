"""Webhook subscriptions in the admin: a shop's page that subscribes and changes the secret, and the list over all shops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from sumeru_proxy import secrets
from sumeru_proxy.client import errors
from sumeru_proxy.models import Credential, InboundEvent, Shop, Subscription
from sumeru_proxy.webhooks import subscribing, topics
from widgets.admin import credentials, moments, pages
from widgets.admin.refusing import RefusesCredentials
from widgets.admin.rows import RowAdmin

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

ALL = "*"


def may_see(request: HttpRequest) -> bool:
    """Whether a shop's subscriptions may be shown."""
    return any(request.user.has_perm(f"sumeru_proxy.{act}_subscription") for act in ("view", "add", "change"))


def may_subscribe(request: HttpRequest) -> bool:
    """Subscribing stores a secret: it takes the permission for both."""
    return request.user.has_perm("sumeru_proxy.add_subscription") and credentials.may_enter(request)


def may_rotate(request: HttpRequest) -> bool:
    """As may_subscribe, for a subscription that exists."""
    return request.user.has_perm("sumeru_proxy.change_subscription") and credentials.may_enter(request)


def hook_path(shop: Shop) -> str:
    """Where this server takes the shop's webhooks."""
    return reverse("sumeru-hook", args=[shop.key])


class SubscribeForm(RefusesCredentials, forms.Form):
    """Where to, and which events."""

    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=300,
        widget=forms.URLInput(attrs={"class": "vTextField", "size": 80}),
        help_text=gettext_lazy(
            "Under which Sumeru reaches this server. Change the host only when a proxy stands before it."
        ),
    )
    events = forms.MultipleChoiceField(
        label=gettext_lazy("Events"),
        choices=[(ALL, gettext_lazy("All events")), *((each, each) for each in topics.EVENT_TYPES)],
        initial=[ALL],
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, shop: Shop, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._path = hook_path(shop)

    def clean_url(self) -> str:
        """An address that leads to this shop's hook: a mistyped one would send the shop's data somewhere else."""
        url = str(self.cleaned_data["url"]).strip()
        try:
            parts = urlsplit(url)
            fitting = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
            _port = parts.port
        except ValueError:
            fitting = False
        if not fitting:
            raise ValidationError(_("Give an http or https URL."))
        if not parts.path.endswith(self._path) or parts.query or parts.fragment:
            raise ValidationError(_("The address must end with %s, where this server takes webhooks.") % self._path)
        return url

    def clean_events(self) -> list[str]:
        """All, or those that were chosen."""
        events: list[str] = self.cleaned_data["events"]
        return [ALL] if ALL in events else events


def in_words(error: Exception) -> str:
    """Why a subscription could not be made, and what helps. Never holds a value that was sent or received."""
    if isinstance(error, secrets.CredentialUnusable):
        return _("A stored credential cannot be used: %s.") % error
    if isinstance(error, subscribing.NotSubscribable):
        return _("It cannot be subscribed to: %s.") % error
    if isinstance(error, errors.Refused) and error.code == "no_credential":
        return _("Subscribing needs the shop’s admin API token. Enter it under “Credentials”.")
    if isinstance(error, errors.Refused) and error.status in (401, 403):
        return _(
            "Sumeru does not accept the admin API token, or it lacks the right to subscribe. Check it under “Credentials”."
        )
    if isinstance(error, errors.Refused) and error.status == 0:
        return _("It was not sent: %s.") % error
    if isinstance(error, errors.Refused):
        return (
            _("Sumeru refuses the address or the events (%s). The address must be reachable from the internet.") % error
        )
    if isinstance(error, errors.Limited):
        return _("Sumeru takes no more calls just now. Try again in %s.") % moments.span(max(1.0, error.retry_after_s))
    if isinstance(error, errors.Unavailable):
        return _(
            "Sumeru could not be reached or failed. Try again; a subscription that was made unnoticed is found again."
        )
    if isinstance(error, errors.Unreadable):
        return _("Sumeru’s answer has an unexpected form (%s). Please report it.") % error
    if isinstance(error, ValidationError):
        return _("Sumeru’s answer holds no secret of the known form. Please report it.")
    return _("The shop’s settings do not allow to ask Sumeru. Check the Sumeru host and the shop domain.")


@sensitive_variables()
def _ask_sumeru(request: HttpRequest, shop: Shop, url: str, events: list[str], *, rotate: bool) -> bool | None:
    """Whether it was made by this; None when it failed, which the person is told."""
    try:
        return subscribing.subscribe(shop, url, events, rotate=rotate).created
    except (errors.SumeruError, secrets.CredentialUnusable, ValidationError, ValueError) as error:
        messages.error(request, f"{_('Nothing changed.')} {in_words(error)}")
        return None


def subscriptions_page(
    site_admin: ModelAdmin[Shop], request: HttpRequest, shop: Shop, context: dict[str, Any]
) -> HttpResponse:
    """A shop's webhooks; a POST with ``do`` subscribes or changes the secret. Raises PermissionDenied."""
    if not may_see(request):
        raise PermissionDenied
    address = f"{pages.public_base(request)}{hook_path(shop)}"
    form = SubscribeForm(shop, initial={"url": address, "events": [ALL]})
    if request.method == "POST":
        if request.POST.get("do") == "rotate":
            return _rotate(site_admin, request, shop)
        if not may_subscribe(request):
            raise PermissionDenied
        form = SubscribeForm(shop, request.POST)
        if form.is_valid():
            is_new = _ask_sumeru(request, shop, form.cleaned_data["url"], form.cleaned_data["events"], rotate=False)
            if is_new:
                site_admin.log_change(request, shop, _("Subscribed to webhooks"))
                messages.success(request, _("Subscribed. The secret is stored, encrypted; it is shown nowhere."))
            elif is_new is not None:
                messages.info(request, _("Nothing to do: the shop is subscribed to these events at this address."))
            if is_new is not None:
                return HttpResponseRedirect(request.path)
    return _render(request, shop, form, context)


def _rotate(site_admin: ModelAdmin[Shop], request: HttpRequest, shop: Shop) -> HttpResponse:
    if not may_rotate(request):
        raise PermissionDenied
    requested_id = request.POST.get("subscription", "")
    subscription = (
        Subscription.objects.filter(shop=shop, active=True, pk=int(requested_id)).first()
        if requested_id.isdecimal() and len(requested_id) < 19
        else None
    )
    if subscription is None:
        # A second press of the button, or an old page: the first one has done it.
        messages.info(request, _("This subscription was replaced before; nothing changed now."))
    elif _ask_sumeru(request, shop, subscription.url, list(subscription.events), rotate=True):
        site_admin.log_change(request, shop, _("Changed the webhook secret"))
        messages.success(
            request,
            _("There is a new secret. Deliveries signed with the old one are accepted for two more days."),
        )
    return HttpResponseRedirect(request.path)


def _render(request: HttpRequest, shop: Shop, form: SubscribeForm, context: dict[str, Any]) -> HttpResponse:
    now = timezone.now()
    webhook_secrets = Credential.objects.filter(shop=shop, kind=Credential.Kind.WEBHOOK_SECRET)
    valid = [each for each in webhook_secrets if each.retires_at is None or each.retires_at > now]
    last = InboundEvent.objects.filter(shop=shop).order_by("-pk").values_list("received_at", flat=True).first()
    subscriptions = list(Subscription.objects.filter(shop=shop))
    context |= {
        "form": form,
        "active": [each for each in subscriptions if each.active],
        "replaced": [each for each in subscriptions if not each.active],
        "secrets": len(valid),
        "retiring": next((each.retires_at for each in valid if each.retires_at), None),
        "last": moments.ago(last, now) if last else "",
        "has_token": Credential.objects.filter(shop=shop, kind=Credential.Kind.ADMIN_TOKEN).exists(),
        "is_local": str(form["url"].value() or "").startswith("http://"),
        "may_subscribe": may_subscribe(request),
        "may_rotate": may_rotate(request),
    }
    return TemplateResponse(request, "admin/sumeru_proxy/subscription/page.html", context)


class SubscriptionAdmin(RowAdmin[Subscription]):
    """The list over all shops; what can be done with one is done on its shop's page."""

    list_display = ("address", "state", "all_events", "shop", "created_at")
    list_filter = ("active", "shop")
    search_fields = ("url", "upstream_id")
    list_select_related = ("shop",)
    open_lookups: ClassVar[frozenset[str]] = frozenset({"shop__id__exact", "active__exact"})

    @admin.display(description=gettext_lazy("address"), ordering="url")
    def address(self, subscription: Subscription) -> str:
        """Where Sumeru sends to."""
        return subscription.url

    @admin.display(description=gettext_lazy("state"), ordering="active")
    def state(self, subscription: Subscription) -> SafeString:
        """In use, or replaced by a newer one."""
        style, word = ("ok", _("active")) if subscription.active else ("unused", _("replaced"))
        return format_html('<span class="sumeru-state sumeru-{}">{}</span>', style, word)

    @admin.display(description=gettext_lazy("events"))
    def all_events(self, subscription: Subscription) -> str:
        """Which events."""
        return _("all") if ALL in subscription.events else ", ".join(map(str, subscription.events))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """To the shop's page."""
        subscription = self.row_or_404(request, object_id)
        return HttpResponseRedirect(reverse("admin:sumeru_proxy_shop_webhooks", args=[subscription.shop_id]))

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """It stands in the shop's."""
        subscription = self.row_or_404(request, object_id)
        return HttpResponseRedirect(reverse("admin:sumeru_proxy_shop_history", args=[subscription.shop_id]))
