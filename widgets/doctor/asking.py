"""Collects the facts that a page is judged by: the page, the files and data that it names, and this server's rows. Limited in
time and size; sends no credentials.
"""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlencode, urljoin, urlsplit

from django.conf import settings
from django.urls import reverse

from sumeru_proxy import accounts
from sumeru_proxy.client import bounded_json
from sumeru_proxy.models import Shop
from sumeru_proxy.reading import catalogue
from widgets import registry
from widgets.doctor import judging_widgets, page, plain_http, policies
from widgets.doctor.judging import Case
from widgets.doctor.known import Served, ServerFacts, ShopKnown
from widgets.http import embed, origins, shops

WHOLE_LIMIT_S = 45.0
"""For everything together."""
TIME_LIMIT_S = 20.0
"""For a page with its redirects; each further address gets at most ASIDE_S."""
ASIDE_S = 8.0
REDIRECTS_MOST = 5
_LOADERS_MOST = 4
_WIDGETS_MOST = 60
_PICTURE_HOSTS_MOST = 5
_MEDIA = re.compile(r"<(img|video|source)\b[^>]*?\ssrc=\"([^\"]+)\"", re.IGNORECASE)
_CHARSET = re.compile(r"charset=[\"']?([\w-]+)", re.IGNORECASE)


class Unusable(ValueError):
    """An address that the doctor does not fetch: not a web page's, or with a password in it."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page after its redirects."""

    url: str
    reply: plain_http.Reply
    html: str


class Reach:
    """How far this examination may go: until when, and whether to addresses that are not of the open internet."""

    def __init__(self, *, allow_private: bool = False, limit_s: float = WHOLE_LIMIT_S) -> None:
        self._allow_private = allow_private
        self.deadline = time.monotonic() + limit_s

    def get(self, url: str, most_s: float, more: Mapping[str, str] | None = None) -> plain_http.Reply:
        """One GET. Raises plain_http.Unreachable, also when no time is left."""
        left_s = min(most_s, self.deadline - time.monotonic())
        if left_s <= 0:
            raise plain_http.Unreachable("the time for this examination is over")
        return plain_http.get(url, left_s, {**_headers(), **(more or {})}, allow_private=self._allow_private)


def _headers() -> dict[str, str]:
    about = f" (+{settings.PUBLIC_URL}/docs/troubleshooting/)" if settings.PUBLIC_URL else ""
    return {"User-Agent": f"SumeruWidgetsDoctor/{settings.VERSION}{about}", "Accept-Encoding": "identity"}


def checked(url: str) -> str:
    """The address without its fragment. Raises Unusable."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises ValueError for what is no port
    except ValueError as error:
        raise Unusable(f"{url!r} is no address: {error}.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Unusable(f"{url!r} is no address of a web page; give one that begins with http:// or https://.")
    if parts.username is not None or parts.password is not None:
        raise Unusable("The address holds a user name or password; the doctor sends none.")
    return parts._replace(fragment="").geturl()


def fetch(url: str, reach: Reach) -> Fetched:
    """The page, after at most REDIRECTS_MOST redirects. Raises Unusable for a first address that cannot be fetched, and
    plain_http.Unreachable.
    """
    deadline = min(reach.deadline, time.monotonic() + TIME_LIMIT_S)
    url = checked(url)
    for _ in range(REDIRECTS_MOST + 1):
        accept = {"Accept": "text/html,application/xhtml+xml"}
        reply = reach.get(url, deadline - time.monotonic(), accept)
        places = reply.values("Location")
        if reply.status not in (301, 302, 303, 307, 308) or not places:
            return Fetched(url, reply, _text(reply))
        try:
            url = checked(urljoin(url, places[0]))
        except Unusable as error:
            raise plain_http.Unreachable(f"it redirects to what is no page: {error}") from None
    raise plain_http.Unreachable(f"more than {REDIRECTS_MOST} redirects")


def _text(reply: plain_http.Reply) -> str:
    """The body as text. Raises plain_http.Unreachable for an unknown content coding that was not asked for."""
    body = reply.body
    coding = ",".join(reply.values("Content-Encoding")).strip().lower()
    if coding == "gzip":
        try:
            body = zlib.decompressobj(31).decompress(body, plain_http.SIZE_LIMIT_BYTES)
        except zlib.error:
            raise plain_http.Unreachable("its gzip is broken") from None
    elif coding not in ("", "identity"):
        raise plain_http.Unreachable(f"it came in {coding}, which was not asked for")
    named = _CHARSET.search(reply.content_type) or _CHARSET.search(body[:1024].decode("latin-1"))
    try:
        return body.decode(named[1] if named else "utf-8", "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


def examined(url: str, wanted_shop: str = "", *, allow_private: bool = False) -> Case:
    """Everything about the page at this address. Raises as ``fetch``; whatever else cannot be reached is part of the case.

    Takes at most WHOLE_LIMIT_S. Beside the page, only loaders that it names as scripts are fetched, and the widgets' own answers, from
    where those loaders come from, this server, or the page itself. ``allow_private``: also from addresses that are not public.
    """
    reach = Reach(allow_private=allow_private)
    fetched = fetch(url, reach)
    try:
        found = page.read(fetched.url, fetched.reply.status, fetched.reply.headers, fetched.html, reach.deadline)
    except page.TooSlow:
        raise plain_http.Unreachable("its HTML takes too long to read") from None
    keys = dict.fromkeys([*(each.shop for each in found.loaders), wanted_shop])
    script = embed.loader()
    known = {key: shop for key in keys if key and (shop := shop_known(key, found))}
    case = Case(
        found,
        ServerFacts(settings.PUBLIC_URL, script.hash, script.integrity, known, _files(found.loaders, reach)),
        wanted_shop,
    )
    return Case(found, _with_answers(case, reach), wanted_shop)


def shop_known(key: str, found: page.Page) -> ShopKnown | None:
    """What the rows say about the shop and this page; None when there is no such shop. Asks Sumeru about ids that have no copy."""
    shop = Shop.objects.filter(key=key).first()
    if shop is None:
        return None
    shop_settings = shops.load(key)
    patterns = [origins.pattern(each) for each in origins.sound(each.origin for each in shop.origins.all())]
    asked = {(each.type, each.params.get("placement", "")) for each in found.widgets}
    ids = [product for each in found.widgets for product in judging_widgets.products_of(each)]
    products = accounts.source_for(shop.pk).products(list(dict.fromkeys(ids))) if shop_settings and ids else {}
    return ShopKnown(
        name=shop.name,
        admin=settings.PUBLIC_URL + reverse("admin:sumeru_proxy_shop_change", args=[shop.pk]),
        active=shop.active,
        allows_origin=origins.allows(patterns, found.origin),
        off=frozenset(each for each in asked if shop_settings and not shop_settings.placement(*each)[0]),
        products={product: value is not None for product, value in products.items()},
        unknown_placements=frozenset(
            each for each in asked if shop_settings and each[1] and each not in shop_settings.placements
        ),
        handles=_handles(shop.pk, found),
    )


def _handles(shop_id: int, found: page.Page) -> dict[str, bool]:
    """Whether there is a product of each handle that the page names; empty until the shop's catalogue was read."""
    if not catalogue.state(shop_id).complete:
        return {}
    asked = {each.params.get("product_handle", "") for each in found.widgets} - {""}
    return {handle: catalogue.by_handle(shop_id, handle) is not None for handle in asked}


