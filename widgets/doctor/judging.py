"""Turns the facts about a page and this server into findings. Pure: no network, no database, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from widgets.admin import snippets
from widgets.doctor import judging_data, judging_widgets, policies
from widgets.doctor.known import ServerFacts
from widgets.doctor.page import Loader, Page
from widgets.doctor.table import SEVERITIES, Finding, finding

PLACEHOLDER = "SHOP"
EXAMPLE_URL = "https://widgets.example.com"
"""Stands for this server where PUBLIC_URL is not set and the page does not say it."""


@dataclass(frozen=True, slots=True)
class Case:
    """A page with the facts that were collected about it. ``wanted_shop`` is the key that the operator named; else empty."""

    page: Page
    server: ServerFacts
    wanted_shop: str = ""

    @property
    def loader(self) -> Loader | None:
        """The loader that takes effect, as far as HTML can tell: the first."""
        return self.page.loaders[0] if self.page.loaders else None

    @property
    def shop(self) -> str:
        """The key that the page's widgets ask with."""
        return (self.loader.shop if self.loader else "") or self.wanted_shop

    @property
    def base(self) -> str:
        """The API base that the page's widgets ask."""
        return self.loader.base if self.loader else f"{self.server.url or EXAMPLE_URL}/w/v1/{self.shop or PLACEHOLDER}/"

    def knows(self, loader: Loader) -> bool:
        """Whether this loader is this server's: by a shop that stands in our database, or by its address, where that is set."""
        return loader.shop in self.server.shops or self.server.url in ("", loader.root.rstrip("/"))

    def tag(self, *, pinned: bool = False, shop: str = "") -> str:
        """The loader's tag as it should be on this page, on one line."""
        root = self.loader.root.rstrip("/") if self.loader else self.server.url or EXAMPLE_URL
        place = snippets.EmbedPlace(root, shop or self.shop or PLACEHOLDER, self.server.hash, self.server.integrity)
        return " ".join(snippets.script_tag(place, pinned=pinned).split())


def findings(case: Case) -> list[Finding]:
    """Everything wrong with the page, errors first, then by line; each thing once."""
    page = case.page
    found: dict[Finding, None] = {}
    steps = (
        _page(page),
        _presence(case),
        *(_tag(case, each) for each in page.loaders),
        _several(page.loaders),
        _shop(case),
        _policy(case),
        _embedder(case),
        judging_widgets.judged(page, case.server.shops.get(case.shop), case.base),
        judging_data.judged(page.json_ld),
    )
    for step in steps:
        found.update(dict.fromkeys(step))
    return sorted(found, key=lambda each: (SEVERITIES.index(each.severity), each.line))


def _page(page: Page) -> Iterator[Finding]:
    if page.status != 200:
        yield finding("page_status", status=page.status)
    if not page.widgets:
        yield finding("no_widgets")


def _presence(case: Case) -> Iterator[Finding]:
    if case.loader is None:
        complete = case.page.widgets and all(each.has_server_html for each in case.page.widgets)
        yield finding("only_server_html" if complete else "no_loader", tag=case.tag())


def _tag(case: Case, loader: Loader) -> Iterator[Finding]:
    """Findings about one loader's tag and file."""
    given, line = loader.attributes, loader.line
    served = case.server.files.get(loader.src)
    integrity = given.get("integrity", "")
    pinned = bool(loader.hash)
    tag = case.tag(pinned=pinned, shop=loader.shop)
    if not loader.runs:
        yield finding("module_loader", line, type=given.get("type", ""), tag=tag)
    elif "async" not in given and "defer" not in given:
        yield finding("not_async", line, tag=tag)
    if "crossorigin" not in given and policies.origin_of(loader.src) != case.page.origin:
        yield finding("integrity_needs_crossorigin" if integrity else "no_crossorigin", line, tag=tag)
    if not loader.shop:
        yield finding("no_shop", line, shop=case.wanted_shop or PLACEHOLDER)
    if urlsplit(case.page.url).scheme == "https" and loader.src.startswith("http:"):
        secure = tag.replace(loader.root.rstrip("/"), "https:" + loader.root.rstrip("/").partition(":")[2])
        yield finding("mixed_content", line, what="the loader", line=secure)
    outdated = pinned and bool(case.server.hash) and loader.hash != case.server.hash and case.knows(loader)
    if outdated:
        gone = served is not None and served.status == 404
        yield finding(
            "gone_version" if gone else "stale_version", line, found=loader.hash, current=case.server.hash, tag=tag
        )
    elif served is not None and served.problem:
        yield finding("loader_unreachable", line, why=served.problem, tag=tag)
    if integrity and served is not None and not served.problem and not served.fits(integrity):
        yield finding("wrong_integrity", line, tag=tag)
    elif integrity and not pinned:
        yield finding("integrity_floating", line, tag=case.tag(pinned=True, shop=loader.shop))


