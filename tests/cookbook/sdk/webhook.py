# sample: sdk-webhook
import hashlib
import os
import sqlite3
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sumeru_client import BadEvent, BadSignature, read_event

database = os.environ["DATABASE_FILE"]
with sqlite3.connect(database) as made:
    made.execute("create table if not exists events (id text primary key, type text, body blob)")


def row_of(raw, header):
    try:
        event = read_event(raw, header, os.environ["SUMERU_WEBHOOK_SECRET"])
        return event.id, event.type, raw
    except BadEvent:  # signed, so it is Sumeru's: kept to look at, because an endpoint that refuses is disabled
        return hashlib.sha256(raw).hexdigest(), "unreadable", raw


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        raw = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 8_000_000))
        try:
            row = row_of(raw, self.headers.get("X-Sumeru-Signature"))
            with sqlite3.connect(database) as rows:  # kept once, however often it comes; another process works it off
                rows.execute("insert or ignore into events values (?, ?, ?)", row)
            status = 200
        except BadSignature:
            status = 401
        except sqlite3.Error:
            status = 500  # Sumeru sends it again
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Receiver)
print(server.server_port, flush=True)
server.serve_forever()
# end of sample
