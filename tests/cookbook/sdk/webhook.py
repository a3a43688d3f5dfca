# sample: sdk-webhook
import os
import sqlite3
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sumeru_client import BadEvent, BadSignature, read_event

database = os.environ["DATABASE_FILE"]
with sqlite3.connect(database) as made:
    made.execute("create table if not exists events (id text primary key, type text, body blob)")


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        raw = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1_000_000))
        try:
            event = read_event(raw, self.headers.get("X-Sumeru-Signature"), os.environ["SUMERU_WEBHOOK_SECRET"])
            with sqlite3.connect(database) as rows:  # kept once, however often it comes; another process works it off
                rows.execute("insert or ignore into events values (?, ?, ?)", (event.id, event.type, raw))
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


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Receiver)
print(server.server_port, flush=True)
server.serve_forever()
# end of sample