def _several(loaders: Sequence[Loader]) -> Iterator[Finding]:
    if len(loaders) < 2:
        return
    others = ", ".join(f"line {each.line} ({each.src})" for each in loaders[1:])
    shops = list(dict.fromkeys(each.shop for each in loaders))
    if len(shops) > 1:
        yield finding("two_shops", loaders[1].line, shops=", ".join(shop or "none" for shop in shops), others=others)
    else:
        yield finding("two_loaders", loaders[1].line, count=len(loaders), others=others)


def _shop(case: Case) -> Iterator[Finding]:
    """Findings about the page's shop key, and whether its origin may ask."""
    loader, server = case.loader, case.server
    line = loader.line if loader else 0
    if loader and case.wanted_shop and loader.shop and loader.shop != case.wanted_shop:
        yield finding("other_shop", line, found=loader.shop, shop=case.wanted_shop)
    if not case.shop:
        return
    shop = server.shops.get(case.shop)
    if shop is None:
        if loader and not case.knows(loader):
            place = snippets.EmbedPlace(server.url, case.wanted_shop or PLACEHOLDER)
            tag = snippets.script_tag(place, pinned=False)
            yield finding("other_server", line, found=loader.root, ours=server.url, tag=tag)
            if server.reads.get(case.page.origin) is False:
                yield finding("origin_refused", origin=case.page.origin, name="the shop", admin="")
        else:
            yield finding("unknown_shop", line, shop=case.shop)
        return
    if not shop.active:
        yield finding("inactive_shop", line, name=shop.name, admin=shop.admin)
    same = loader is not None and policies.origin_of(loader.base) == case.page.origin
    if not shop.allows_origin and not same:
        yield finding("origin_refused", origin=case.page.origin, name=shop.name, admin=f"({shop.admin})")


def _policy(case: Case) -> Iterator[Finding]:
    """Findings about the page's Content-Security-Policies: what they refuse that its widgets need."""
    page, loader = case.page, case.loader
    api, origin = case.base, policies.origin_of(case.base)
    for policy in page.policies:
        if loader:
            nonce, integrity = loader.attributes.get("nonce", ""), loader.attributes.get("integrity", "")
            if not policy.allows_script(loader.src, page.url, nonce, integrity):
                host = policies.origin_of(loader.src)
                known = policy.with_nonce()
                line = f'nonce="{known}" on the loader\'s tag' if known else policy.with_source("script-src-elem", host)
                yield finding("csp_script", loader.line, line=line)
            if not policy.allows("connect-src", f"{api}batch", page.url):
                yield finding("csp_connect", origin=origin, line=policy.with_source("connect-src", origin))
            if "'script'" in policy.directives.get("require-trusted-types-for", ()) and not policy.allows_type_policy(
                "sumeru"
            ):
                yield finding("csp_trusted_types", line=policy.with_source("trusted-types", "sumeru"))
        for code, directive, urls in (
            (
                "csp_images",
                "img-src",
                (*case.server.pictures, *(each for one in page.widgets for each in one.pictures)),
            ),
            ("csp_media", "media-src", case.server.videos),
        ):
            refused = [url for url in urls if not policy.allows(directive, url, page.url)]
            for host in dict.fromkeys(map(policies.origin_of, refused)):
                yield finding(code, origin=host, line=policy.with_source(directive, host))
        for widget in page.widgets:
            if any(not policy.allows("form-action", action, page.url) for action in widget.form_actions):
                yield finding(
                    "csp_form_action", widget.line, origin=origin, line=policy.with_source("form-action", origin)
                )
            if any(not policy.allows_style(nonce) for nonce in widget.style_nonces):
                yield finding("csp_style", widget.line, nonce=policy.with_nonce() or "…")


def _embedder(case: Case) -> Iterator[Finding]:
    if case.page.embedder_policy == "require-corp":
        for host in case.server.without_resource_policy:
            yield finding("coep_images", policy="require-corp", origin=host)