def _files(loaders: Sequence[page.Loader], reach: Reach) -> dict[str, Served]:
    """What the loaders' own addresses give."""
    found = {}
    for src in list(dict.fromkeys(each.src for each in loaders))[:_LOADERS_MOST]:
        try:
            reply = reach.get(src, ASIDE_S)
        except plain_http.Unreachable as error:
            found[src] = Served(0, problem=str(error))
            continue
        problem = ""
        if reply.status != 200:
            problem = f"{src} answers {reply.status}"
        elif "javascript" not in reply.content_type:
            problem = f"{src} is {reply.content_type or 'of no type'}"
        found[src] = Served(reply.status, reply.body, problem)
    return found


def _with_answers(case: Case, reach: Reach) -> ServerFacts:
    """The server's facts with the responses to the page's widgets: whether the page may read them, and which pictures they hold."""
    server, found = case.server, case.page
    keys = sorted(
        {
            f"{each.type}?{urlencode(sorted(each.params.items()))}"
            for each in found.widgets
            if (widget := registry.get(each.type)) and widget.audience == "public"
        }
    )[:_WIDGETS_MOST]
    if not keys or case.loader is None or not case.loader.shop or not _is_its_own(case):
        return server
    url = f"{case.base}batch?{urlencode([('w', key) for key in keys])}"
    try:
        reply = reach.get(url, ASIDE_S, {"Origin": found.origin})
        body = bounded_json.loads(reply.body)
        html = "".join(str(item.get("html", "")) for item in body.get("items", []) if isinstance(item, dict))
    except (plain_http.Unreachable, ValueError, AttributeError):
        return server
    media = [(kind.lower(), unescape(address)) for kind, address in _MEDIA.findall(html)]
    pictures = tuple(dict.fromkeys(urljoin(case.base, address) for kind, address in media if kind == "img"))
    videos = tuple(dict.fromkeys(urljoin(case.base, address) for kind, address in media if kind != "img"))
    allowed = reply.values("Access-Control-Allow-Origin")
    return ServerFacts(
        **{name: getattr(server, name) for name in ("url", "hash", "integrity", "shops", "files")},
        pictures=pictures,
        videos=videos,
        reads={found.origin: bool(allowed) and allowed[0] in ("*", found.origin)},
        without_resource_policy=tuple(_silent(pictures, reach)) if found.embedder_policy == "require-corp" else (),
    )


def _is_its_own(case: Case) -> bool:
    """Whether the widgets' answers come from where the page already takes its loader, from this server, or from the page's own address:
    an address that only ``data-api`` names is not asked."""
    assert case.loader is not None  # noqa: S101 - the caller looked
    known = {case.page.origin, policies.origin_of(case.loader.src), policies.origin_of(settings.PUBLIC_URL)}
    return policies.origin_of(case.base) in known - {""}


def _silent(pictures: Iterable[str], reach: Reach) -> list[str]:
    """Origins among the pictures' whose answers have no Cross-Origin-Resource-Policy for everybody; one picture of each is asked for."""
    first: dict[str, str] = {}
    for url in pictures:
        first.setdefault(policies.origin_of(url), url)
    found = []
    for origin, url in list(first.items())[:_PICTURE_HOSTS_MOST]:
        try:
            reply = reach.get(url, ASIDE_S)
        except plain_http.Unreachable:
            continue
        if "cross-origin" not in reply.values("Cross-Origin-Resource-Policy"):
            found.append(origin)
    return found
