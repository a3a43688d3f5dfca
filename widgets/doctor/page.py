"""A storefront page as the doctor reads it: from HTML and headers to facts. Pure."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin

from widgets import registry
from widgets.doctor import policies

TAG = "sumeru-widget"
ALIAS = "data-sumeru-widget"
_SCRIPT = re.compile(r"(?P<root>.*/)embed/(?:v1|(?P<hash>[0-9a-f]{16})/loader)\.js(?:[?#].*)?")
_PIECE_CHARS, _TAG_CHARS = 64 * 1024, 256 * 1024
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_RUN = ("", "text/javascript", "application/javascript", "module")


@dataclass(frozen=True, slots=True)
class Loader:
    """A loader's script element. ``hash`` is empty for the floating address; ``root`` is what stands before ``embed/``."""

    src: str
    root: str
    hash: str
    attributes: Mapping[str, str]
    line: int

    @property
    def shop(self) -> str:
        """The shop's key; empty when the tag does not say one."""
        given = re.fullmatch(r".*/w/v1/([^/]+)/*", self.attributes.get("data-api", ""))
        if given:
            return given[1]
        # Tag managers keep the address and drop the rest.
        found = re.search(
            r"\w+", self.attributes.get("data-shop", "").strip() or self.src.partition("shop=")[2], re.ASCII
        )
        return found[0] if found else ""

    @property
    def base(self) -> str:
        """The API base that it asks."""
        api = self.attributes.get("data-api")
        return urljoin(self.src, api.rstrip("/") + "/") if api else f"{self.root}w/v1/{self.shop}/"

    @property
    def runs(self) -> bool:
        """Whether browsers run it; as a module, too, it finds its element."""
        return self.attributes.get("type", "").strip().lower() in _RUN


@dataclass(slots=True)
class Element:
    """A widget's element. ``type`` is as the loader reads it; ``params`` are the API's. What it holds is filled in while reading."""

    type: str
    params: Mapping[str, str]
    line: int
    strangers: list[str] = field(default_factory=list)
    """Attributes that no widget has."""
    has_fallback: bool = False
    has_server_html: bool = False
    style_nonces: list[str] = field(default_factory=list)
    form_actions: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Page:
    """What was answered, and what stands in it. ``policies`` are the enforced ones, of headers and meta elements."""

    url: str
    status: int
    policies: Sequence[policies.Policy]
    embedder_policy: str
    loaders: Sequence[Loader]
    widgets: Sequence[Element]
    json_ld: Sequence[tuple[str, int]]

    @property
    def origin(self) -> str:
        """Where its scripts ask from."""
        return policies.origin_of(self.url)


def _params(attributes: Mapping[str, str]) -> dict[str, str]:
    """As the loader makes them: the query in ``params``, then each parameter's attribute, with ``data-`` first."""
    found = dict(parse_qsl(attributes.get("data-params") or attributes.get("params") or "", keep_blank_values=True))
    for name in registry.parameter_names():
        attribute = name.replace("_", "-")
        if value := attributes.get(f"data-{attribute}") or attributes.get(attribute):
            found[name] = value
    return found


# Of any element of HTML, and the loader's own; what has a prefix (data-, aria-, v-, :, on…) is somebody else's. As in the overlay.
_GLOBAL = re.compile(
    r"accesskey|autocapitalize|autofocus|class|contenteditable|dir|draggable|enterkeyhint|exportparts|hidden|id|inert|inputmode|is|"
    r"item.*|key|lang|light|live|nonce|params|part|popover|ref|role|slot|spellcheck|style|tabindex|title|translate|type|on.*|.*[:@.].*|"
    r".*-.*-.*|(aria|data|hx|ng|v|x)-.*"
)


def _strangers(tag: str, attributes: Mapping[str, str]) -> list[str]:
    """Attributes of our own element that say nothing to any widget: a slip of the pen, or a parameter under another name."""
    names = registry.parameter_names()
    return [
        name
        for name in attributes
        if tag == TAG and not _GLOBAL.fullmatch(name) and name.replace("-", "_") not in names
    ]


