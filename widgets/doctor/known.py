"""What this server knows that a page is judged by: plain values, gathered by ``asking``."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Served:
    """What the address of a loader's tag gave. ``problem`` says why it is no script; empty when it is one."""

    status: int
    body: bytes = b""
    problem: str = ""

    def fits(self, integrity: str) -> bool:
        """Whether an integrity attribute lets this body run: of its strongest kind one hash must fit (SRI §3.3.4)."""
        words = [word.split("?")[0].partition("-") for word in integrity.split()]
        kinds = [kind for kind in ("sha512", "sha384", "sha256") if any(kind == word[0] for word in words)]
        if not kinds:
            return True  # browsers ignore what they do not know
        digest = base64.b64encode(hashlib.new(kinds[0], self.body).digest()).decode()
        return any(word[0] == kinds[0] and word[2] == digest for word in words)


@dataclass(frozen=True, slots=True)
class ShopKnown:
    """A shop's row as the page's widgets meet it.

    ``off`` holds widget and placement of what is switched off, ``products`` whether Sumeru knows an id (missing: could not be asked),
    ``handles`` the same of handles.
    """

    name: str
    admin: str
    active: bool = True
    allows_origin: bool = True
    off: frozenset[tuple[str, str]] = frozenset()
    products: Mapping[str, bool] = field(default_factory=dict)
    unknown_placements: frozenset[tuple[str, str]] = frozenset()
    """Widget and placement of what has no settings of that name, and therefore shows the widget's own."""
    handles: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """This server and what was found out about the page.

    ``url`` is this server's address, empty when it is not set; ``hash`` and ``integrity`` are its present loader's. ``shops``: those
    of its shops that the page names. ``files``: what each loader's address gave. ``pictures`` and ``videos``: addresses in the
    widgets' present answers. ``reads``: whether pages of an origin were allowed to read them. ``without_resource_policy``: origins of
    pictures that say nothing of Cross-Origin-Resource-Policy.
    """

    url: str
    hash: str = ""
    integrity: str = ""
    shops: Mapping[str, ShopKnown] = field(default_factory=dict)
    files: Mapping[str, Served] = field(default_factory=dict)
    pictures: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()
    reads: Mapping[str, bool] = field(default_factory=dict)
    without_resource_policy: tuple[str, ...] = ()
