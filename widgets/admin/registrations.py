"""Puts our models into Django's admin. Imported once, when all apps are ready."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from sumeru_proxy.models import InboundEvent, Job, Shop, Subscription
from widgets.admin.inbound import InboundEventAdmin
from widgets.admin.jobs import JobAdmin
from widgets.admin.placements import PlacementAdmin
from widgets.admin.shops import ShopAdmin
from widgets.admin.subscriptions import SubscriptionAdmin
from widgets.models import Placement

admin.site.site_header = _("Sumeru Widgets")
admin.site.site_title = _("Sumeru Widgets")
admin.site.index_title = _("Shops and people")
admin.site.site_url = None  # this server has no page of its own for shoppers
admin.site.empty_value_display = "—"
admin.site.register(Shop, ShopAdmin)
admin.site.register(Placement, PlacementAdmin)
admin.site.register(Job, JobAdmin)
admin.site.register(InboundEvent, InboundEventAdmin)
admin.site.register(Subscription, SubscriptionAdmin)
