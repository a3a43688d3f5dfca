"""What a visit asks for, and the answer it gets. No page, no server."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlencode

# What an address remembers: the first value is the default and stays out of it.
SWITCHES: dict[str, dict[str, str]] = {
    "mode": {"server": "Server HTML", "script": "Script tag"},
    "theme": {"light": "Light", "dark": "Dark"},
    "dir": {"ltr": "LTR", "rtl": "RTL"},
    # Who declines is not remembered by anything that is stored.
    "consent": {"open": "", "denied": ""},
}
SHOWN_SWITCHES = ("mode", "theme", "dir")


@dataclass(frozen=True, slots=True)
class Visit:
    """One request. ``choices`` holds a value for every switch; ``form`` is None unless something was sent (POST).

    ``wants_json``: the page's own script asks, not a browser that navigates.
    """

    path: str
    query: Mapping[str, str]
    choices: Mapping[str, str]
    nonce: str
    cookies: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    wants_json: bool = False

    def url(self, path: str, query: Mapping[str, str] | None = None, **changes: str) -> str:
        """An address on this shop that keeps the switches as they are, but for the changes."""
        chosen = {**self.choices, **changes}
        kept = {name: chosen[name] for name, values in SWITCHES.items() if chosen[name] != next(iter(values))}
        pairs = urlencode({**(query or {}), **kept})
        return f"{path}?{pairs}" if pairs else path

    @property
    def server_html(self) -> bool:
        """Whether the shop's server puts finished widgets into the page."""
        return self.choices["mode"] == "server"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes over the wire. ``cookies`` are whole Set-Cookie values."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()


def visit_of(
    target: str,
    cookies: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    *,
    wants_json: bool = False,
) -> Visit:
    """A request target. Unknown values of a switch count as the default."""
    path, _mark, text = target.partition("?")
    query = dict(parse_qsl(text, max_num_fields=20)) if text.count("&") < 20 else {}
    choices = {
        name: query[name] if query.get(name) in values else next(iter(values)) for name, values in SWITCHES.items()
    }
    own = {name: value for name, value in query.items() if name not in SWITCHES}
    return Visit(unquote(path), own, choices, secrets.token_urlsafe(12), cookies or {}, form, wants_json)


def see(location: str, *cookies: str) -> Answer:
    """303: look there."""
    headers = {"Location": location, "Cache-Control": "no-store"}
    return Answer(303, "text/plain", b"", headers, tuple(cookies))


def refused(status: int, text: str) -> Answer:
    """A plain sentence with an error status."""
    return Answer(status, "text/plain; charset=utf-8", f"{text}\n".encode(), {"Cache-Control": "no-store"})
