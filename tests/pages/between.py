"""What stands between a browser and the real widget server: passes everything on, writes it down, and can be told to misbehave."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from tests.loader.stub_hosts import Answer, Host, Seen

# Of one connection, and what the server in between says itself.
_OWN = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-type", "date", "server"}


class Between(Host):
    """The widget server's address for browsers. Links in answers follow it, because they follow the Host header.

    ``instead`` may answer in the server's place; ``more_headers`` are added to the server's answers, e.g. an ``Age`` as a CDN
    says it. A request that ``holds`` says yes to is answered after ``release`` is set.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._connections = threading.local()
        self.calm()
        super().__init__()

    def calm(self) -> None:
        """Nothing is written down, and nothing is done to anything."""
        self.log: list[Seen] = []
        self.instead: Callable[[Seen], Answer | None] = lambda seen: None
        self.more_headers: Callable[[Seen], dict[str, str]] = lambda seen: {}
        self.holds: Callable[[Seen], bool] = lambda seen: False
        self.release = threading.Event()

    def close(self) -> None:
        self.release.set()
        super().close()

    def answer(self, seen: Seen) -> Answer:
        given = self.instead(seen)
        if given:
            return given
        release = self.release
        if self.holds(seen):
            release.wait(30)
        return self._passed_on(seen)

    def _passed_on(self, seen: Seen) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        headers = {name: value for name, value in seen.headers.items() if name not in ("connection", "content-length")}
        target = f"{seen.path}?{seen.query}" if seen.query else seen.path
        try:
            connection.request(seen.method, target, seen.body.encode() or None, headers)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in _OWN}
        return Answer(body, answer.status, answer.headers.get("Content-Type", ""), {**kept, **self.more_headers(seen)})

    # -- what was written down

    def of(self, name: str) -> list[Seen]:
        """Requests for ``v1.js``, ``batch``, ``live``, ``events``, ``reviews``, …"""
        return [seen for seen in self.log if seen.path.rpartition("/")[2] == name]

    @property
    def names(self) -> list[str]:
        """What was asked for, in order."""
        return [seen.path.rpartition("/")[2] for seen in self.log]

    @property
    def ports(self) -> set[int]:
        """The browser's ends of the connections that carried a request."""
        return {seen.port for seen in self.log}

    @property
    def netloc(self) -> str:
        return urlsplit(self.origin).netloc
