"""What is wrong with CSS that a merchant wrote, judged by what browsers' own grammar makes of it (CSS Syntax, by tinycss2).

Widgets stand in a shadow root, or in the page's own tree, nested in ``@layer sumeru{sumeru-widget[light]{…}}`` with ``&`` for ``:host``
(``http/rendering.layered``). In either place it may style the widget and nothing else, and fetch nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import tinycss2
from django.utils.translation import gettext as _

NESTING_LIMIT: Final = 32
GROUPS: Final = frozenset({"media", "supports", "container", "starting-style"})
"""At-rules that hold style rules. ``@keyframes`` may stand, too; no other may."""
_FETCHING: Final = frozenset(
    {"url", "src", "image", "image-set", "-webkit-image-set", "cross-fade", "-webkit-cross-fade", "element", "expression", "attr"}
)  # fmt: skip
_UNFIT: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\\]|</|<!--|-->", re.IGNORECASE)
_DEEP: Final = re.compile(r"[][(){}]")
_TYPED: Final = frozenset({"value", "checked", "selected"})
"""Attributes that hold what a person typed or chose: a selector on them reads it."""
_READING: Final = frozenset({"checked", "valid", "invalid", "user-valid", "user-invalid", "in-range", "out-of-range"})


def problems(css: str) -> list[str]:
    """What is wrong, as sentences for the admin, each once; empty when nothing is. Takes time in proportion to the text."""
    found = []
    for unfit in _UNFIT.finditer(css):
        sign = unfit[0]
        found.append(_not_allowed(sign if sign.isprintable() else f"U+{ord(sign):04X}"))
    if not found and _nesting(css) > NESTING_LIMIT:
        found.append(_("Brackets are nested too deeply."))
    return list(dict.fromkeys(found or _in_rules(css)))


def value_is_plain(value: str) -> bool:
    """Whether this is one value that ends where its declaration does, and fetches nothing."""
    if (
        _UNFIT.search(value)
        or "\n" in value
        or "/*" in value
        or _nesting(value) > NESTING_LIMIT
        or not _ends_closed(value)
    ):
        return False
    parts = tinycss2.parse_component_value_list(value)
    return not any(True for _each in _in_values(parts)) and not any(
        each.type == "{} block" or (each.type == "literal" and each.value in (";", "!")) for each in parts
    )


def _not_allowed(what: str) -> str:
    return _("%s is not allowed in widget CSS.") % what


def _unclosed() -> str:
    return _("A bracket, string or comment is not closed, or one too many is.")


def _nesting(css: str) -> int:
    """How deep brackets stand in each other at most, those in strings and comments counted, too: what the parser could build."""
    deepest = depth = 0
    for sign in _DEEP.findall(css):
        depth = depth + 1 if sign in "([{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def _in_rules(css: str) -> Iterator[str]:
    if not _ends_closed(css):
        yield _unclosed()
        return
    pending = [(tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True), False)]
    while pending:
        rules, nested = pending.pop()
        for rule in rules:
            if rule.type == "error":
                yield _unclosed()
            elif rule.type == "declaration":
                yield from _in_values(rule.value)
            elif rule.type == "qualified-rule":
                yield from _in_selector(rule.prelude, nested=nested)
                yield from _in_values(rule.prelude)
                pending.append((_contents(rule.content), True))
            elif rule.lower_at_keyword in GROUPS and rule.content is not None:
                yield from _in_values(rule.prelude)
                # Directly in a style rule it may hold declarations, too.
                pending.append((_contents(rule.content), nested))
            elif rule.lower_at_keyword == "keyframes" and rule.content is not None and not nested:
                yield from _in_values(rule.content)
            else:
                yield _not_allowed(f"@{rule.lower_at_keyword}")


def _contents(content: Any) -> Any:
    return tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True)


def _ends_closed(css: str) -> bool:
    """Whether the text ends outside of every bracket, string and comment: what follows it stays what it is.

    The parser closes at the end whatever is open, as browsers do; so a mark is put there, and must be found where it was put.
    """
    marked = tinycss2.parse_component_value_list(f"{css}\n@sumeru-end;")
    return len(marked) >= 2 and marked[-2].type == "at-keyword" and marked[-2].value == "sumeru-end"


def _in_values(values: Iterable[Any]) -> Iterator[str]:
    """What fetches, and what is broken, at any depth."""
    pending = [list(values)]
    while pending:
        parts = pending.pop()
        solid = [each for each in parts if each.type not in ("whitespace", "comment")]
        for each, following in zip(solid, [*solid[1:], None], strict=True):
            if each.type == "url" or (each.type == "function" and each.lower_name in _FETCHING):
                yield _not_allowed("url()" if each.type == "url" else f"{each.lower_name}()")
            elif each.type == "error":
                yield _unclosed()
            elif (
                each.type == "ident" and each.lower_value in _FETCHING and getattr(following, "type", "") == "() block"
            ):
                yield _not_allowed(f"{each.lower_value}()")  # no function for today's browsers; who writes it means one
            pending += [inner for name in ("arguments", "content") if (inner := getattr(each, name, None))]


def _in_selector(prelude: list[Any], *, nested: bool) -> Iterator[str]:
    """``:host`` may begin a selector, and lead inwards. Anywhere else it could reach what stands around the widget."""
    at_start, host = True, False
    for index, each in enumerate(prelude):
        before = prelude[index - 1] if index else None
        after_colon = before is not None and before.type == "literal" and before.value == ":"
        name = getattr(each, "lower_name" if each.type == "function" else "lower_value", "")
        if each.type == "literal" and each.value == ",":
            at_start, host = True, False
        elif each.type == "literal" and each.value in "+~" and (host or nested):
            yield _not_allowed(f":host {each.value}" if host else f"{each.value} in a nested rule")
        elif each.type == "literal" and each.value == "&" and not (nested and at_start):
            yield _not_allowed("&")
        elif after_colon and name == "host-context":
            yield _not_allowed(":host-context()")
        elif after_colon and name == "host":
            if not at_start or nested:
                yield _not_allowed(_(":host within a selector"))
            host = True
        elif after_colon and name in _READING:
            yield _not_allowed(f":{name}")
        elif each.type == "whitespace" and host:
            # `:host p` leads inwards, and then siblings are the widget's own; `:host + p` does not.
            following = next((part for part in prelude[index:] if part.type != "whitespace"), None)
            host = following is not None and following.type == "literal" and following.value in "+~"
        elif each.type == "literal" and each.value == ">":
            host = False
        if each.type not in ("whitespace", "comment") and not (each.type == "literal" and each.value in (",", ":")):
            at_start = False
        yield from _in_parts(each)


def _in_parts(part: Any) -> Iterator[str]:
    """Inside brackets of a selector: no ``:host`` and no ``&``, and no attribute that a person fills in."""
    pending = [(part, False)]
    while pending:
        each, inside = pending.pop()
        if each.type == "[] block":
            names = [token.lower_value for token in each.content if token.type == "ident"]
            if names and names[0] in _TYPED:
                yield _not_allowed(f"[{names[0]}]")
            continue
        inner = getattr(each, "arguments", None) or getattr(each, "content", None) or []
        if inside and each.type == "literal" and each.value == "&":
            yield _not_allowed("&")
        for number, found in enumerate(inner):
            colon = number > 0 and inner[number - 1].type == "literal" and inner[number - 1].value == ":"
            name = getattr(found, "lower_name" if found.type == "function" else "lower_value", "")
            if colon and str(name).startswith("host"):
                yield _not_allowed(_(":host within a selector"))
            elif colon and name in _READING:
                yield _not_allowed(f":{name}")
            pending.append((found, True))
