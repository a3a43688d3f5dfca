# sample: orders-http-begin
import hashlib
import hmac
import json
import os
import random
import sqlite3
import sys
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

HOST = os.environ["SUMERU_HOST"]
session = requests.Session()
session.headers["Authorization"] = f"Bearer {os.environ['ATLANTIS_API_KEY']}"


class Away(Exception):
    """Sumeru gave no answer, or says: later."""


def call(method, path, **options):
    for attempt in range(5):
        try:
            answer = session.request(method, HOST + path, timeout=(3, 20), allow_redirects=False, **options)
        except requests.RequestException:
            wait = 2**attempt
        else:
            if answer.status_code == 429:
                wait = int(answer.headers.get("Retry-After", "5"))
            elif answer.status_code >= 500:
                wait = 2**attempt
            else:
                return answer
        time.sleep(wait + random.random())
    raise Away


def database():
    rows = sqlite3.connect(os.environ["DATABASE_FILE"], timeout=30)
    rows.execute("create table if not exists events (id text primary key, order_id text, done integer default 0)")
    rows.execute("create table if not exists booked (order_id text primary key, fingerprint text, total, currency)")
    return rows


# end of sample


# sample: orders-http-subscribe
def subscribe(url):
    body = {"url": url, "events": ["order.created", "order.attributed"], "secret": "auto"}
    answer = call("POST", "/api/v1/webhook-subscriptions", json=body, headers={"Idempotency-Key": f"orders-{url}"})
    answer.raise_for_status()
    print(answer.json()["data"]["secret"])  # shown this once: keep it as SUMERU_WEBHOOK_SECRET


# end of sample


# sample: orders-http-receive
class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        raw = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1_000_000))
        secret = os.environ["SUMERU_WEBHOOK_SECRET"].encode()
        proof = "sha256=" + hmac.new(secret, raw, hashlib.sha256).hexdigest()
        sent = self.headers.get("X-Sumeru-Signature") or ""
        if not hmac.compare_digest(proof.encode(), sent.encode()):  # over the raw bytes, before anything is parsed
            status = 401
        else:
            try:
                event = json.loads(raw)
                row = (event["id"], event["data"].get("order_id"))
                with database() as rows:  # the event's id is the key: repeated, it is there already
                    rows.execute("insert or ignore into events (id, order_id) values (?, ?)", row)
                status = 200
            except sqlite3.Error:
                status = 500  # Sumeru sends it again
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                status = 400
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


# end of sample


# sample: orders-http-write
def book(rows, order):
    """Bring your system to what the order is now. True when something had to be written."""
    content = [order["total_price"], order["currency"], order.get("cancelled_at")]
    content += [(line["id"], line.get("sku"), line["quantity"], line["price"]) for line in order["line_items"]]
    content += [(refund["id"], refund["amount"]) for refund in order.get("refunds") or []]
    fingerprint = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    known = rows.execute("select fingerprint from booked where order_id = ?", (order["id"],)).fetchone()
    if known == (fingerprint,):
        return False
    # Here your ERP is called. Give it the order's id as a unique key: after a crash the same order is written again.
    row = (order["id"], fingerprint, order["total_price"], order["currency"])
    rows.execute("insert or replace into booked values (?, ?, ?, ?)", row)
    return True


WAITING = "select distinct order_id from events where done = 0 and order_id is not null limit 50"


def work():
    while True:
        with database() as rows:
            found = rows.execute(WAITING).fetchall()
            for (order_id,) in found:
                last = rows.execute("select max(rowid) from events where order_id = ?", (order_id,)).fetchone()[0]
                try:
                    answer = call("GET", f"/api/v1/orders/{order_id}", params={"include": "attributions"})
                except Away:
                    break  # the events stay, and are tried again
                if answer.status_code != 404 or answer.json()["error"]["code"] != "not_found":
                    answer.raise_for_status()
                    book(rows, answer.json()["data"])  # an event is a hint: this is what is true now
                rows.execute("update events set done = 1 where order_id = ? and rowid <= ?", (order_id, last))
                rows.commit()
        if not found and "--once" in sys.argv:  # left out of the sample
            return  # left out of the sample
        time.sleep(1)


# end of sample


# sample: orders-http-compare
def compare(hours=48):
    since = datetime.now(UTC) - timedelta(hours=hours)
    seen = repaired = 0
    query = {"limit": 100, "sort": "-updated_at", "include": "attributions"}
    with database() as rows:
        while query:
            answer = call("GET", "/api/v1/orders", params=query)
            answer.raise_for_status()
            page = answer.json()
            query = {**query, "cursor": page["pagination"]["next_cursor"]} if page["pagination"]["has_next"] else None
            for order in page["data"]:
                if datetime.fromisoformat(order["updated_at"]) < since:
                    query = None
                    break
                seen, repaired = seen + 1, repaired + book(rows, order)
    print(f"{seen} orders, {repaired} repaired")


# end of sample


# sample: orders-http-end
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
