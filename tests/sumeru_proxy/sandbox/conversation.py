"""Speaks HTTP to a sandbox over a real socket."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any

from sumeru_proxy.sandbox.server import Sandbox

KEY = "pk_live_" + "1" * 32
OTHER_KEY = "pk_live_" + "2" * 32
TOKEN = "copt_test_" + "1" * 32
ORDERS_TOKEN = "copt_test_" + "3" * 32


@dataclass
class Reply:
    """One answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        return self.json()["data"]

    @property
    def code(self) -> str:
        """The error's code, after checking that the whole error model is there."""
        error = self.json()["error"]
        assert set(error) == {"code", "message", "details", "request_id"}
        assert error["request_id"].startswith("req_")
        return str(error["code"])


class Conversation:
    """Calls with the small shop's public key, or its token below /api/v1/, unless headers are given."""

    def __init__(self, sandbox: Sandbox, timeout_s: float = 10) -> None:
        self.sandbox = sandbox
        self.timeout_s = timeout_s

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
        if headers is None:
            headers = {"Authorization": f"Bearer {TOKEN}"} if path.startswith("/api/v1/") else {"X-Public-Key": KEY}
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.sandbox.port, timeout=self.timeout_s)
        try:
            connection.request(method, path, raw, headers)
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        """A GET; ``path`` below /api/public/ unless it begins with a slash."""
        path = path if path.startswith("/") else f"/api/public/{path}"
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("GET", path, None, {"X-Public-Key": KEY, **given} if given else None)

    def post(self, path: str, body: Any, **headers: str) -> Reply:
        path = path if path.startswith("/") else f"/api/public/{path}"
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        credential = {"Authorization": f"Bearer {TOKEN}"} if path.startswith("/api/v1/") else {"X-Public-Key": KEY}
        return self.call("POST", path, body, {**credential, **given})


def review(**changes: Any) -> dict[str, Any]:
    """A review that is accepted, with changes."""
    author = {"name": "Nia", "email": "nia@mail.example"}
    return {"product_id": "prd_1", "rating": 5, "title": "Good", "body": "Very good.", "author": author, **changes}
