# sample: receiver-python
import base64
import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

key = base64.b64decode(os.environ["ORDERS_SECRET"].removeprefix("whsec_"))
seen = set()  # in production: ids in a database


class Orders(BaseHTTPRequestHandler):
    def do_POST(self):
        raw, id, at = (
            self.rfile.read(int(self.headers["Content-Length"])),
            self.headers["webhook-id"],
            self.headers["webhook-timestamp"],
        )
        good = b"v1," + base64.b64encode(hmac.new(key, f"{id}.{at}.".encode() + raw, hashlib.sha256).digest())
        sent = (self.headers["webhook-signature"] or "").split()  # two while the secret is changed
        fits = any(hmac.compare_digest(good, each.encode()) for each in sent)
        status = 204 if fits and abs(time.time() - int(at)) < 300 else 401
        if status == 204 and id not in seen and json.loads(raw)["type"] == "order.changed":
            print(json.dumps(json.loads(raw)["data"]), flush=True)  # the whole order: yours goes here
            seen.add(id)
        self.send_response(status)
        self.end_headers()


# end of sample
server = ThreadingHTTPServer(("127.0.0.1", 0), Orders)
print(server.server_port, flush=True)
server.serve_forever()
