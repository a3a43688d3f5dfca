"""The docs' receivers of signed messages, in Python and JavaScript: they take what is signed, once, and nothing else."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sumeru_proxy.consumers.order_sync.document import from_data
from sumeru_proxy.consumers.order_sync.signed_message import order_body
from sumeru_proxy.consumers.order_sync.targets import interface
from sumeru_proxy.consumers.order_sync.targets.interface import TargetDown
from sumeru_proxy.outbox.signed_webhooks import headers_of, keys_of
from tests.sumeru_proxy.consumers.order_sync.generated import documents
from tests.sumeru_proxy.consumers.order_sync.targets.test_http import OLD, SECRET, closed, one, open_target

__all__ = ["closed"]
RECEIVERS = Path(__file__).parent / "receivers"


@contextmanager
def receiver(file: str) -> Iterator[tuple[str, Any]]:
    program = sys.executable if file.endswith(".py") else shutil.which("node")
    assert program
    command = [program, str(RECEIVERS / file)]
    known = {"PATH": os.environ["PATH"], "ORDERS_SECRET": OLD, "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        command, env=known, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
    ) as process:
        try:
            assert process.stdout
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/", process.stdout
        finally:
            process.terminate()


def plain(url: str, headers: dict[str, str], body: bytes) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("POST", "/", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("file", ["receiver.py", "receiver.mjs"])
def test_the_receivers_of_the_docs(file: str) -> None:
    made = next(each for each in documents(50) if not each.party.name.isascii())
    body, keys = order_body(made), keys_of(OLD)
    with receiver(file) as (url, lines):
        # During a rotation the receiver has one of the two secrets.
        target = open_target(url, f"{SECRET},{OLD}")
        assert [each.level for each in target.check()] == [interface.OK, interface.WARNING]
        assert [one(target, each).action for each in (made, made, replace(made, number="#2"))] == [
            interface.CREATED
        ] * 3
        found = [json.loads(lines.readline()) for _ in range(2)]
        assert [each["number"] for each in found] == [made.number, "#2"]
        del found[0]["fingerprint"]
        assert from_data(found[0]) == made
        now = time.time()
        good = headers_of("x_1", now, body, keys)
        assert plain(url, good, body) == 204
        wrong = [
            (good, body + b" "),
            ({**good, "webhook-id": "x_2"}, body),
            ({**good, "webhook-timestamp": str(int(now) + 1)}, body),
            ({**good, "webhook-signature": "v1,é" + good["webhook-signature"][4:]}, body),
            ({**good, "webhook-signature": ""}, body),
            ({name: value for name, value in good.items() if name != "webhook-signature"}, body),
            (headers_of("x_1", now, body, keys_of(SECRET)), body),
            (headers_of("x_1", now - 301, body, keys), body),
        ]
        assert [plain(url, headers, sent) for headers, sent in wrong] == [401] * len(wrong)
        assert plain(url, good, body) == 204
        with pytest.raises(TargetDown) as caught:
            one(open_target(url, SECRET), made)
        assert caught.value.reason == "key_refused"
