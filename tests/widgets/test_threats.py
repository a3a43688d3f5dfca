"""The table of threats: every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

from widgets.docs import threats

TESTS = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("threat", threats.THREATS, ids=lambda threat: threat.test.partition("::")[2])
def test_each_line_names_a_test(threat: threats.Threat) -> None:
    file, _mark, function = threat.test.partition("::")
    assert re.search(rf"^def {function}\(", (TESTS / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_the_page_shows_them_all(client: Client) -> None:
    page = client.get("/docs/threats/").content.decode()
    assert page.count("<tr><td>") == len(threats.THREATS) > 20
    assert 'href="/docs/threats/"' in client.get("/docs/deploying/").content.decode()
