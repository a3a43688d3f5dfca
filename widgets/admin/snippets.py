"""The code that a storefront's developer copies: script tags, server fetches, Content-Security-Policy. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import quote, urlsplit

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
class Place:
    """Where the widgets come from: ``base`` is scheme and host without a slash; ``script_hash`` and ``integrity`` name the
    loader's present build (empty when it is not installed)."""

    base: str
    shop_key: str
    script_hash: str = ""
    integrity: str = ""


def sample_params(example: Mapping[str, str]) -> dict[str, str]:
    """A widget's example call with placeholders for what the page fills in."""
    return {
        name: PLACEHOLDERS.get(name, "PRODUCT_ID" if "{product}" in value else value) for name, value in example.items()
    }


def script_tag(place: Place, *, pinned: bool) -> str:
    """The loader's tag; ``pinned`` names one build by its hash, which the browser verifies."""
    if pinned:
        return (
            f'<script async crossorigin src="{escape(place.base)}/embed/{place.script_hash}/loader.js"\n'
            f'  integrity="{place.integrity}" data-shop="{escape(place.shop_key)}"></script>'
        )
    return f'<script async crossorigin src="{escape(place.base)}/embed/v1.js" data-shop="{escape(place.shop_key)}"></script>'


def element_tag(place: Place, widget: str, title: str, params: Mapping[str, str], *, live: bool = False) -> str:
    """The widget's element with its fallback link, which works where scripts do not.

    ``live`` tells the loader that the content is one visitor's own: without it, it hears so by a request that could be spared.
    """
    attributes = "".join(f' {name.replace("_", "-")}="{escape(value)}"' for name, value in params.items())
    attributes += " live" if live else ""
    query = "&".join(f"{name}={quote(value, safe=',')}" for name, value in params.items())
    href = f"{place.base}/w/v1/{place.shop_key}/{widget}{'?' if query else ''}{query}"
    return f'<sumeru-widget type="{widget}"{attributes}><a href="{escape(href)}">{escape(title)}</a></sumeru-widget>'


def _query(params: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {_js_value(name, value)}" for name, value in params.items())


def _js_value(name: str, value: str) -> str:
    return {"PRODUCT_ID": "productId"}.get(value, f'"{value}"') if name in PLACEHOLDERS else f'"{value}"'


def _function(params: Mapping[str, str]) -> tuple[str, str]:
    """The functions' parameter list and the call's argument: a product id where the widget is about one."""
    return ("productId", "productId") if "PRODUCT_ID" in params.values() else ("", "")


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _fetch(place: Place, widget: str, params: Mapping[str, str]) -> str:
    arguments, _given = _function(params)
    return f"""\
// On your server. Give the element's HTML to your template as it is, unescaped.
async function {widget}Html({arguments}) {{
  const query = new URLSearchParams({{ {_query(params)} }});
  try {{
    const answer = await fetch(`{place.base}/w/v1/{place.shop_key}/{widget}.json?${{query}}`, {{
      signal: AbortSignal.timeout(800),
    }});
    return answer.ok ? (await answer.json()).html : "";
  }} catch {{
    return ""; // slow or away: the page comes without the widget
  }}
}}"""


def _nextjs(place: Place, widget: str, params: Mapping[str, str]) -> str:
    arguments, _given = _function(params)
    props = f"{{ {arguments} }}: {{ {arguments}: string }}" if arguments else ""
    key = "key={productId} " if arguments else ""
    return f"""\
// app/components/{widget}.tsx: an async server component
export async function {_pascal(widget)}({props}) {{
  const query = new URLSearchParams({{ {_query(params)} }});
  const answer = await fetch(`{place.base}/w/v1/{place.shop_key}/{widget}.json?${{query}}`, {{
    next: {{ revalidate: 300 }},
    signal: AbortSignal.timeout(800),
  }}).catch(() => null);
  if (!answer?.ok) return null;
  const {{ html }} = await answer.json();
  return <div {key}suppressHydrationWarning dangerouslySetInnerHTML={{{{ __html: html }}}} />;
}}

// app/layout.tsx, inside <body>: makes filters and pages work without leaving yours
<script async crossOrigin="" src="{place.base}/embed/v1.js" data-shop="{place.shop_key}" />"""


def _hydrogen(place: Place, widget: str, params: Mapping[str, str]) -> str:
    arguments, _given = _function(params)
    source = "  const productId = params.productId;\n" if arguments else ""
    return f"""\
// app/routes/…: the route's loader
export async function loader({{ params }}: LoaderFunctionArgs) {{
{source}  const query = new URLSearchParams({{ {_query(params)} }});
  const answer = await fetch(`{place.base}/w/v1/{place.shop_key}/{widget}.json?${{query}}`, {{
    signal: AbortSignal.timeout(800),
  }}).catch(() => null);
  return {{ {widget}Html: answer?.ok ? (await answer.json()).html : "" }};
}}

// in the route's component
const {{ {widget}Html }} = useLoaderData<typeof loader>();
<div suppressHydrationWarning dangerouslySetInnerHTML={{{{ __html: {widget}Html }}}} />

// app/root.tsx
import {{ Script }} from "@shopify/hydrogen";
<Script async crossOrigin="anonymous" src="{place.base}/embed/v1.js" data-shop="{place.shop_key}" />

// app/entry.server.tsx
createContentSecurityPolicy({{ connectSrc: ["{_origin(place.base)}"] }});"""


def for_widget(
    place: Place, widget: str, title: str, example: Mapping[str, str], *, public: bool, form: bool = False
) -> list[Snippet]:
    """The tabs of one widget. Private widgets have no server snippets: their answers are for one browser each.

    One with a ``form`` is not marked as live: what a shopper has filled in would be asked for anew when the page comes back.
    """
    params = sample_params(example)
    element = element_tag(place, widget, title, params, live=not public and not form)
    labels = dict(TABS)
    made = [
        Snippet(
            "script",
            labels["script"],
            f"{script_tag(place, pinned=False)}\n{element}",
            "Improvements arrive by themselves. The first line once per page, the second where the widget should stand.",
        )
    ]
    if place.script_hash:
        made.append(
            Snippet(
                "pinned",
                labels["pinned"],
                f"{script_tag(place, pinned=True)}\n{element}",
                "One build, verified by the browser. Copy it again after each release of this server to get the next one.",
            )
        )
    if public:
        note = "The widget is in the page before any script runs, and search engines read it."
        made += [
            Snippet("fetch", labels["fetch"], _fetch(place, widget, params), note),
            Snippet("nextjs", labels["nextjs"], _nextjs(place, widget, params), note),
            Snippet("hydrogen", labels["hydrogen"], _hydrogen(place, widget, params), note),
        ]
    return made


_ROOM = {
    "rating_badge": ("inline-block", 28),
    "reviews": ("block", 900),
    "bundles": ("block", 420),
    "upsell": ("block", 320),
    "quiz": ("block", 520),
    "referral": ("block", 260),
    "cart_nudge": ("block", 160),
    "product_feed": ("block", 700),
}
"""How much room each widget gets: its display and its least height in pixels."""


def room(names: Iterable[str]) -> str:
    """CSS that keeps room for widgets that come by script, so that nothing below them moves; a line for each of them.

    A widget may be taller than its room: what it pushes then is below the window as long as it is near the page's beginning.
    """
    return "\n".join(
        f'sumeru-widget[type="{name}"] {{ display: {display}; min-height: {height_px}px; }}'
        for name in names
        if (kept := _ROOM.get(name))
        for display, height_px in [kept]
    )


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
