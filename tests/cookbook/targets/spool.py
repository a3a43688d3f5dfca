# sample: target-module
"""Each order as one JSON file in a folder."""

import json
import os
from pathlib import Path

from sumeru_proxy.consumers.order_sync.document import as_data, from_data
from sumeru_proxy.consumers.order_sync.outcomes import action_of
from sumeru_proxy.consumers.order_sync.targets.interface import (
    BookedOrder,
    Finding,
    Forecast,
    NotMappable,
    Receipt,
    TargetDown,
)


class SpoolKind:
    name, title, secret_label = "spool", "Spool folder", ""

    def options_of(self, raw):
        if set(raw) != {"folder"} or not Path(str(raw["folder"])).is_absolute():
            raise ValueError("folder must be an absolute path, and the only option")
        return {"folder": str(raw["folder"])}

    def open(self, place):
        return SpoolTarget(Path(place.options["folder"]))


class SpoolTarget:
    batch_size = 50
    reads_back = True

    def __init__(self, folder):
        self.folder = folder

    def check(self):
        if self.folder.is_dir():
            return [Finding("ok", "folder", "the folder is there")]
        return [Finding("error", "folder", "the folder is not there", "make it, or mount it")]

    def write(self, entries):
        return [self.write_one(entry) for entry in entries]

    def write_one(self, entry):
        document = entry.document
        if not document.order_id.isalnum() and not document.order_id.replace("_", "").isalnum():
            return NotMappable("order_id", "the order's id cannot be the name of a file")
        file = self.folder / f"{document.order_id}.json"
        try:
            draft = file.with_suffix(".draft")
            draft.write_text(json.dumps(as_data(document)), encoding="utf-8")
            draft.replace(file)  # at once, under the same name: never half, never twice
        except OSError as error:
            raise TargetDown(text=os.strerror(error.errno or 0)) from None
        totals = document.totals
        return Receipt(file.name, action_of(entry), total=totals.total, refunded=totals.refunded, state=document.state)

    def forecast(self, documents):
        there = self.orders_by_id([document.order_id for document in documents])
        return [
            Forecast(each.order_id, "updated" if each.order_id in there else "created", each.totals.total)
            for each in documents
        ]

    def orders_between(self, since, until):
        return (each for each in self.read_all() if since <= each.day <= until)

    def orders_by_id(self, order_ids):
        wanted = set(order_ids)
        return {each.order_id: each for each in self.read_all() if each.order_id in wanted}

    def read_all(self):
        if not self.folder.is_dir():
            raise TargetDown(text="the folder is not there")
        for file in sorted(self.folder.glob("*.json")):
            document = from_data(json.loads(file.read_text(encoding="utf-8")))
            yield BookedOrder(
                document.order_id,
                file.name,
                document.day,
                document.currency,
                document.totals.total,
                document.totals.refunded,
                document.state,
                tuple(refund.id for refund in document.refunds),
            )

    def close(self):
        pass


KIND = SpoolKind()
# end of sample
