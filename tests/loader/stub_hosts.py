"""Two small HTTP servers on two ports, so two origins: one that serves widgets and one that serves storefront pages.

Both speak HTTP/1.1 with keep-alive, write down every request, and can be told to misbehave.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

LOADER = Path(__file__).parents[2] / "static" / "embed" / "loader.js"
SHOP = "shp_1"
CSS = ":host{display:block}p{margin:0;color:rgb(1, 2, 3)}button{display:inline-block}"

Item = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """One request as it arrived. ``port`` is the remote one, so equal ports mean one connection."""

    method: str
    path: str
    query: str
    port: int
    headers: dict[str, str]
    body: str

    @property
    def keys(self) -> list[str]:
        """The widgets a batch asked for, in request order."""
        return parse_qs(self.query).get("w", [])


@dataclass(frozen=True)
class Answer:
    """What a path answers. ``hang`` keeps the client waiting until the server closes; ``reset`` drops the connection."""

    body: str | bytes = ""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    reset: bool = False


class Host:
    """A running server. ``answer`` decides, in the server's threads; ``log`` grows by one per request."""

    def __init__(self) -> None:
        self.log: list[Seen] = []
        self.closing = threading.Event()
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30
            # Head and body are two writes; the second must not wait for the browser's acknowledgement of the first.
            disable_nagle_algorithm = True

            def _any(self) -> None:
                url = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                seen = Seen(self.command, url.path, url.query, self.client_address[1], headers, body)
                host.log.append(seen)
                answer = host.answer(seen)
                if answer.hang:
                    host.closing.wait()
                if answer.hang or answer.reset:
                    self.close_connection = True
                    return
                data = answer.body.encode() if isinstance(answer.body, str) else answer.body
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(data)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_OPTIONS = _any

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing: the log is a list."""

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:
                    self.close_connection = True

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def answer(self, seen: Seen) -> Answer:
        raise NotImplementedError

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def count(self, ending: str) -> int:
        """How many requests had a path with this ending."""
        return len(self.ending(ending))

    def ending(self, ending: str) -> list[Seen]:
        return [seen for seen in self.log if seen.path.endswith(ending)]


class StorefrontHost(Host):
    """Serves ``pages``: path → answer."""

    def __init__(self) -> None:
        self.pages: dict[str, Answer] = {}
        super().__init__()

    def answer(self, seen: Seen) -> Answer:
        return self.pages.get(seen.path, Answer("", 204 if seen.path == "/favicon.ico" else 404))


class WidgetHost(Host):
    """Serves the built loader and a small widget API.

    ``items`` overrides the answer for single keys or types; ``next_answers`` are given first, one per batch or live call;
    ``tampering`` may change any answer at all.
    """

    def __init__(self) -> None:
        self.items: dict[str, Item | Callable[[], Item | None] | None] = {}
        self.next_answers: list[Answer] = []
        self.tampering: Callable[[Seen], Answer | None] | None = None
        self.css = CSS
        self.cache_control = "no-cache"
        super().__init__()

    @property
    def base(self) -> str:
        return f"{self.origin}/w/v1/{SHOP}/"

    def answer(self, seen: Seen) -> Answer:
        changed = self.tampering(seen) if self.tampering else None
        if changed:
            return changed
        cors = {"Access-Control-Allow-Origin": "*", "Timing-Allow-Origin": "*", "Cache-Control": self.cache_control}
        name = seen.path.rpartition("/")[2]
        if seen.path.endswith(".js"):
            built = LOADER.with_name("debug.js") if name == "debug.js" else LOADER
            return Answer(built.read_bytes(), content_type="text/javascript", headers=cors)
        if name in ("batch", "live"):
            if self.next_answers:
                return self.next_answers.pop(0)
            private = name == "live"
            body = {"v": 1, "css": self.css, "items": [self.item(key, private=private) for key in seen.keys]}
            if private:
                cors["Cache-Control"] = "no-store"
            return Answer(json.dumps(body), content_type="application/json", headers=cors)
        if seen.method == "POST":
            sent = dict(parse_qsl(seen.body))
            if sent.get("via") != "loader":
                return Answer(f"<!doctype html><title>t</title><h1>Posted {sent.get('author', '')}</h1>")
            return Answer(json.dumps(self.submission(sent)), content_type="application/json", headers=cors)
        return Answer(f"<!doctype html><title>t</title><h1>Full page {name}?{seen.query}</h1>")

    def item(self, key: str, *, private: bool) -> Item | None:
        name, _, query = key.partition("?")
        for known in (key, name):
            if known in self.items:
                item = self.items[known]
                return item() if callable(item) else item
        params = dict(parse_qsl(query))
        html = (
            self.reviews(params) if name == "reviews" else f'<p part="{name}">{name} {params.get("product_id", "")}</p>'
        )
        return {"state": "ready", "status": 200, "html": html}

    def reviews(self, params: dict[str, str]) -> str:
        product, page = params.get("product_id", ""), int(params.get("page", "1"))
        rating = params.get("rating", "any")
        return (
            f'<section><h2 tabindex="-1" data-focus>Reviews of {product}, page {page}, rating {rating}</h2>'
            f'<a data-go href="{self.base}reviews?product_id={product}&amp;page={page + 1}">Next</a>'
            f'<form data-go method="get" action="{self.base}reviews"><input type="hidden" name="product_id" value="{product}">'
            '<label>Rating <select name="rating"><option>5<option>4</select></label>'
            '<button name="sort" value="newest">Filter</button></form>'
            f"<div data-swap>{self.review_form(product, '')}</div></section>"
        )

    def review_form(self, product: str, problem: str) -> str:
        invalid = ' aria-invalid="true" data-focus' if problem else ""
        return (
            f'<form data-post method="post" action="{self.base}reviews"><p role="status">{problem}</p>'
            f'<input type="hidden" name="product_id" value="{product}">'
            f'<label>Name <input name="author"{invalid}></label><button>Send</button></form>'
        )

    def submission(self, sent: dict[str, str]) -> Item:
        if not sent.get("author"):
            form = self.review_form(sent.get("product_id", ""), "Say who you are.")
            return {"state": "ready", "html": f"<div data-swap>{form}</div>"}
        thanks = f'<p tabindex="-1" data-focus>Thank you, {sent["author"]}.</p>'
        return {"state": "ready", "html": f"<div data-swap>{thanks}</div>"}
