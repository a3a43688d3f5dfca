"""Theme tokens and merchant CSS: what is allowed, and the CSS text that they become. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.utils.translation import gettext as _

TOKENS = ("color", "accent", "on-accent", "star", "border", "radius", "font", "gap", "focus")
"""Each is the custom property ``--sumeru-<token>`` on the widget's host element."""
CSS_LIMIT_CHARS = 20_000
# One CSS value: no way out of the declaration, no URL that would be fetched.
_VALUE = re.compile(r"^(?!.*(?:url|expression|image-set|src)\s*\()[A-Za-z0-9#%.,()\s'\"/+*_-]{1,120}\Z", re.IGNORECASE)
_FORBIDDEN_CSS = (
    (re.compile(r"</", re.IGNORECASE), "</"),
    (re.compile(r"@import", re.IGNORECASE), "@import"),
    (re.compile(r"(?:url|image-set|src)\s*\(", re.IGNORECASE), "url()"),
    (re.compile(r"expression\s*\(", re.IGNORECASE), "expression()"),
    (re.compile(r"\\"), "\\"),
    (re.compile(r"<!--|-->"), "<!--"),
)


def token_problems(tokens: object) -> list[str]:
    """What is wrong with a shop's tokens, as sentences for the admin; empty when nothing is."""
    if not isinstance(tokens, Mapping):
        return [_("Give an object of token names and CSS values.")]
    problems = []
    for name, value in tokens.items():
        if name not in TOKENS:
            problems.append(
                _("Unknown token “%(name)s”. Known: %(known)s.") % {"name": name, "known": ", ".join(TOKENS)}
            )
        elif not isinstance(value, str) or not _VALUE.match(value):
            problems.append(_("The value of “%s” is not a plain CSS value.") % name)
    return problems


def css_problems(css: str) -> list[str]:
    """What is wrong with merchant CSS; empty when nothing is. Nothing may be fetched and nothing may end the style element."""
    return [_("%s is not allowed in widget CSS.") % shown for pattern, shown in _FORBIDDEN_CSS if pattern.search(css)]


def token_css(tokens: Mapping[str, str]) -> str:
    """The tokens as one rule on the host element; empty without tokens. Values were checked when they were saved."""
    if not tokens or token_problems(tokens):
        return ""
    rules = "".join(f"--sumeru-{name}:{tokens[name]};" for name in TOKENS if name in tokens)
    # `:where` keeps a storefront's own `sumeru-widget { --sumeru-accent: … }` stronger.
    return f":where(:host){{{rules}}}"
