"""How the connection to Sumeru does, and what an operator can do about it: test, refresh, new key, encrypt again."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sumeru_proxy import accounts, health, secrets
from sumeru_proxy.client import errors
from sumeru_proxy.models import Shop
from widgets.admin import catalogue_panel, changes, trial

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

log = logging.getLogger(__name__)

READS_PER_MINUTE = 100
WRITES_PER_MINUTE = 20
STATE_WORDS = {
    "ok": gettext_lazy("answers"),
    "waiting": gettext_lazy("waits for the limit"),
    "failing": gettext_lazy("fails"),
    "unused": gettext_lazy("not used yet"),
}
CREDENTIALS = gettext_lazy("Sumeru refuses the request. Check the credentials, the shop domain and the Sumeru host.")
ADVICE = {
    "Refused": gettext_lazy(
        "Sumeru does not accept the request, but the credentials are not the reason. Please report it with the request id."
    ),
    "Limited": gettext_lazy("The limit of calls is used up for the moment; it goes on by itself."),
    "Unavailable": gettext_lazy(
        "Sumeru cannot be reached or fails. Shoppers see the last copies; it is tried again by itself."
    ),
    "Unreadable": gettext_lazy("Sumeru's answer has an unexpected form. Please report it with the request id."),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """A time with its distance in words."""

    at: datetime
    ago: str


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """One endpoint for the page; ``succeeded`` and ``failed`` are times or None."""

    endpoint: str
    state: str
    word: str
    succeeded: Moment | None
    failed: Moment | None
    problem: str
    advice: str
    request_id: str


def row_of(each: health.Health, now: datetime) -> EndpointRow:
    """An endpoint's health in words. Advice is given while the failure is the last thing that happened."""
    parts = [each.error, each.code, str(each.status or "")]
    return EndpointRow(
        endpoint=each.endpoint,
        state=each.state,
        word=str(STATE_WORDS[each.state]),
        succeeded=moment(each.succeeded_at, now),
        failed=moment(each.failed_at, now),
        problem=", ".join(part for part in parts if part),
        advice=_advice_on(each),
        request_id=each.request_id,
    )


def _advice_on(each: health.Health) -> str:
    if each.state not in ("failing", "waiting"):
        return ""
    about_credentials = each.error == "Refused" and (each.status in (0, 401, 403) or each.code == "unauthenticated")
    return str(CREDENTIALS if about_credentials else ADVICE.get(each.error, ""))


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """The last answer of an endpoint that was not in the shape we know: the JSON path, what was expected there, and an example request."""

    endpoint: str
    seen: Moment | None
    path: str
    expected: str
    request_id: str
    left_out: bool


def unreadable_rows(found: list[health.Health], now: datetime) -> list[UnreadableRow]:
    """The endpoints with such an answer, the latest first."""
    rows = [each for each in found if each.unreadable_at is not None]
    return [
        UnreadableRow(
            each.endpoint,
            moment(each.unreadable_at, now),
            each.unreadable_path,
            each.expected,
            each.unreadable_request_id,
            each.left_out,
        )
        for each in sorted(rows, key=lambda each: -(each.unreadable_at or 0.0))
    ]


def moment(at: float | None, now: datetime) -> Moment | None:
    """``at`` (Unix seconds) with words such as “5 minutes ago”; None stays None."""
    if at is None:
        return None
    time = datetime.fromtimestamp(at, UTC)
    if (now - time).total_seconds() < 60:
        return Moment(time, _("just now"))
    return Moment(time, _("%s ago") % timesince(time, now, depth=1))


def connection_page(
    site_admin: ModelAdmin[Shop], request: HttpRequest, shop: Shop, context: dict[str, Any]
) -> HttpResponse:
    """The state of the connection; a POST with ``do`` acts. Raises PermissionDenied for those who may not change the shop."""
    if request.method == "POST":
        if not site_admin.has_change_permission(request, shop):
            raise PermissionDenied
        if request.POST.get("do") == "test":
            context["trials"] = _try(request, shop)
            return _render(site_admin, request, shop, context)
        action = _ACTIONS.get(request.POST.get("do", ""))
        if action is not None:
            action(site_admin, request, shop)
        return HttpResponseRedirect(request.path)
    return _render(site_admin, request, shop, context)


def _try(request: HttpRequest, shop: Shop) -> list[trial.Trial]:
    try:
        accounts.open_account(shop.pk)
        return trial.run(shop.pk, accounts.client_for(shop.pk, "page"))
    except accounts.AccountUnusable as error:
        messages.error(request, _("The account of this shop cannot be used: %s.") % error.reason)
    except (
        ValueError,
        errors.SumeruError,
    ) as error:  # an account that the client does not accept; never shows a credential
        messages.error(request, _("Sumeru was not asked: %s.") % error)
    return []


def _render(site_admin: ModelAdmin[Shop], request: HttpRequest, shop: Shop, context: dict[str, Any]) -> HttpResponse:
    now = timezone.now()
    found = health.of(shop.pk)
    context |= {
        "rows": [row_of(each, now) for each in found],
        "catalogue": catalogue_panel.progress(shop.pk),
        "unreadable": unreadable_rows(found, now),
        "waiting": accounts.refresher.waiting,
        "reads_per_minute": READS_PER_MINUTE,
        "writes_per_minute": WRITES_PER_MINUTE,
        "may_change": site_admin.has_change_permission(request, shop),
    }
    return TemplateResponse(request, "admin/sumeru_proxy/shop/connection.html", context)


def make_stale(site_admin: ModelAdmin[Shop], request: HttpRequest, shop: Shop) -> None:
    """Every copy becomes stale; noted in the shop's history."""
    with transaction.atomic():
        changes.everything_stale(shop)
        site_admin.log_change(request, shop, _("Made everything stale"))
    messages.success(
        request,
        _("Everything of %s is stale now. Shoppers see the old copies until each is refreshed, as the limit allows.")
        % shop.name,
    )


def new_key(site_admin: ModelAdmin[Shop], request: HttpRequest, shop: Shop) -> None:
    """Another shop key, when the warning was confirmed."""
    if request.POST.get("confirm") != "on":
        messages.error(request, _("Nothing changed: confirm that pages with the present key may stop working."))
        return
    with transaction.atomic():
        changes.new_key(shop)
        site_admin.log_change(request, shop, _("Gave the shop a new key"))
    messages.warning(
        request, _("The shop has a new key. Copy the embed code again: pages with the old key show no widgets now.")
    )


def seal_again(site_admin: ModelAdmin[Shop], request: HttpRequest, shop: Shop) -> None:
    """Encrypt the shop's credentials with the newest key."""
    try:
        with transaction.atomic():
            count = changes.seal_again([shop.pk])
            site_admin.log_change(request, shop, _("Encrypted the credentials again"))
    except secrets.CredentialUnusable as error:
        messages.error(
            request,
            _("Not encrypted again: %s. Put the old key back into SUMERU_ENCRYPTION_KEYS, behind the new one.") % error,
        )
        return
    messages.success(request, _("Encrypted with the newest key: %d.") % count)


_ACTIONS = {"stale": make_stale, "key": new_key, "seal": seal_again}
