"""Every call that the docs show is one that works, in Python and in plain HTTP."""

from __future__ import annotations

import subprocess
from html import unescape
from typing import Any

import pytest
from django.test import Client

from sumeru_proxy.client import api, errors, resources
from tests.upstream import Upstream
from widgets.docs import client as client_docs

NAMES = [each.resource.name for each in client_docs.EXAMPLES]


def test_every_resource_is_shown_once() -> None:
    assert sorted(NAMES) == sorted(each.name for each in resources.EVERY)


def test_the_page(client: Client) -> None:
    html = unescape(client.get("/docs/client/").content.decode())
    for each in client_docs.EXAMPLES:
        assert each.python in html
        assert each.http() in html
    assert "/docs/client/" in client.get("/docs/").content.decode()


@pytest.mark.parametrize("example", client_docs.EXAMPLES, ids=NAMES)
def test_both_forms_reach_sumeru(example: client_docs.Example, sandbox: Upstream) -> None:
    keys = sandbox.account()
    account = api.Account(host=sandbox.url, public_key=keys["public_key"], token=keys["token"])
    sumeru: Any = api.Sumeru(account, lane="page")
    try:
        eval(example.python, {"sumeru": sumeru})  # our own line, as the docs show it
    except errors.Refused as refused:
        if refused.status != 404:  # the ids of the docs need not exist here
            raise
    seen = sandbox.calls()
    assert seen
    command = example.http(sandbox.url).replace("$(uuidgen)", "docs-example-1")
    command = command.replace("curl -sS", "curl -sS -o /dev/null -w '%{http_code}'")
    environment = {"PUBLIC_KEY": keys["public_key"], "TOKEN": keys["token"], "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["/bin/bash", "-c", command], env=environment, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout in ("200", "201", "202", "404"), done.stdout
    assert sandbox.calls() >= seen
    last = sandbox.recent()[-2:]
    assert last[0]["path"] == last[-1]["path"], "both forms are the same call"