class _Reader(HTMLParser):
    """Collects while the parser walks. ``open`` are the elements not closed yet, each with the widget it begins."""

    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.url = url
        self.loaders: list[Loader] = []
        self.widgets: list[Element] = []
        self.json_ld: list[tuple[str, int]] = []
        self.metas: list[str] = []
        self._open: list[str] = []
        self._count: Counter[str] = Counter()
        self._within: list[tuple[int, Element]] = []
        """The widgets that are open, each with its place in ``_open``: nothing here looks through all that is open."""
        self._data: list[str] | None = None
        self._data_line = 0

    @property
    def _inside(self) -> Element | None:
        return self._within[-1][1] if self._within else None

    def _is_in(self, tag: str) -> bool:
        return self._count[tag] > 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element begins."""
        given: dict[str, str] = {}
        for name, value in attrs:
            given.setdefault(name, value or "")
        line = self.getpos()[0]
        inside, widget = self._inside, None
        if tag == "base" and given.get("href"):
            self.url = urljoin(self.url, given["href"])
        elif tag == "meta" and given.get("http-equiv", "").lower() == "content-security-policy":
            self.metas.append(given.get("content", ""))
        elif tag == "script" and not self._is_in("noscript"):
            self._script(given, line)
        elif (tag == TAG or given.get(ALIAS) is not None) and not self._is_in("noscript"):
            kind = (given.get(ALIAS) or given.get(TAG) or given.get("data-type") or given.get("type") or "").strip()
            widget = Element(kind.replace("-", "_"), _params(given), line, strangers=_strangers(tag, given))
            self.widgets.append(widget)
        elif inside:
            self._part(inside, tag, given)
        if tag not in _VOID:
            if widget is not None:
                self._within.append((len(self._open), widget))
            self._open.append(tag)
            self._count[tag] += 1

    def _script(self, given: Mapping[str, str], line: int) -> None:
        if given.get("type", "").strip().lower() == "application/ld+json":
            self._data, self._data_line = [], line
        src = urljoin(self.url, given.get("src", "").strip())
        found = _SCRIPT.fullmatch(src) if given.get("src") else None
        if found:
            self.loaders.append(Loader(src, found["root"], found["hash"] or "", given, line))

    def _part(self, inside: Element, tag: str, given: Mapping[str, str]) -> None:
        if tag == "template" and "shadowrootmode" in given:
            inside.has_server_html = True
        elif self._is_in("template"):
            if tag == "style":
                inside.style_nonces.append(given.get("nonce", ""))
            elif tag == "form":
                inside.form_actions.append(urljoin(self.url, given.get("action", "")))
            elif tag == "img" and given.get("src"):
                inside.pictures.append(urljoin(self.url, given["src"]))
        elif tag in ("a", "img", "p"):
            inside.has_fallback = True

    def handle_data(self, data: str) -> None:
        """Text: of structured data, or what a widget shows until it is there."""
        if self._data is not None:
            self._data.append(data)
        elif data.strip() and (inside := self._inside) and not self._is_in("template"):
            inside.has_fallback = True

    def handle_endtag(self, tag: str) -> None:
        """One element ends, and with it whatever inside was never closed."""
        if self._data is not None and tag == "script":
            self.json_ld.append(("".join(self._data), self._data_line))
            self._data = None
        while self._count[tag]:
            closed = self._open.pop()
            self._count[closed] -= 1
            if self._within and self._within[-1][0] == len(self._open):
                self._within.pop()
            if closed == tag:
                break


class TooSlow(Exception):
    """The page could not be read in the time there was."""


def read(url: str, status: int, headers: Sequence[tuple[str, str]], html: str, deadline: float = float("inf")) -> Page:
    """The facts of one answer. ``url`` is where it came from in the end. Raises nothing but TooSlow, however broken the HTML is: at the
    deadline (monotonic seconds). Time and memory grow with the page's length, not with how it is nested.
    """
    reader = _Reader(url)
    for start in range(0, len(html), _PIECE_CHARS):
        try:
            reader.feed(html[start : start + _PIECE_CHARS])
        except AssertionError:  # what the parser has no rule for: a marked section without a name
            break
        if time.monotonic() > deadline:
            raise TooSlow
        if len(reader.rawdata) > _TAG_CHARS and not reader.cdata_elem:
            break  # a tag without an end, which the parser would go through again with each piece
    # Never `close`d: what has no end yet is nothing, and Python 3.11 would look for that end from each of its signs anew.
    sent = [(name.lower(), value) for name, value in headers]
    texts = [value for name, value in sent if name == "content-security-policy"] + reader.metas
    embedder = next((value for name, value in sent if name == "cross-origin-embedder-policy"), "")
    return Page(
        url=url,
        status=status,
        policies=[policy for text in texts for policy in policies.parse(text)],
        embedder_policy=embedder.split(";")[0].strip().lower(),
        loaders=reader.loaders,
        widgets=reader.widgets,
        json_ld=reader.json_ld,
    )
