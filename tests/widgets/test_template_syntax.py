"""A text that a storefront's template engine would read as an expression: parted, and yet the same text."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser

import pytest

from widgets.http.template_syntax import inert, inert_json

OPENERS = ["{{", "{%", "{#", "{{{", "${", "#{", "@{", "%{", "[[", "[%", "[(", "{!!", "{^{", "<%", "<#", "<?"]


def texts(made: str) -> list[str]:
    """The text nodes that a browser makes of it."""
    found: list[str] = []
    parser = HTMLParser(convert_charrefs=True)
    parser.handle_data = found.append  # type: ignore[method-assign]
    parser.feed(made)
    parser.close()
    return found


@pytest.mark.parametrize("opener", OPENERS)
def test_no_opener_stands_in_a_text(opener: str) -> None:
    text = f"a {opener} constructor.constructor('x')() b"
    made = inert(f"<p>{html.escape(text)}<br>{html.escape(text)}</p>")
    assert not [each for each in texts(made) if opener in each]
    assert "".join(texts(made)) == text * 2


@pytest.mark.parametrize("opener", [each for each in OPENERS if "<" not in each])
def test_no_opener_stands_in_the_source_of_an_attribute_or_a_text_area(opener: str) -> None:
    text = html.escape(f"a {opener} b")
    source = f'<b title="{text}"></b><textarea name="b">{text}</textarea>'
    made = inert(source)
    assert opener not in made
    assert "<wbr>" not in made
    assert html.unescape(made) == html.unescape(source)


@pytest.mark.parametrize(
    "text", ["<p>{ a }</p>", '<b data-add="{&quot;items&quot;:[{&quot;a&quot;:1}]}">5 % [x] $5</b>', ""]
)
def test_what_opens_nothing_is_left(text: str) -> None:
    assert inert(text) is text


@pytest.mark.parametrize("opener", OPENERS)
def test_json_is_the_same_json(opener: str) -> None:
    value = {"name": f"a {opener} 1 }} b", "nested": [[{'a"': "\\" + opener}], ["plain #1"]], opener: 1}
    text = json.dumps(value).replace("<", "\\u003c")
    made = inert_json(text)
    assert json.loads(made) == value
    strings = re.findall(r'"(?:[^"\\]|\\.)*"', made)
    assert not [each for each in strings if opener in each or opener.replace("<", "\\u003c") in each]
