"""The code that a storefront's developer copies: script tags, server fetches, Content-Security-Policy. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import quote, urlsplit

from widgets.docs import npm_package, samples

PLACEHOLDERS = {
    "product_id": "PRODUCT_ID",
    "product_ids": "PRODUCT_ID_1,PRODUCT_ID_2",
    "cart_id": "CART_ID",
    "visitor_id": "VISITOR_ID",
    "customer_id": "CUSTOMER_ID",
}
"""What stands for values that only the storefront's page knows."""
TABS = (
    ("script", "Script tag"),
    ("pinned", "Pinned script (SRI)"),
    ("fetch", "Server: fetch"),
    ("nextjs", "Server: Next.js"),
    ("hydrogen", "Server: Hydrogen"),
)


@dataclass(frozen=True, slots=True)
class Snippet:
    """One tab of one widget. ``slug`` is one of TABS; ``note`` says when to choose it."""

    slug: str
    label: str
    code: str
    note: str


@dataclass(frozen=True, slots=True)
class SetUp:
    """Once per storefront, before its widgets: ``blocks`` of code to copy in this order."""

    slug: str
    title: str
    blocks: list[str]


@dataclass(frozen=True, slots=True)
class EmbedPlace:
    """Where the widgets come from: ``base`` is this server's address without a slash at the end; ``script_hash`` and ``integrity``
    name the loader's present build (empty when it is not installed)."""

    base: str
    shop_key: str
    script_hash: str = ""
    integrity: str = ""
    own_path: str = ""
    """The path on the storefront, in the place of ``base`` for browsers."""

    @property
    def browser(self) -> str:
        """Where browsers go."""
        return self.own_path or self.base


def sample_params(example: Mapping[str, str]) -> dict[str, str]:
    """A widget's example call with placeholders for what the page fills in."""
    return {
        name: PLACEHOLDERS.get(name, "PRODUCT_ID" if "{product}" in value else value) for name, value in example.items()
    }


def script_tag(place: EmbedPlace, *, pinned: bool) -> str:
    """The loader's tag; ``pinned`` names one build by its hash, which the browser verifies."""
    if pinned:
        return (
            f'<script async crossorigin src="{escape(place.browser)}/embed/{place.script_hash}/loader.js"\n'
            f'  integrity="{place.integrity}" data-shop="{escape(place.shop_key)}"></script>'
        )
    return f'<script async crossorigin src="{escape(place.browser)}/embed/v1.js" data-shop="{escape(place.shop_key)}"></script>'


def element_tag(place: EmbedPlace, widget: str, title: str, params: Mapping[str, str], *, live: bool = False) -> str:
    """The widget's element with its fallback link, which works where scripts do not.

    ``live`` tells the loader that the content is one visitor's own: without it, it hears so by a request that could be spared.
    """
    attributes = "".join(f' {name.replace("_", "-")}="{escape(value)}"' for name, value in params.items())
    attributes += " live" if live else ""
    query = "&".join(f"{name}={quote(value, safe=',')}" for name, value in params.items())
    href = f"{place.browser}/w/v1/{place.shop_key}/{widget}{'?' if query else ''}{query}"
    return f'<sumeru-widget type="{widget}"{attributes}><a href="{escape(href)}">{escape(title)}</a></sumeru-widget>'


def _js_params(params: Mapping[str, str], product: str) -> str:
    """The call's parameters in JavaScript; ``product`` is what gives the product's id."""
    pairs = ", ".join(
        f"{name}: {product}" if value == "PRODUCT_ID" else f"{name}: '{value}'" for name, value in params.items()
    )
    return f"{{ {pairs} }}" if pairs else "{}"


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _fetch(place: EmbedPlace, widget: str, params: Mapping[str, str]) -> str:
    arguments = "productId" if "PRODUCT_ID" in params.values() else ""
    return f"""\
// On your server. Give the element's HTML to your template as it is, unescaped.
async function {widget}Html({arguments}) {{
  const query = new URLSearchParams({_js_params(params, "productId")});
  try {{
    const answer = await fetch(`{place.base}/w/v1/{place.shop_key}/{widget}.json?${{query}}`, {{
      signal: AbortSignal.timeout(800),
    }});
    return answer.ok ? (await answer.json()).html : "";
  }} catch {{
    return ""; // slow or away: the page comes without the widget
  }}
}}"""


