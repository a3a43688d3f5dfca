"""Attribution as a consumer: what it hears, its own jobs and ranges, its hooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sumeru_proxy.client.shapes_admin import Order
from sumeru_proxy.consumers.attribution import (
    announcements,
    arrivals,
    desk,
    docs_pages,
    erasure,
    estimation,
    intake,
    proof,
    recomputation,
    shift_runs,
    spend_desk,
    storage,
    visitors,
    visits,
    weights_desk,
)
from sumeru_proxy.consumers.attribution.desk_parts import VIEW
from sumeru_proxy.consumers.attribution.journeys import DAY_MS
from sumeru_proxy.consumers.attribution.markov import NotEnoughJourneys
from sumeru_proxy.consumers.attribution.plans import settings_of
from sumeru_proxy.models import Job, Shop
from sumeru_proxy.webhooks import installed
from sumeru_proxy.webhooks.listeners import (
    AdminPage,
    Consumer,
    Done,
    Effect,
    Event,
    JobKind,
    NotMappable,
    RangeKind,
    Read,
    Step,
    Stored,
    Stride,
    Work,
    order_key,
)
from sumeru_proxy.webhooks.walking import PAGE, over_orders

NAME: Final = "attribution"
PROOF_DAYS: Final = 35
_ATTRIBUTIONS: Final = ("attributions",)


class Listener:
    """Brings an order and its journey into the database as they are at Sumeru now."""

    name = NAME
    events: tuple[str, ...] = ("order.attributed", "order.created")

    def handle(self, shop: Shop, event: Event, read: Read) -> Effect | None:
        """Read the order again and take it in; an order that comes without its attributions gets a job that reads these."""
        order = read(_ATTRIBUTIONS)
        found = arrivals.arrived(order, settings_of(shop.pk).their_model) if order is not None else None
        if found is None:
            return None

        def effect() -> None:
            intake.take(shop.pk, [found])
            if found.spoken is None and event.type == "order.attributed":
                installed.owe(
                    NAME,
                    "journey",
                    shop.pk,
                    {"order_id": found.key},
                    key=f"{found.key}/{event.id}"[:190],
                    order_key=order_key(NAME, found.key),
                )

        return effect


def _journey(work: Work) -> Done:
    """Read one order's attributions by themselves."""
    order_id = str(work.body["order_id"])
    page = work.sumeru().attribution(limit=PAGE, filters={"order_id": order_id})
    # An upstream that ignores the filter sends others as well.
    own = [each for each in page.attributions if each.order_id == order_id]
    return Done({"attributions": len(own)}, lambda: _keep(work.shop.pk, own))


def _keep(shop_id: int, own: Sequence[Any]) -> None:
    intake.take_touches(shop_id, own)


def _orders(shop: Shop, orders: Sequence[Order], _body: Mapping[str, Any]) -> Effect:
    preferred = settings_of(shop.pk).their_model
    found = [each for order in orders if (each := arrivals.arrived(order, preferred)) is not None]
    return lambda: _take(shop.pk, found)


def _take(shop_id: int, found: Sequence[arrivals.Arrived]) -> None:
    intake.take(shop_id, found)


def _attributions(at: Step) -> Stride:
    """The next page of all attributions, for orders that are stored already."""
    page = at.work.sumeru().attribution(limit=PAGE, cursor=at.cursor)
    return Stride(
        next=page.next_cursor,
        units=len(page.attributions),
        effect=lambda: _keep(at.work.shop.pk, page.attributions),
        skipped=page.skipped,
    )


def _visits(work: Work) -> Done:
    """What the pixel told: contacts, who a visitor is, who takes consent back."""
    shop_id = work.shop.pk
    found = visits.visits_of(
        work.body.get("events") or (), settings_of(shop_id).rules_of_channels(), visitors.own_hosts(shop_id)
    )
    now_ms = arrivals.milliseconds(datetime.now(UTC))
    counts = {"visitors": len(found.touches), "withdrawn": len(found.withdrawn)}

    def effect() -> None:
        visitors.take(shop_id, found, now_ms)
        # Addresses and raw ids of visitors have done their service; nobody is to find them in a job later.
        Job.objects.filter(shop_id=shop_id, kind=f"{NAME}:visits", key=work.key).update(body_text="")

    return Done(counts, effect)


