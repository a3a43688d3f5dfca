# sample: orders-python-begin
import hashlib
import json
import os
import sqlite3
import sys
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sumeru_client import BadEvent, BadSignature, Client, Limited, Refused, Unavailable, read_event

sumeru = Client(token=os.environ["ATLANTIS_API_KEY"], host=os.environ["SUMERU_HOST"])


def database():
    rows = sqlite3.connect(os.environ["DATABASE_FILE"], timeout=30)
    rows.execute("create table if not exists events (id text primary key, order_id text, done integer default 0)")
    rows.execute("create table if not exists booked (order_id text primary key, fingerprint text, total, currency)")
    return rows


# end of sample


# sample: orders-python-subscribe
def subscribe(url):
    made = sumeru.subscribe(url, ["order.created", "order.attributed"], idempotency_key=f"orders-{url}")
    print(made.secret)  # shown this once: keep it as SUMERU_WEBHOOK_SECRET


# end of sample


# sample: orders-python-receive
class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        raw = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1_000_000))
        try:
            event = read_event(raw, self.headers.get("X-Sumeru-Signature"), os.environ["SUMERU_WEBHOOK_SECRET"])
            row = (event.id, event.data.get("order_id"))
            with database() as rows:  # the event's id is the key: repeated, it is there already
                rows.execute("insert or ignore into events (id, order_id) values (?, ?)", row)
            status = 200
        except BadSignature:
            status = 401
        except BadEvent:
            status = 400
        except sqlite3.Error:
            status = 500  # Sumeru sends it again
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


# end of sample


# sample: orders-python-write
def book(rows, order):
    """Bring your system to what the order is now. True when something had to be written."""
    content = [order.total_price, order.currency, order.cancelled_at]
    content += [(line.id, line.sku, line.quantity, line.price) for line in order.line_items]
    content += [(refund.id, refund.amount) for refund in order.refunds or ()]
    fingerprint = hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()
    known = rows.execute("select fingerprint from booked where order_id = ?", (order.id,)).fetchone()
    if known == (fingerprint,):
        return False
    # Here your ERP is called. Give it the order's id as a unique key: after a crash the same order is written again.
    row = (order.id, fingerprint, str(order.total_price), order.currency)
    rows.execute("insert or replace into booked values (?, ?, ?, ?)", row)
    return True


WAITING = "select distinct order_id from events where done = 0 and order_id is not null limit 50"


def work():
    while True:
        with database() as rows:
            found = rows.execute(WAITING).fetchall()
            for (order_id,) in found:
                last = rows.execute("select max(rowid) from events where order_id = ?", (order_id,)).fetchone()[0]
                try:  # an event is a hint: read what is true now
                    book(rows, sumeru.order(order_id, include=["attributions"]))
                except Refused as error:
                    if error.code != "not_found":  # without the order there is nothing to write
                        raise
                except (Unavailable, Limited):
                    break  # the events stay, and are tried again
                rows.execute("update events set done = 1 where order_id = ? and rowid <= ?", (order_id, last))
                rows.commit()
        if not found and "--once" in sys.argv:  # left out of the sample
            return  # left out of the sample
        time.sleep(1)


# end of sample


# sample: orders-python-compare
def compare(hours=48):
    since = datetime.now(UTC) - timedelta(hours=hours)
    seen = repaired = 0
    with database() as rows:
        for order in sumeru.every_order(sort="-updated_at", include=["attributions"]):
            if order.updated_at and order.updated_at < since:
                break
            seen, repaired = seen + 1, repaired + book(rows, order)
    print(f"{seen} orders, {repaired} repaired")


# end of sample


# sample: orders-python-end
if sys.argv[1] == "subscribe":
    subscribe(sys.argv[2])
elif sys.argv[1] == "receive":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Receiver)
    print(server.server_port, flush=True)
    server.serve_forever()
elif sys.argv[1] == "work":
    work()
elif sys.argv[1] == "compare":
    compare()
# end of sample
