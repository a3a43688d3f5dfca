"""What people wrote stays what they wrote, whatever template engine a page runs over its own HTML. Pure.

A storefront may mount Vue, petite-vue, AngularJS and the like on elements that hold our HTML, or put it into a template of its server's.
Those read ``{{ … }}``, ``${…}``, ``{% … %}`` and others in texts and attributes, and some of them run what they read. Two walls:

* The host says "not this" in the words of the engines that have such words (``HANDS_OFF``).
* No two signs that open an expression stand side by side (``inert``): in a text ``<wbr>`` parts them, which shows and reads as nothing;
  in an attribute or a text area the second is a character reference, in JSON an escape.
"""

from __future__ import annotations

import re

HANDS_OFF = "v-pre ng-non-bindable"
"""Attributes of the host: Vue (all of its delimiters) and petite-vue, AngularJS. Alpine, htmx, Stimulus and Knockout read attributes of
their own only, and none of those is ever made of a text."""

_PAIR = re.compile(r"\{(?=[{%#$^!])|[$#@%*](?=\{)|\[(?=[\[%#$(=])|&lt;(?=[%#?])")
"""The first of two signs that open an expression: ``{{ {% {# ${ #{ @{ %{ [[ [% [( <% <#`` and their kin."""
_PIECES = re.compile(r"(<textarea\b[^>]*>[^<]*|<[^>]*>)")
_JSON_PAIR = re.compile(r"\{[{%#$^!]|[$#@%*]\{|\[[\[%#$(=]|\\u003c[%#?]")
_JSON_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_JSON_SIGN = re.compile(r"[{}\[\]%$#?]")


def inert(html: str) -> str:
    """Our own HTML (every ``<`` of a text is a reference) with each pair parted. Cheap where there is none."""
    if not _PAIR.search(html):
        return html
    pieces = _PIECES.split(html)
    for place, piece in enumerate(pieces):
        pieces[place] = _PAIR.sub(_referred if place % 2 else r"\g<0><wbr>", piece)
    return "".join(pieces)


def inert_json(text: str) -> str:
    """The same JSON, with the signs of expressions escaped in every string where two of them meet."""
    if not _JSON_PAIR.search(text):
        return text
    return _JSON_TEXT.sub(
        lambda found: _JSON_SIGN.sub(_escaped, found[0]) if _JSON_PAIR.search(found[0]) else found[0], text
    )


def _referred(found: re.Match[str]) -> str:
    return found[0] if len(found[0]) > 1 else f"&#{ord(found[0])};"


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