def _fit(work: Work) -> Done:
    """Estimate the models from data anew, and owe the crediting of the orders that they were made from."""
    now = datetime.now(UTC)
    try:
        fits = estimation.fit(work.shop.pk, arrivals.milliseconds(now))
    except NotEnoughJourneys as error:
        return Done({"not_enough_journeys": error.found, "needed": error.needed})

    def effect() -> None:
        estimation.store(fits)
        since = now - timedelta(days=estimation.FIT_DAYS)
        recomputation.owe(work.shop.pk, since, f"fit/{fits[0].pk}")

    return Done({"models": [int(each.model) for each in fits], "conversions": fits[0].conversions}, effect)


def _prove(work: Work) -> Done:
    """The daily proof. A difference parks the job, so that a person looks at it."""
    today = int(datetime.now(UTC).timestamp() * 1_000) // DAY_MS
    found = proof.prove(work.shop.pk, today - PROOF_DAYS, today)
    if found.gaps:
        first = found.gaps[0]
        text = f"{len(found.gaps)} differences, first: {first.what} of day {first.day} in {first.currency}"
        raise NotMappable("sums_differ", text)
    return Done({"orders": found.orders, "compared": found.compared, "stale": found.stale, "waiting": found.waiting})


CONSUMER: Final = Consumer(
    name=NAME,
    title="Attribution",
    listener=Listener(),
    kinds=(
        JobKind("journey", "Read an order's attributions", _journey, latest_only=True),
        JobKind(
            storage.ANNOUNCEMENT, "Tell an endpoint of credits", announcements.send, target_of=announcements.target_of
        ),
        JobKind("visits", "Take in visits", _visits),
        JobKind("fit", "Estimate models from data", _fit, attempts_most=5),
        JobKind("prove", "Prove that credits equal revenue", _prove, attempts_most=5),
    ),
    ranges=(
        RangeKind("backfill", "Take in orders with their attributions", over_orders(_orders)),
        RangeKind("attributions", "Take in all attributions of stored orders", _attributions),
        RangeKind(recomputation.NAME, "Credit orders anew", recomputation.step),
        RangeKind(shift_runs.NAME, "What changed weights would shift", shift_runs.step),
    ),
    daily=("prove",),
    visits="visits",
    erase=erasure.erase,
    export=erasure.export,
    prune=erasure.prune,
    admin_pages=(
        AdminPage("report", "Attribution", desk.report, VIEW),
        AdminPage("weights", "Weights", weights_desk.weights, VIEW),
        AdminPage("spend", "Spend", spend_desk.page, VIEW),
        AdminPage("order", "Every cent", desk.order, VIEW),
    ),
    docs_pages=docs_pages.PAGES,
    urlconf="sumeru_proxy.consumers.attribution.urls",
    stores=(
        Stored(
            "attribution.Touch",
            "visits and clicks before an order: channel, campaign, device, path",
            True,
            "400 days without an order",
        ),
        Stored(
            "attribution.VisitorLink",
            "which visitor (a keyed hash) is which customer, or placed which order",
            True,
            "400 days",
        ),
        Stored("attribution.Withdrawal", "visitors (keyed hashes) who took consent back", True, "30 days"),
        Stored(
            "attribution.Conversion",
            "orders: amount, time, a keyed hash of the customer",
            True,
            "until the person's erasure",
        ),
        Stored("attribution.ConversionTouch", "which touch belongs to which order", True, "as long as both"),
        Stored(
            "attribution.Credit", "what each channel and campaign earned of an order", False, "as long as the order"
        ),
        Stored("attribution.DaySum", "credits by day and campaign", False, "unlimited"),
        Stored("attribution.ChannelSum", "credits by day and kind of customer", False, "unlimited"),
        Stored("attribution.DayCount", "orders by day and journey", False, "unlimited"),
        Stored(
            "attribution.Label", "names of channels, campaigns, devices, landing pages, journeys", False, "unlimited"
        ),
        Stored("attribution.ShiftRun", "what weights under trial would shift", False, "1 day"),
        Stored("attribution.Spend", "what channels cost, by day", False, "unlimited"),
        Stored("attribution.CreditWebhook", "the endpoint that hears of credits", False, "until deleted"),
        Stored("attribution.Fit", "estimated effects of channels", False, "unlimited"),
        Stored("attribution.WeightVersion", "versions of the company's weights", False, "unlimited"),
        Stored("attribution.WeightRule", "the weights of a version", False, "unlimited"),
        Stored("attribution.ReadToken", "hashes of the tokens that read the API", False, "until deleted"),
        Stored("attribution.AttributionSettings", "the shop's choices", False, "unlimited"),
    ),
)
