"""The control API below ``/_sandbox/``: what a test or a demonstration does to the sandbox. See the package's docstring."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from sumeru_proxy.sandbox import deliveries as sending
from sumeru_proxy.sandbox.admin_api import EVENT_TYPES, shown_subscription
from sumeru_proxy.sandbox.application import Application, error_answer
from sumeru_proxy.sandbox.clock import iso, seconds_of
from sumeru_proxy.sandbox.deliveries import Deliveries
from sumeru_proxy.sandbox.order_control import OrderControl
from sumeru_proxy.sandbox.problems import Problem, invalid
from sumeru_proxy.sandbox.shop_data import ShopData
from sumeru_proxy.sandbox.wire import Answer, Request, encode

Item = dict[str, Any]
Handler = Callable[[Item, str], Any]


class Control:
    """Answers the control API. Every method is also usable in-process; they raise Problem, and may be called from any thread."""

    def __init__(
        self, application: Application, deliveries: Deliveries, stop: Callable[[], None], stopped: threading.Event
    ) -> None:
        self.application, self.deliveries = application, deliveries
        self.world, self.clock = application.world, application.clock
        self.orders = OrderControl(deliveries, self._shop, stopped)
        self._stop = stop
        self._routes: dict[tuple[str, str], Handler] = {
            ("GET", ""): lambda body, _: self.overview(),
            ("GET", "faults"): lambda body, _: [fault.report() for fault in self.application.faults.active()],
            ("POST", "faults"): lambda body, _: self.add_faults(body),
            ("DELETE", "faults"): lambda body, item: {"ended": self.application.faults.clear(item or None)},
            ("GET", "calls"): lambda body, _: self.application.calls.report(int(body.get("recent") or 0)),
            ("DELETE", "calls"): lambda body, _: self.forget_calls(),
            ("GET", "clock"): lambda body, _: self._time(),
            ("POST", "clock"): lambda body, _: self.move_clock(body),
            ("GET", "writes"): lambda body, _: self.writes(body.get("shop")),
            ("DELETE", "writes"): lambda body, _: self.world.commit({"do": "writes_forgotten"}),
            ("GET", "limits"): lambda body, _: self.change_limits({}),
            ("POST", "limits"): lambda body, _: self.change_limits(body),
            ("GET", "habits"): lambda body, _: dict(self.world.habits),
            ("POST", "habits"): lambda body, _: self.change_habits(body),
            ("DELETE", "edge"): lambda body, _: self.application.edge.purge(body.get("shop")),
            ("POST", "edge"): lambda body, _: self.switch_edge(body),
            ("POST", "webhooks/emit"): lambda body, _: self.emit(body),
            ("GET", "webhooks/subscriptions"): lambda body, _: self.subscriptions(),
            ("GET", "webhooks/deliveries"): lambda body, _: self.list_deliveries(body.get("state")),
            ("POST", "webhooks/replay"): lambda body, item: self.replay(item or str(body.get("id", ""))),
            ("POST", "reviews/publish"): lambda body, _: self.publish_reviews(body),
            ("PATCH", "reviews"): self.change_review,
            ("DELETE", "reviews"): self.drop_review,
            ("PATCH", "products"): self.change_product,
            ("POST", "products/reviews"): self.add_review,
            ("POST", "orders"): lambda body, _: self.put_order(body),
            ("POST", "orders/generate"): lambda body, _: self.orders.generate(body),
            ("POST", "orders/step"): lambda body, _: self.orders.step(body),
            ("POST", "orders/live"): lambda body, _: self.orders.live(body),
            ("GET", "orders/live"): lambda body, _: self.orders.life.progress,
            ("DELETE", "orders/live"): lambda body, _: self.orders.life.stop(),
            ("PATCH", "shops"): self.change_shop,
            ("POST", "reset"): lambda body, _: self.reset(),
            ("POST", "stop"): lambda body, _: self.stop(),
        }

    def __call__(self, request: Request) -> Answer:
        """The answer to a control request: ``{"data": …}`` or the error model. Never raises."""
        parts = [part for part in request.path.removeprefix("/_sandbox").split("/") if part]
        item = ""
        if len(parts) == 3 and parts[0] == "products":
            parts, item = ["products", parts[2]], parts[1]
        elif len(parts) == 4 and parts[:2] == ["webhooks", "deliveries"] and parts[3] == "replay":
            parts, item = ["webhooks", "replay"], parts[2]
        elif len(parts) == 2 and (request.method, "/".join(parts)) not in self._routes:
            parts, item = parts[:1], parts[1]
        handler = self._routes.get((request.method, "/".join(parts)))
        try:
            if handler is None:
                raise Problem("not_found", "There is no such control.")
            body: Any = dict(request.query)
            if request.body:
                request_body = request.json()
                body = {**body, **request_body} if isinstance(request_body, dict) else {"list": request_body}
            return Answer(200, encode({"data": handler(body, item)}))
        except Problem as problem:
            return error_answer(problem, "req_control")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            return error_answer(Problem("validation_failed", f"{type(error).__name__}: {error}"), "req_control")

    def overview(self) -> Item:
        """What runs here."""
        shops = [
            {
                "domain": shop.domain,
                "name": shop.name,
                "public_key": shop.public_key,
                "products": len(shop.products),
                "reviews": len(shop.reviews),
            }
            for shop in self.world.shops.values()
        ]
        return {
            "url": self.world.base_url,
            "shops": shops,
            "clock": self._time(),
            "limits_on": self.application.limits.on,
        }

    def _time(self) -> Item:
        clock = self.clock
        return {"now": iso(clock.now()), "unix": clock.now(), "shift_s": clock.shift_s, "frozen": clock.frozen}

    def _shop(self, body: Item) -> ShopData:
        try:
            return self.world.shop(body.get("shop"))
        except KeyError:
            raise invalid("shop", "is not a shop of this catalogue") from None

    def add_faults(self, body: Item) -> list[Item]:
        """Activates one fault, or a list of them."""
        descriptions = body.get("list", [body])
        return [self.application.faults.add(fault).report() for fault in descriptions]

    def forget_calls(self) -> None:
        """Counts from nothing again; the limits' windows stay."""
        self.application.calls.forget()

    def move_clock(self, body: Item) -> Item:
        """``{shift_s}``, ``{set: ISO time}``, ``{freeze: bool}``; several at once are done in this order."""
        if "shift_s" in body:
            self.clock.shift(float(body["shift_s"]))
        if "set" in body:
            self.clock.set(seconds_of(body["set"]))
        if "freeze" in body:
            self.clock.freeze(bool(body["freeze"]))
        return self._time()

    def writes(self, shop: str | None = None) -> Item:
        """What was written: per kind a list of entries with ``applied`` and ``received`` counts."""
        with self.world.lock:
            return {
                kind: [dict(entry) for entry in entries.values() if shop in (None, "", entry["shop"])]
                for kind, entries in self.world.writes.items()
            }

    def change_limits(self, body: Item) -> Item:
        """``{on: bool, set: {name: per minute}, forget: true}``; gives the limits in force."""
        limits = self.application.limits
        limits.change(body.get("set") or {})
        if "on" in body:
            limits.on = bool(body["on"])
        if body.get("forget"):
            limits.forget()
        return {"on": limits.on, "per_minute": dict(limits.per_minute)}

    def change_habits(self, body: Item) -> Item:
        """What the documentation leaves open, see ``world.HABITS``."""
        choices = {
            "comparison_filters": ("honoured", "ignored", "refused"),
            "sort": ("honoured", "ignored"),
            "bulk_cost": ("call", "item"),
        }
        for name, value in body.items():
            if value not in choices.get(name, ()):
                raise invalid(name, "is not a habit")
        self.world.habits.update(body)
        return dict(self.world.habits)

    def switch_edge(self, body: Item) -> Item:
        """``{on: bool}``: the edge cache on or off; switching also purges."""
        self.application.edge.on = bool(body["on"])
        self.application.edge.purge()
        return {"on": self.application.edge.on}

    def emit(self, body: Item) -> Item:
        """``{type, data, shop?, id?, created_at?, copies?, tamper?: signature|body|unsigned}``; gives envelope and deliveries."""
        if body.get("type") not in EVENT_TYPES:
            raise invalid("type", "is not an event type")
        copies, tamper = int(body.get("copies") or 1), str(body.get("tamper") or "")
        envelope, ids = self.deliveries.emit(body, self._shop(body).domain, copies, tamper)
        return {"envelope": envelope, "deliveries": ids}

    def subscriptions(self) -> list[Item]:
        """All shops' subscriptions, without secrets."""
        with self.world.lock:
            return [
                {**shown_subscription(item), "shop": item["shop"], "failures": item["failures"]}
                for item in self.world.subscriptions.values()
            ]

    def list_deliveries(self, state: str | None = None) -> list[Item]:
        """Deliveries, oldest first; ``state`` pending, delivered or dead (the dead letters)."""
        with self.world.lock:
            deliveries = list(self.world.deliveries.values())
        return [sending.report(item) for item in deliveries if state in (None, "", item["state"])]

    def replay(self, delivery_id: str) -> Item:
        """Sends a delivery again, whatever became of it."""
        if delivery_id not in self.world.deliveries:
            raise Problem("not_found", "No such delivery.")
        self.deliveries.replay(delivery_id)
        return {"id": delivery_id}

    def _commit(self, shop: ShopData, body: Item, *operations: Item) -> None:
        self.world.commit(*operations)
        if body.get("edge") != "keep":
            self.application.edge.purge(shop.domain)

    def publish_reviews(self, body: Item) -> Item:
        """Publishes pending reviews: one by ``{id}``, a product's by ``{product_id}``, or all."""
        with self.world.lock:
            shop = self._shop(body)
            reviews = [
                review
                for review in shop.reviews.values()
                if review.get("status") == "pending"
                and body.get("id") in (None, review["id"])
                and body.get("product_id") in (None, review["product_id"])
            ]
            operations = [
                {"do": "review", "shop": shop.domain, "review": {**review, "status": "published"}} for review in reviews
            ]
            self._commit(shop, body, *operations)
        return {"published": [review["id"] for review in reviews]}

    def add_review(self, body: Item, product_id: str) -> Item:
        """Adds a published review to a product; every field has a default."""
        with self.world.lock:
            shop = self._shop(body)
            if product_id not in shop.products:
                raise Problem("not_found", "No such product.")
            author = {"name": "Sandbox shopper", "verified_buyer": True, "country": "", **(body.get("author") or {})}
            review = {
                "id": self.world.new_id("rev"), "rating": 5, "title": "", "body": "", "locale": "en", "variant_title": "",
                "created_at": iso(self.clock.now()), "helpful_count": 0, "media": [], "reply": None,
                **{name: value for name, value in body.items() if name not in ("shop", "edge")},
                "author": author, "product_id": product_id, "status": "published",
            }  # fmt: skip
            self._commit(shop, body, {"do": "review", "shop": shop.domain, "review": review})
        return review

    def change_review(self, body: Item, review_id: str) -> Item:
        """Replaces the given fields of a review."""
        return self._change("review", body, review_id)

    def change_product(self, body: Item, product_id: str) -> Item:
        """Replaces the given fields of a product."""
        return self._change("product", body, product_id)

    def _change(self, kind: str, body: Item, item_id: str) -> Item:
        with self.world.lock:
            shop = self._shop(body)
            items = shop.reviews if kind == "review" else shop.products
            if item_id not in items:
                raise Problem("not_found", f"No such {kind}.")
            changes = {name: value for name, value in body.items() if name not in ("shop", "edge", "id")}
            item = {**items[item_id], **changes}
            self._commit(shop, body, {"do": kind, "shop": shop.domain, kind: item})
        return item

    def drop_review(self, body: Item, review_id: str) -> Item:
        """Withdraws a review."""
        with self.world.lock:
            shop = self._shop(body)
            self._commit(shop, body, {"do": "review_dropped", "shop": shop.domain, "id": review_id})
        return {"id": review_id}

    def put_order(self, body: Item) -> Item:
        """``{order: {…}, shop?}``: adds an order, or changes the given fields of one; emits nothing."""
        with self.world.lock:
            shop = self._shop(body)
            order = body["order"]
            new_order = {**shop.orders.get(order["id"], {}), **order, "updated_at": iso(self.clock.now())}
            self._commit(shop, body, {"do": "order", "shop": shop.domain, "order": new_order})
        return new_order

    def change_shop(self, body: Item, domain: str) -> Item:
        """``{origins: […], auto_publish: bool}`` of a shop."""
        shop = self._shop({"shop": domain})
        operation: Item = {"do": "shop", "shop": domain}
        operation |= {name: body[name] for name in ("origins", "auto_publish") if name in body}
        self._commit(shop, body, operation)
        return {"domain": domain, "origins": sorted(shop.origins), "auto_publish": shop.auto_publish}

    def reset(self) -> None:
        """Back to the catalogue as loaded: no faults, counts, copies or changes; clock and limits' figures stay."""
        self.world.reset()
        self.application.faults.clear()
        self.application.calls.forget()
        self.application.limits.forget()
        self.application.edge.purge()

    def stop(self) -> None:
        """Stops the server once this call is answered."""
        threading.Timer(0.05, self._stop).start()
