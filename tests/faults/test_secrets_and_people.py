"""Credentials and people's data: after a busy, failing day they are in no file, log, answer or memory where they do not belong.

A job's body names the shopper until it is delivered and pruned, by design; so do events until they are pruned.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from cryptography.fernet import Fernet

from sumeru_proxy.sandbox.catalogue import small_catalogue
from sumeru_proxy.sandbox.server import Sandbox, running
from sumeru_proxy.webhooks import signature
from tests.faults.running_site import (
    ENGINES,
    PLENTY,
    PUBLIC_KEY,
    SECRET,
    TOKEN,
    Reply,
    Site,
    Web,
    deliver,
    envelope,
    open_forms,
    redis_url,
    site,
    submit,
)
from widgets import registry

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

PERSON = re.compile(
    rb"shopper\d+@mail\.example|Shopper \d{6}|ada@shopper\.example|Body of submission \d+", re.IGNORECASE
)
OTHER_SECRET = "wsec_" + "q" * 32
CREDENTIALS = [each.encode() for each in (PUBLIC_KEY, TOKEN, SECRET, OTHER_SECRET)]
TABLES = ("sumeru_proxy_job", "sumeru_proxy_inboundevent")


@pytest.fixture(params=ENGINES)
def stage(request: Any, tmp_path: Path) -> Iterator[tuple[Site, Sandbox]]:
    with (
        running(small_catalogue(), limits=PLENTY) as sandbox,
        site(request.param, tmp_path, sandbox, LOG_LEVEL="DEBUG") as place,
    ):
        yield place, sandbox


def busy_day(place: Site, sandbox: Sandbox, web: Web) -> list[Reply]:
    """Submissions, events, webhooks and reads while everything goes wrong by turns; gives all answers."""
    replies: list[Reply] = []
    tokens = open_forms(place, web, "prd_1", "prd_2")
    number = 600_000
    for fault in (
        None,
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 401},
        {"kind": "malformed"},
        {"kind": "lose_answer"},
    ):
        if fault:
            sandbox.faults.add(fault)
        for product, token in tokens.items():
            number += 1
            replies.append(submit(place, web, number, token, product, changes={"name": f"Shopper {number}"}))
        bad = {"email": "ada@shopper.example\r\nBcc: x", "rating": 9, "name": f"Shopper {number}"}
        replies.append(submit(place, web, number + 50, tokens["prd_1"], changes=bad))
        raw = envelope(
            f"evt_{number}", "customer.updated", data={"customer": {"id": "cus_1", "email": "ada@shopper.example"}}
        )
        replies.append(deliver(place, web, raw))
        replies.append(deliver(place, web, raw, signature.sign(raw, OTHER_SECRET)))
        replies.append(deliver(place, web, raw[:-3]))
        for widget in registry.all_widgets().values():
            query = "&".join(
                f"{key}={value.replace('{product}', f'prd_{number % 7}')}" for key, value in widget.example.items()
            )
            for form in (".json", ".html", ""):
                replies.append(
                    web.get(f"/w/v1/{place.key}/{widget.name}{form}?{query}&email=ada@shopper.example&token={TOKEN}")
                )
        sandbox.faults.clear()
    for path in (
        "/admin/",
        "/admin/sumeru_proxy/job/",
        "/docs/",
        "/metrics",
        "/healthz",
        "/readyz",
        f"/nothing?key={PUBLIC_KEY}",
    ):
        replies.append(web.get(path))
    return replies


def database_dump(place: Site) -> dict[str, bytes]:
    """Every table's rows as text."""
    if place.engine == "postgresql":
        names = [name for (name,) in place.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    else:
        names = [name for (name,) in place.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {str(name): repr(place.rows(f'SELECT * FROM "{name}"')).encode() for name in names}


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.name, path.read_bytes()


def memory_of_redis() -> bytes:
    with contextlib.closing(redis.Redis.from_url(redis_url())) as memory:
        parts = [
            key + b" " + (memory.dump(key) or b"") + (memory.get(key) or b"") for key in memory.scan_iter(count=1_000)
        ]
    return b"\n".join(parts)


def test_credentials_and_people_are_nowhere_they_do_not_belong(stage: tuple[Site, Sandbox]) -> None:
    place, sandbox = stage
    web = place.web(SUMERU_LISTENERS="tests.sumeru_proxy.listeners.RECORDER")
    replies = busy_day(place, sandbox, web)
    place.environment["TEST_LISTENERS"] = "tests.sumeru_proxy.listeners.RECORDER"
    place.work("--once", shift_s=60)
    assert place.workers[-1].wait(60) == 0
    assert len(replies) > 100
    assert {reply.status for reply in replies} >= {200, 202, 401, 404, 422}

    said = b"\n".join(repr(reply.headers).encode() + reply.body for reply in replies)
    logs = place.logs().encode()
    assert logs.count(b"\n") > 50
    dump = database_dump(place)
    assert PERSON.search(dump["sumeru_proxy_job"]), "bodies are kept until they are pruned"
    looked_at = {
        "answers": said,
        "logs": logs,
        "copies": memory_of_redis() if place.engine == "postgresql" else b"",
        **dump,
    }
    looked_at |= {f"file {name}": content for name, content in files(place.folder)}
    for where, content in looked_at.items():
        for credential in CREDENTIALS:
            assert credential not in content, where
            assert credential[10:] not in content, where
        if where not in TABLES and not where.startswith("file db.sqlite3"):
            assert not PERSON.search(content), (where, PERSON.search(content))
    # Beside the bodies, a job's row names nobody either.
    for row in place.rows(
        "SELECT kind, key, order_key, last_error, note, claimed_by, reason, result FROM sumeru_proxy_job"
    ):
        assert not PERSON.search(repr(row).encode()), row


def test_what_is_pruned_or_erased_is_gone_from_the_file(tmp_path: Path) -> None:
    """SQLite overwrites what it deletes, and its journal does not keep it."""
    with running(limits=PLENTY) as sandbox, site("sqlite", tmp_path, sandbox) as place:
        web = place.web()
        tokens = open_forms(place, web, "prd_1", "prd_2")  # each good for five
        for number in range(600_000, 600_010):
            product = "prd_1" if number % 2 else "prd_2"
            reply = submit(place, web, number, tokens[product], product, changes={"name": f"Shopper {number}"})
            assert reply.status == 200
        assert PERSON.search(b"".join(content for name, content in files(tmp_path) if name.startswith("db.sqlite3")))
        place.manage("prune", "--done-bodies", "0", "--event-bodies", "0")
        web.get("/readyz")
        for name, content in files(tmp_path):
            assert not PERSON.search(content), (name, PERSON.search(content))
        assert place.count("sumeru_proxy_job", "state = 'done'") == 10


def test_keys_are_rotated_without_one_failed_request(stage: tuple[Site, Sandbox]) -> None:
    """New key first, then re-encryption, then without the old one: pages, submissions and webhooks go on throughout."""
    place, _sandbox = stage
    old, new = (place.folder / "encryption_key").read_text().strip(), Fernet.generate_key().decode()
    place.environment["SUMERU_ENCRYPTION_KEYS"] = old
    webs = [place.web(processes=1)]
    token = open_forms(place, webs[0], "prd_1")["prd_1"]
    done, failed = threading.Event(), []
    count = 0

    def go_on() -> None:
        nonlocal count
        while not done.is_set():
            count += 1
            for each in list(webs):
                replies = [deliver(place, each, envelope(f"evt_rotation_{count}"))]
                replies.append(submit(place, each, 700_000 + count % 5, token))
                replies.append(each.get(f"/w/v1/{place.key}/bundles.json?product_id=prd_{1 + count % 9}"))
                failed.extend(reply for reply in replies if reply.status not in (200, 202, 429))
            time.sleep(0.05)

    client = threading.Thread(target=go_on)
    client.start()
    try:
        for keys in (f"{new},{old}", new):
            place.environment["SUMERU_ENCRYPTION_KEYS"] = keys
            webs.append(place.web(processes=1))
            webs.pop(0)  # a rolling restart: the old server gets no more requests …
            if keys != new:
                place.manage("rotate_secrets")
        time.sleep(1.5)
    finally:
        done.set()
        client.join(30)
    assert [(reply.status, reply.body) for reply in failed] == []
    assert count > 10
    with pytest.raises(AssertionError, match=r"(?i)lost key|cannot be opened|key"):
        place.environment["SUMERU_ENCRYPTION_KEYS"] = old
        place.manage("rotate_secrets")
