"""What an account's list of orders understands beyond the documentation: found out by five calls at most.

The client is right whatever the answers are (``windows``); they say what a nightly comparison and a back-fill will cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from sumeru_proxy.client.api import Sumeru
from sumeru_proxy.client.errors import Refused, SumeruError
from sumeru_proxy.client.shapes_admin import OrderPage
from sumeru_proxy.client.windows import Window

NEVER: Final = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Ability:
    """``verdict``: ``honoured``, ``ignored``, ``refused``, or ``unknown`` with the reason in ``note``."""

    name: str
    verdict: str
    note: str = ""


def order_list_abilities(sumeru: Sumeru) -> Iterator[Ability]:
    """Sorting, comparison filters and ids, one after another. Gives nothing without a token; raises nothing of Sumeru's."""
    if not sumeru.account.token:
        return
    try:
        latest = sumeru.orders(limit=5, sort="-created_at").orders
    except SumeruError as error:
        yield Ability("orders", "unknown", str(error))
        return
    if len({order.created_at for order in latest}) < 2:
        yield Ability("orders", "unknown", "too few orders to tell")
        return

    def by_age() -> str:
        times = [order.created_at for order in sumeru.orders(limit=5, sort="created_at").orders]
        backwards = [order.created_at for order in latest]
        both_sorted = times == sorted(times) and backwards == sorted(backwards, reverse=True)
        return "honoured" if both_sorted and times[:1] < backwards[:1] else "ignored"

    def after_all(field: Literal["created_at", "updated_at"]) -> str:
        return _verdict_on(sumeru.orders(limit=1, window=Window(field, since=NEVER)))

    yield _ability("sort=created_at", by_age)
    yield _ability("filter[created_at][gte]", lambda: after_all("created_at"))
    yield _ability("filter[updated_at][gte]", lambda: after_all("updated_at"))
    yield _ability("filter[id]=a,b", lambda: _verdict_on(sumeru.orders_by_id([latest[-1].id])))


def _verdict_on(page: OrderPage) -> str:
    return "ignored" if page.outside else "honoured"


def _ability(name: str, try_out: Callable[[], str]) -> Ability:
    try:
        return Ability(name, try_out())
    except Refused as error:
        return Ability(name, "refused" if error.status in (400, 422) else "unknown", str(error))
    except SumeruError as error:
        return Ability(name, "unknown", str(error))
