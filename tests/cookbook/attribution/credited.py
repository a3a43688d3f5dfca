# sample: attribution-credited-python
"""A receiver of attribution.credited: python credited.py; the secret is the one that the admin showed."""

import base64
import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = base64.b64decode(os.environ["CREDITED_SECRET"].removeprefix("whsec_"))
seen = set()  # in a database of yours: the same id comes again after a lost answer


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1_000_000))
        id, sent_at = self.headers.get("webhook-id", ""), self.headers.get("webhook-timestamp", "")
        own = base64.b64encode(hmac.digest(KEY, f"{id}.{sent_at}.".encode() + body, hashlib.sha256)).decode()
        signatures = self.headers.get("webhook-signature", "").split()
        good = any(hmac.compare_digest(f"v1,{own}", each) for each in signatures)
        if not good or not sent_at.isdigit() or abs(time.time() - int(sent_at)) > 300:
            return self.answer(401)
        message = json.loads(body)
        if message["type"] == "attribution.credited" and id not in seen:
            seen.add(id)
            for order in message["data"]["orders"]:
                print(order["id"], order["revenue"]["net"], order["currency"], flush=True)
        return self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.end_headers()


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 8080))), Receiver)
print(server.server_port, flush=True)  # left out of the sample
server.serve_forever()
# end of sample
