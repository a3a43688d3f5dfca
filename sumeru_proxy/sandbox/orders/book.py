"""A shop's orders as the admin API lists them, with the attributions beside them rather than inside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any

from sumeru_proxy.sandbox.shelf import Shelf

Item = dict[str, Any]
COLUMNS = ("id", "created_at", "updated_at", "number", "customer.id")


class OrderBook(MutableMapping[str, Item]):
    """Orders by id, each whole with its ``attributions``. Not thread-safe: the world's lock is held by whoever uses it."""

    def __init__(self, orders: Iterable[Item] = ()) -> None:
        self.bare = Shelf(columns=COLUMNS)
        """Orders without their attributions."""
        self.credits = Shelf(columns=("id", "created_at", "order_id"))
        """Attributions, each with the ``created_at`` of its order and ``<order id>|<model>`` as its ``id``."""
        self._models: dict[str, tuple[str, ...]] = {}
        for order in orders:
            self[order["id"]] = order

    def __getitem__(self, order_id: str) -> Item:
        order = self.bare[order_id]
        return {**order, "attributions": [_api_fields(self.credits[credit_id]) for credit_id in self._models[order_id]]}

    def __setitem__(self, order_id: str, order: Item) -> None:
        for credit_id in self._models.get(order_id, ()):
            del self.credits[credit_id]
        self.bare[order_id] = {name: value for name, value in order.items() if name != "attributions"}
        attributions = []
        for entry in order.get("attributions") or []:
            credit_id = f"{order_id}|{entry['model']}"
            sort_fields = {"id": credit_id, "created_at": order["created_at"], "order_id": entry["order_id"]}
            self.credits[credit_id] = {**sort_fields, **_api_fields(entry)}
            attributions.append(credit_id)
        self._models[order_id] = tuple(dict.fromkeys(attributions))

    def __delitem__(self, order_id: str) -> None:
        del self.bare[order_id]
        for credit_id in self._models.pop(order_id):
            del self.credits[credit_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self.bare)

    def __len__(self) -> int:
        return len(self.bare)

    def __contains__(self, order_id: object) -> bool:
        return order_id in self.bare

    def sort(self) -> None:
        """Sorts the lists by what they are mostly sorted and filtered by, which their first page would do otherwise."""
        self.bare.sort()
        self.credits.sort()

    def raw(self, order_id: str, attributions: bool) -> bytes:
        """An order's JSON. Raises KeyError."""
        raw = self.bare.raw(order_id)
        if not attributions:
            return raw
        entries = b",".join(self.raw_credit(credit_id) for credit_id in self._models[order_id])
        return raw[:-1] + b',"attributions":[' + entries + b"]}"

    def raw_credit(self, credit_id: str) -> bytes:
        """An attribution's JSON as the API has it, without what the list is sorted by. Raises KeyError."""
        raw = self.credits.raw(credit_id)
        # The two fields that are only the list's come first; the API's own begin with the order's id.
        return b"{" + raw[raw.index(b'"order_id":') :]

    def of_customer(self, customer_id: str) -> list[str]:
        """The ids of a customer's orders, in the order in which they came."""
        places = self.bare.column("created_at")
        return sorted(self.bare.ids_with("customer.id", customer_id), key=lambda order_id: (places[order_id], order_id))


def _api_fields(entry: Item) -> Item:
    return {name: value for name, value in entry.items() if name not in ("id", "created_at")}
