"""The tabs, and what they need."""

from __future__ import annotations

from typing import Final

from sumeru_proxy.consumers.order_sync.admin_pages import days, orders, targets
from sumeru_proxy.consumers.order_sync.admin_pages.words import DAYS, ORDERS, TARGETS
from sumeru_proxy.webhooks.listeners import AdminPage

PAGES: Final = (
    AdminPage(ORDERS, "Order sync", orders.orders_page, "order_sync.view_link"),
    AdminPage(DAYS, "Daily proof", days.days_page, "order_sync.view_dayproof"),
    AdminPage(TARGETS, "Order targets", targets.targets_page, "order_sync.view_ordertarget"),
)
