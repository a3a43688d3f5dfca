"""Whether a domain that an event names is one of a shop's. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_AROUND = re.compile(r"\A[a-z][a-z0-9+.-]*://|[:/?#].*\Z|\.\Z", re.DOTALL)


def plain(domain: str) -> str:
    """The domain in lower case, without scheme, port, path, final dot and a leading ``www.``."""
    return _AROUND.sub("", _AROUND.sub("", domain.strip().casefold())).removeprefix("www.")


def is_among(domain: str, known: Iterable[str]) -> bool:
    """Whether it is one of these. An event that names none contradicts nothing: its signature says whose it is."""
    return not domain or plain(domain) in {plain(each) for each in known}
