"""The demo shop's own web server, a process of its own: ``python -m widgets.demo.storefront --port …``.

What nobody else may know comes by the environment: ``STOREFRONT_PUBLIC_KEY`` (Sumeru's, used once, to read the product feed),
``STOREFRONT_CUSTOMER_SECRET`` (shared with the widget server) and ``STOREFRONT_COOKIE_KEY``. ``STOREFRONT_ABOUT`` is what
``about.facts_of`` gives.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings

from widgets.demo import about, cookies, frame, site
from widgets.demo.goods import NoGoods, Stock, read_feed
from widgets.demo.visits import Answer, refused, visit_of
from widgets.demo.widget_html import WidgetServer

_FEED_LIMIT_S = 25.0
_WORTH_COMPRESSING_BYTES = 1_000
_COMPRESSIBLE = ("text/", "image/svg+xml", "application/json")
_FORM_LIMIT_BYTES = 16_000


class Server(ThreadingHTTPServer):
    """A thread per connection; none of them keeps the process alive."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, shop: frame.Shop) -> None:
        self.shop = shop
        super().__init__((host, port), Handler)


class Handler(BaseHTTPRequestHandler):
    """Answers GET, HEAD and POST."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    wbufsize = 64 * 1024  # head and body leave together
    server: Server

    def do_GET(self) -> None:
        """A page, an asset or a picture."""
        self._send(self._made(None))

    def do_POST(self) -> None:
        """A form of one of the shop's own pages."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _FORM_LIMIT_BYTES:
            self.close_connection = True  # the body stays unread
            self._send(refused(413, "This form is too large."))
            return
        body = self.rfile.read(int(length))
        if self._is_foreign():
            self._send(refused(403, "This form is not one of ours."))
            return
        try:
            form = dict(parse_qsl(body.decode(), max_num_fields=20))
        except ValueError:
            self._send(refused(400, "This form cannot be read."))
            return
        self._send(self._made(form))

    def _is_foreign(self) -> bool:
        """Browsers say where a form stands; what says nothing is no browser and has no cookies worth stealing."""
        origin = self.headers.get("Origin")
        return origin is not None and urlsplit(origin).netloc != self.headers.get("Host")

    def _made(self, form: dict[str, str] | None) -> Answer:
        visit = visit_of(
            self.path,
            cookies.parse(self.headers.get("Cookie", "")),
            form,
            wants_json=self.headers.get("Accept") == "application/json",
        )
        return site.answer(self.server.shop, visit)

    def _send(self, made: Answer) -> None:
        body = made.body
        headers = {"Content-Type": made.content_type, **made.headers}
        if made.content_type.startswith(_COMPRESSIBLE):
            headers["Vary"] = "Accept-Encoding"
            if len(body) > _WORTH_COMPRESSING_BYTES and "gzip" in self.headers.get("Accept-Encoding", ""):
                body = gzip.compress(body, 5)
                headers["Content-Encoding"] = "gzip"
        self.send_response(made.status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        for cookie in made.cookies:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def version_string(self) -> str:
        """What the Server header says."""
        return "demo-storefront"

    def log_message(self, format: str, *args: object) -> None:
        """Only what goes wrong is worth a line."""

    def log_error(self, format: str, *args: object) -> None:
        """One line on standard error."""
        logging.getLogger(__name__).warning(format, *args)


def main() -> None:
    """Read the feed, then serve until ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    for name in ("--widgets", "--sandbox", "--shop"):
        parser.add_argument(name, required=True)
    parser.add_argument(
        "--script", action="append", default=[], help="a script that the widget server has besides the loader"
    )
    options = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
    # The shop borrows Django's template engine and nothing else.
    settings.configure(USE_I18N=False)
    known = about.read(json.loads(os.environ["STOREFRONT_ABOUT"]))
    key = os.environ["STOREFRONT_PUBLIC_KEY"]
    try:
        goods = read_feed(options.sandbox, key, known.currency, _FEED_LIMIT_S)
        collections = {
            handle: [good.id for good in read_feed(options.sandbox, key, known.currency, _FEED_LIMIT_S, handle)]
            for handle, _title in known.collections
        }
    except NoGoods as problem:
        sys.exit(str(problem))
    stock = Stock(goods, options.sandbox, collections)
    stock.fetch_pictures()
    shop = frame.Shop(
        about=known,
        stock=stock,
        widgets=WidgetServer(options.widgets, options.shop),
        pictures_from=options.sandbox,
        jar=cookies.Jar(os.environ["STOREFRONT_COOKIE_KEY"]),
        customer_secret=os.environ["STOREFRONT_CUSTOMER_SECRET"],
        scripts=frozenset(options.script),
    )
    with Server(options.host, options.port, shop) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