def _as_quiz(sample: str, place: EmbedPlace, widget: str, title: str, params: str) -> str:
    """A sample about the quiz, as another widget's."""
    code = samples.sample(sample, base=place.base, shop=place.shop_key)
    code = code.replace("{ quiz_id: 'quiz_gift' }", params).replace("'quiz'", f"'{widget}'")
    code = code.replace('label="Start"', f'label="{escape(title)}"').replace(' className="wait"', "")
    return re.sub(r"\bquiz(?=:| \})|(?<=loaderData\.)quiz\b", widget, code)


def _nextjs(place: EmbedPlace, widget: str, title: str, params: Mapping[str, str]) -> str:
    code = _as_quiz("nextjs-widget", place, widget, title, _js_params(params, "productId"))
    props = "{ productId }" if "PRODUCT_ID" in params.values() else ""
    return code.replace("Quiz()", f"{_pascal(widget)}({props})")


def _hydrogen(place: EmbedPlace, widget: str, title: str, params: Mapping[str, str]) -> str:
    return _as_quiz("hydrogen-widget", place, widget, title, _js_params(params, "args.params.id"))


def for_widget(
    place: EmbedPlace, widget: str, title: str, example: Mapping[str, str], *, public: bool, form: bool = False
) -> list[Snippet]:
    """The tabs of one widget. Private widgets have no server snippets: their answers are for one browser each.

    One with a ``form`` is not marked as live: what a shopper has filled in would be asked for anew when the page comes back.
    """
    params = sample_params(example)
    element = element_tag(place, widget, title, params, live=not public and not form)
    labels = dict(TABS)
    snippets = [
        Snippet(
            "script",
            labels["script"],
            f"{script_tag(place, pinned=False)}\n{element}",
            "Improvements arrive by themselves. The first line once per page, the second where the widget should stand.",
        )
    ]
    if place.script_hash:
        snippets.append(
            Snippet(
                "pinned",
                labels["pinned"],
                f"{script_tag(place, pinned=True)}\n{element}",
                "One build, verified by the browser. Copy it again after each release of this server to get the next one.",
            )
        )
    if public:
        note = "The widget is in the page before any script runs, and search engines read it."
        once = f"{note} What the storefront needs once stands at the end of this page."
        snippets += [
            Snippet("fetch", labels["fetch"], _fetch(place, widget, params), note),
            Snippet("nextjs", labels["nextjs"], _nextjs(place, widget, title, params), once),
            Snippet("hydrogen", labels["hydrogen"], _hydrogen(place, widget, title, params), once),
        ]
    return snippets


def set_ups(place: EmbedPlace) -> list[SetUp]:
    """What a storefront needs once, whatever widgets it shows."""

    def sample(name: str) -> str:
        return samples.sample(name, base=place.base, shop=place.shop_key)

    package = f"npm install {place.base}/embed/npm/{npm_package.NAME}-{npm_package.package().version}.tgz"
    nextjs = ("nextjs-lib", "nextjs-layout", "nextjs-csp", "nextjs-cart", "nextjs-customer")
    hydrogen = ("context", "lib", "root", "csp", "csp-entry", "cart")
    return [
        SetUp("room", "Style sheet", [sample("room")]),
        SetUp("nextjs", "Next.js", [package, sample("environment"), *map(sample, nextjs)]),
        SetUp(
            "hydrogen", "Hydrogen", [package, sample("environment"), *(sample(f"hydrogen-{each}") for each in hydrogen)]
        ),
    ]


def _origin(base: str) -> str:
    parts = urlsplit(base)
    return f"{parts.scheme}://{parts.netloc}"


def policy(base: str) -> str:
    """What a storefront adds to its Content-Security-Policy, one directive per line."""
    origin = _origin(base)
    return (
        f"script-src {origin};\n"
        f"connect-src {origin};\n"
        f"form-action {origin};\n"
        "img-src https:;\n"
        "media-src https:;\n"
        "trusted-types sumeru;"
    )
