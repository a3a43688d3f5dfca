"""What a Content-Security-Policy lets through (CSP Level 3, as far as widgets need it). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

# Which directives answer for one that is not there, the nearest first (CSP3 §6.8.3).
_FALLBACKS = {
    "script-src-elem": ("script-src-elem", "script-src", "default-src"),
    "style-src-elem": ("style-src-elem", "style-src", "default-src"),
    "connect-src": ("connect-src", "default-src"),
    "img-src": ("img-src", "default-src"),
    "media-src": ("media-src", "default-src"),
    "form-action": ("form-action",),
}
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_HOST_SOURCE = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<host>\*|(?:\*\.)?[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>\d+|\*))?(?P<path>/.*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Policy:
    """One enforced policy: directive → its sources, as written."""

    directives: Mapping[str, tuple[str, ...]]

    def governing(self, directive: str) -> tuple[str, tuple[str, ...]] | None:
        """The directive that answers for this one, with its sources; None when nothing restricts it."""
        for name in _FALLBACKS[directive]:
            if name in self.directives:
                return name, self.directives[name]
        return None

    def allows(self, directive: str, url: str, page: str) -> bool:
        """Whether a page at ``page`` may load ``url`` (both absolute) under this directive, by the address alone."""
        found = self.governing(directive)
        return found is None or any(_matches(source, url, page) for source in found[1])

    def allows_script(self, url: str, page: str, nonce: str, integrity: str) -> bool:
        """Whether a script element of the page's own HTML runs (CSP3 §6.7.1.1): by nonce, by hash, or by address."""
        found = self.governing("script-src-elem")
        if found is None:
            return True
        sources = found[1]
        if nonce and f"'nonce-{nonce}'" in sources:
            return True
        hashes = [word.split("?")[0] for word in integrity.split()]
        if hashes and all(f"'{word}'" in sources for word in hashes):
            return True
        if any(source.lower() == "'strict-dynamic'" for source in sources):
            return False
        return any(_matches(source, url, page) for source in sources)

    def allows_style(self, nonce: str) -> bool:
        """Whether a style element with this nonce counts. A policy that names hashes gets the benefit of the doubt."""
        found = self.governing("style-src-elem")
        if found is None:
            return True
        strict = [source for source in found[1] if source.startswith(("'nonce-", "'sha"))]
        if nonce and f"'nonce-{nonce}'" in strict:
            return True
        return any(source.startswith("'sha") for source in strict) or (not strict and "'unsafe-inline'" in found[1])

    def allows_type_policy(self, name: str) -> bool:
        """Whether scripts of the page may make a Trusted Types policy of this name."""
        names = self.directives.get("trusted-types")
        return names is None or name in names or "*" in names

    def with_source(self, directive: str, source: str) -> str:
        """The line that the policy needs: the directive that governs, with this source added to what it has."""
        found = self.governing(directive) if directive in _FALLBACKS else None
        own = (found or ("", self.directives.get(directive, ())))[1]
        name = found[0] if found and found[0] != "default-src" else directive.removesuffix("-elem")
        kept = [each for each in own if each.lower() != "'none'"]
        return " ".join([name, *kept, source]) + ";"

    def with_nonce(self) -> str:
        """A nonce that scripts of this policy have; empty when it knows none."""
        found = self.governing("script-src-elem")
        words = [source[7:-1] for source in (found[1] if found else ()) if source.startswith("'nonce-")]
        return words[0] if words else ""


def parse(header: str) -> list[Policy]:
    """The policies of a header's value or a meta element's content; commas part policies. Of two equal directives the first counts."""
    policies = []
    for text in header.split(","):
        directives: dict[str, tuple[str, ...]] = {}
        for part in text.split(";"):
            words = part.split()
            if words:
                directives.setdefault(words[0].lower(), tuple(words[1:]))
        if directives:
            policies.append(Policy(directives))
    return policies


def origin_of(url: str) -> str:
    """Scheme, host and port of an absolute URL, as browsers write an origin."""
    parts = urlsplit(url)
    port = "" if parts.port in (None, _PORTS.get(parts.scheme)) else f":{parts.port}"
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname or ""
    return f"{parts.scheme}://{host}{port}"


def _port(scheme: str, port: int | None) -> int | None:
    return port if port is not None else _PORTS.get(scheme)


def _upgrades(wanted: str, given: str) -> bool:
    """A source for http covers https too."""
    return wanted == given or (wanted == "http" and given == "https") or (wanted == "ws" and given == "wss")


def _matches(source: str, url: str, page: str) -> bool:
    target, own = urlsplit(url), urlsplit(page)
    if source == "*":
        return target.scheme in ("http", "https", "ws", "wss", own.scheme)
    if source.lower() == "'self'":
        return origin_of(url) == origin_of(page) or (
            target.hostname == own.hostname
            and own.scheme == "http"
            and target.scheme == "https"
            and (target.port, own.port) == (None, None)
        )
    if source.startswith("'"):
        return False
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:", source):
        return _upgrades(source[:-1].lower(), target.scheme)
    found = _HOST_SOURCE.fullmatch(source)
    if found is None or not _upgrades((found["scheme"] or own.scheme).lower(), target.scheme):
        return False
    host, wanted = (target.hostname or "").lower(), found["host"].lower().strip("[]")
    if wanted.startswith("*."):
        if not host.endswith(wanted[1:]):
            return False
    elif wanted not in ("*", host):
        return False
    port = _port(target.scheme, target.port)
    if found["port"] is None:
        if port != _PORTS.get(target.scheme):
            return False
    elif found["port"] != "*" and int(found["port"]) != port and not (int(found["port"]) == 80 and port == 443):
        return False
    path = found["path"] or ""
    if path in ("", "/"):
        return True
    given = target.path or "/"
    return given.startswith(path) if path.endswith("/") else given == path
