"""The docs' page about troubleshooting: the whole table, filled in for readers."""

from __future__ import annotations

import re
from html import unescape

from django.test import Client

from widgets.doctor import table


def test_every_code_stands_in_the_docs_with_its_fix(client: Client) -> None:
    html = client.get("/docs/troubleshooting/").content.decode()
    text = unescape(re.sub(r"<[^>]+>", "", html))
    for code in table.rules():
        assert f'<tr id="{code}">' in html
    assert '<script async crossorigin src="http://testserver/embed/v1.js" data-shop="SHOP"></script>' in text
    assert "Origins: add ORIGIN" in text
    assert not re.search(r"\{\w+\}", text)
    for shown in ("manage.py doctor", "?sumeru-debug"):
        assert shown in text


def test_the_docs_lead_there(client: Client) -> None:
    assert 'href="/docs/troubleshooting/"' in client.get("/docs/").content.decode()
