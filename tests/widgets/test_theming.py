"""Tokens and parts: the tables say what the styles and templates hold, and merchant CSS can do nothing but style."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from sumeru_proxy.models import Shop
from tests.widgets.fragments import Page
from tests.widgets.states import ready
from widgets import registry
from widgets.i18n import languages
from widgets.theming import merchant_css, tokens

ROOT = Path(settings.BASE_DIR)
WIDGETS = sorted(registry.all_widgets())
STYLES = sorted((ROOT / "static/widgets").glob("*.css"))


def fallbacks() -> dict[str, set[str]]:
    """What our CSS uses of the tokens: the values that stand when a token is not set, our own variables read."""
    css = "\n".join(path.read_text("utf-8") for path in STYLES)
    own = dict(re.findall(r"(--[a-z]+): (.*?);", css))
    found: dict[str, set[str]] = {}
    for token, value in re.findall(
        r"var\(--sumeru-([a-z-]+)(?:, ((?:[^()]|\([^()]*(?:\([^()]*\))?[^()]*\))*))?\)", css
    ):
        if own_name := re.fullmatch(r"var\((--[a-z]+)\)", value):
            # The variable may itself be a token with a default.
            value = re.sub(r"^var\(--sumeru-[a-z-]+, (.*)\)\Z", r"\1", own[own_name[1]])
        found.setdefault(token, set()).add(value)
    return found


def test_the_table_of_tokens_is_what_the_styles_use() -> None:
    assert fallbacks() == {name: set(token.defaults) for name, token in tokens.TOKENS.items()}


@pytest.mark.parametrize("name", WIDGETS)
def test_the_table_of_parts_is_what_the_templates_name(name: str) -> None:
    """Both ways, over every state: no part without a meaning, no meaning without a part."""
    shown = {
        part
        for state in ready()
        if state.widget == name
        for _tag, attrs in Page(state.made().inner).elements
        for part in attrs.get("part", "").split()
    }
    table = registry.all_widgets()[name].parts
    assert shown == set(table), "add the states that show them to tests/widgets/states.py"
    assert [part for part, text in table.items() if not str(text).endswith(".")] == []


def test_no_template_names_a_part_that_no_state_shows() -> None:
    """A part in a branch that no state reaches would escape the comparison above."""
    named = set()
    for path in (ROOT / "templates/widgets").rglob("*.html"):
        for text in re.findall(r' part="((?:{%.*?%}|{{.*?}}|[^"])*)"', path.read_text("utf-8")):
            named |= set(re.sub(r"{%.*?%}|{{.*?}}", " ", text).split())
    known = {part for widget in registry.all_widgets().values() for part in widget.parts}
    assert named <= known


@pytest.mark.parametrize(
    "value",
    ["#0a7", "rgb(1, 2, 3)", "8px", "0", '"Great Font", Georgia, serif', "color-mix(in srgb, red 50%, blue)", "0.5rem"],
)
def test_plain_values(value: str) -> None:
    assert tokens.token_problems({"accent": value}) == []
    assert tokens.token_css({"accent": value}) == f":where(:host){{--sumeru-accent:{value};}}"


@pytest.mark.parametrize(
    "value",
    [
        "", "red;color:blue", "red}", "{", "url(https://x.example)", "URL (x)", "image-set('x' 1x)", "src(x)", "</style>", "\\75rl(x)",
        "expression(1)", "red\n", "@import", "x" * 121, "/*", "red/*", "(", "rgb(1", ")", '"', "'Font", "red)(", None, 7,
    ],
)  # fmt: skip
def test_values_that_could_do_more(value: object) -> None:
    assert tokens.token_problems({"accent": value})
    assert tokens.token_css({"accent": value}) == ""  # type: ignore[dict-item]


def test_unknown_tokens_are_named() -> None:
    assert "colour" in tokens.token_problems({"colour": "red"})[0]
    assert tokens.token_problems(["red"])


@pytest.mark.parametrize(
    "css",
    [
        "", ".sw-title { font-weight: 400 }", "@media (min-width: 40em) { .sw-row { gap: 0 } }", "a::after { content: '}' }",
        "/* { */ .sw-box { border: 0 }", 'a[href*="x"] { color: red }', "@container (min-width: 1px) { p { margin: 0 } }",
        ":host(.x) > p {}", ":host([dark]) .a + .b {}", ":host .a ~ .b {}", ".a { &:hover { color: red } }", ".a { & .b { color: red } }",
        "@keyframes k { from { top: 0 } to { top: 1px } }", ".a ~ .b {}", "p:not(.a) {}", ":host, :host(.b) p {}", ".a:has(.b) {}",
        "@media print { :host { color: red } }", "/* it's */ p { color: red }",
    ],
)  # fmt: skip
def test_css_that_only_styles(css: str) -> None:
    assert merchant_css.problems(css) == []


@pytest.mark.parametrize(
    "css",
    [
        "@import 'https://x.example'", "@IMPORT url(x)", "p { background: url(https://x.example) }", "p{background:URL  (x)}",
        "p { background: -webkit-image-set('https://x.example' 1x) }", "p { content: src('x') }", "</style><script>", "</StYle",
        "p { background: u\\72l(x) }", "<!-- p {} -->", "p { width: expression(1) }", "@font-face { src: url(x) }",
        "} p { color: red", "p { color: red", "p { color: red } }", 'a{b:"\f}}body{color:red}', 'a{b:"\r}}body{x:y}', "p { a: \0 }",
        "p { background: image('x') }", "p { --x: url(y) }", "@keyframes k { from { background: url(x) } }",
        "@supports (a: url(x)) { p {} }",
        "@media print { @import 'x'; }", ".a { @import 'x'; }", "@charset 'x';", "@namespace a 'b';",
        "@page { margin: 0 }", "@layer x { p {} }",
        "@scope (html) { p {} }", "@property --x { syntax: '*' }",
        # what would reach around the widget, in light mode, where :host is & within @layer sumeru
        ":host-context(body) {}", "body:has(:host) {}", "body:has(&) {}", "& ~ p {}", ":host ~ p {}", ":host + p {}", ":host(.x)~p {}",
        ":is(:host) ~ p {}", ":not(:host) {}", "p :host {}", ":host { & ~ p {} }", ":host { body:has(&) {} }",
        ":is(p, :is(body:has(&))) {}",
        "@media print { body:has(:host) {} }",
        # what reads a person's input
        "input[value^=a] {}", "input:checked {}", "p:is(input:valid) {}",
        "p {" * 100 + "}" * 100, "p { a: " + "(" * 5_000 + ")" * 5_000 + " }",
 "/* never ends", "p { content: 'x", "p { color: rgb(1 }", "a[b { }",
    ],
)  # fmt: skip
def test_css_that_could_do_more(css: str) -> None:
    assert merchant_css.problems(css)


def test_the_docs_and_the_admin_show_both_tables(client: Client, admin_client: Client) -> None:
    shop = Shop.objects.create(name="Ridge", domain="ridge.example")
    docs = client.get("/docs/").content.decode()
    look = admin_client.get(reverse("admin:sumeru_proxy_shop_change", args=[shop.pk])).content.decode()
    for page in (docs, look):
        text = unescape(page)
        for name, token in tokens.TOKENS.items():
            assert f"<code>--sumeru-{name}</code>" in page
            assert str(token.changes) in text
            assert [value for value in token.defaults if f"<code>{value}</code>" not in text] == []
        for widget in registry.all_widgets().values():
            for part, about in widget.parts.items():
                assert f"sumeru-widget[type={widget.name}]::part({part})</code></td><td>{about}" in text
    assert f'src="/w/v1/{shop.key}/product_feed?limit=4"' in look


def test_the_docs_name_every_language(client: Client) -> None:
    docs = client.get("/docs/").content.decode()
    assert [code for code, _name in settings.LANGUAGES if f"<code>{languages.canonical(code)}</code>" not in docs] == []
