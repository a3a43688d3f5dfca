"""What a request says beside its address never reaches the next client: not from memory, not from shared copies, not at Sumeru."""

from __future__ import annotations

import json
from itertools import count

import pytest

from sumeru_proxy.sandbox.server import Sandbox
from tests.faults.raw_http import exchange, request
from tests.faults.running_site import ORIGIN, Reply, Site, Web
from tests.sumeru_proxy.installation import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

EVIL = "evil.example"
HOST = {"Host": "127.0.0.1"}
FORMS = ("reviews.json", "reviews.html", "reviews", "batch")
FORM_TYPE, JSON_TYPE = "Content-Type: application/x-www-form-urlencoded", "Content-Type: application/json"
OTHER_BODY = b"product_id=prd_2&limit=1&rating=1&locale=de"
OTHER_JSON = json.dumps({"product_id": "prd_2", "limit": 1, "locale": "de"}).encode()
# One header each, as lines; "{other}" is the same widget of another product.
HEADERS = {
    "forwarded host": f"X-Forwarded-Host: {EVIL}",
    "forwarded server": f"X-Forwarded-Server: {EVIL}",
    "forwarded proto": "X-Forwarded-Proto: https",
    "forwarded proto junk": "X-Forwarded-Proto: javascript",
    "forwarded port": "X-Forwarded-Port: 6666",
    "forwarded prefix": f"X-Forwarded-Prefix: /{EVIL}",
    "forwarded for": f"X-Forwarded-For: {EVIL}",
    "forwarded": f"Forwarded: for=1.2.3.4;host={EVIL};proto=https",
    "x host": f"X-Host: {EVIL}",
    "original host": f"X-Original-Host: {EVIL}",
    "original url": "X-Original-URL: {other}",
    "rewrite url": "X-Rewrite-URL: {other}",
    "original uri": "X-Original-URI: {other}",
    "script name": f"Script-Name: /{EVIL}",
    "path info": "Path-Info: {other}",
    "method override": "X-HTTP-Method-Override: POST",
    "method override, put": "X-Method-Override: DELETE",
    "method": "X-HTTP-Method: HEAD",
    "accept-language": "Accept-Language: de, ar;q=0.9",
    "accept": "Accept: text/plain",
    "accept xml": "Accept: application/xml;q=1, */*;q=0",
    "accept-charset": "Accept-Charset: utf-16",
    "gzip": "Accept-Encoding: gzip",
    "brotli": "Accept-Encoding: br",
    "no coding": "Accept-Encoding: identity;q=0, *;q=0",
    "cookie": f"Cookie: sessionid=1; django_language=de; csrftoken={EVIL}; locale=de",
    "own origin": f"Origin: {ORIGIN}",
    "foreign origin": f"Origin: https://{EVIL}",
    "null origin": "Origin: null",
    "preflight words": "Access-Control-Request-Method: POST",
    "bearer": f"Authorization: Bearer {EVIL}",
    "basic": "Authorization: Basic YTpi",
    "range": "Range: bytes=0-9",
    "ranges": "Range: bytes=0-1,5-9",
    "if-range": 'If-Range: "x"',
    "modified since": "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT",
    "unmodified since": "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
    "any validator": "If-None-Match: *",
    "if-match": 'If-Match: "x"',
    "no-cache": "Cache-Control: no-cache, no-store",
    "only if cached": "Cache-Control: only-if-cached",
    "pragma": "Pragma: no-cache",
    "request id": "X-Request-Id: evil-request-0001",
    "referer": f"Referer: https://{EVIL}/",
    "user agent": "User-Agent: <script>alert(1)</script>",
    "save data": "Save-Data: on",
    "privacy": "Sec-GPC: 1",
    "fetch metadata": "Sec-Fetch-Site: cross-site",
    "another shop": "X-Shop-Domain: other.example",
    "another key": f"X-Public-Key: pk_live_{'2' * 32}",
    "idempotency": "Idempotency-Key: evil-submission-1",
    "hop by hop": "Connection: X-Forwarded-Proto, Host",
    "content type": "Content-Type: application/json; charset=utf-16",
    "signature": "X-Sumeru-Signature: sha256=00",
    "underscores": f"HTTP_HOST: {EVIL}",
}


class Addresses:
    """Addresses that nobody asked for yet, each read from the same copies."""

    def __init__(self, key: str) -> None:
        self._key, self._numbers = key, count()

    def fresh(self, form: str) -> tuple[str, str]:
        """An address of this form, and the same of another product."""
        number = next(self._numbers)
        # The page that is shown is the last one there is; which one was asked for is part of the answer.
        return self._of(form, "prd_1", number), self._of(form, "prd_2", number)

    def _of(self, form: str, product: str, number: int) -> str:
        query = f"product_id={product}&limit={1 + number // 200 % 50}&page={1 + number % 200}"
        if form == "batch":
            query = "w=reviews%3F" + query.replace("=", "%3D").replace("&", "%26")
        return f"/w/v1/{self._key}/{form}?{query}"


def said(reply: Reply) -> tuple[int, dict[str, str], bytes]:
    """All of an answer that two equal requests share."""
    own = ("date", "x-request-id", "server")
    return reply.status, {name: value for name, value in reply.headers.items() if name not in own}, reply.body


@pytest.fixture(scope="module")
def control(place: Site) -> Web:
    """A server that keeps nothing and that nobody poisons: what a clean fetch gives."""
    return place.web(processes=1, SUMERU_HOT_BYTES="0", CACHE_URL="local://")


@pytest.fixture(scope="module")
def addresses(place: Site) -> Addresses:
    return Addresses(place.key)


@pytest.fixture(autouse=True)
def all_fresh(place: Site, web: Web, control: Web, addresses: Addresses) -> None:
    """Copies in every process that stay fresh for the test: an answer from a stale one tells its age."""
    path = addresses.fresh("reviews.json")[0]

    def fresh(each: Web) -> bool:
        return all(each.get(path, headers=HOST).json()["fresh"] for _ in range(6))

    place.manage("invalidate", place.key, "everything")
    assert wait_until(lambda: fresh(web) and fresh(control), 20, 0.05)


def poison(web: Web, raw: bytes, times: int = 4) -> int:
    """Send it on connections of their own, so that it meets both processes; the last status."""
    status = 0
    for _ in range(times):
        # The answer to HEAD tells a length and has no body: its end is that the server closes.
        found = exchange(web.port, [raw.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)])
        assert found.status < 500, found.received[:300]
        status = found.status or status
    return status


def assert_clean(web: Web, control: Web, path: str, why: str) -> None:
    expected = said(control.get(path, headers=HOST))
    assert expected[0] == 200, why
    for _ in range(3):
        assert said(web.get(path, headers=HOST)) == expected, (why, path)


@pytest.mark.parametrize("form", FORMS)
def test_no_header_reaches_the_next_client(
    place: Site, web: Web, control: Web, upstream: Sandbox, addresses: Addresses, form: str
) -> None:
    statuses: dict[int, int] = {}
    for name, line in HEADERS.items():
        for method in ("GET", "HEAD"):
            path, other = addresses.fresh(form)
            status = poison(web, request(method, path, line.replace("{other}", other)), 4 if method == "GET" else 1)
            statuses[status] = statuses.get(status, 0) + 1
            assert_clean(web, control, path, f"{method} {name}")
    print(f"{place.engine}, {form}: {2 * len(HEADERS)} poisoned addresses, answers to them by status {statuses}")
    assert statuses[200] > len(HEADERS)
    assert EVIL not in json.dumps(upstream.calls(10_000))


@pytest.mark.parametrize("form", FORMS)
def test_no_body_reaches_the_next_client(web: Web, control: Web, addresses: Addresses, form: str) -> None:
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(OTHER_BODY), OTHER_BODY)
    override = b"_method=POST&" + OTHER_BODY
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        for why, lines, body, length in (
            ("form", (FORM_TYPE,), OTHER_BODY, True),
            ("json", (JSON_TYPE,), OTHER_JSON, True),
            ("override in the body", (FORM_TYPE, "X-HTTP-Method-Override: GET"), override, True),
            ("chunked", (FORM_TYPE, "Transfer-Encoding: chunked"), chunked, False),
        ):
            path, _other = addresses.fresh(form)
            poison(web, request(method, path, *lines, body=body, length=length), 2)
            assert_clean(web, control, path, f"{method}, {why}")


@pytest.mark.parametrize("form", FORMS)
def test_no_other_way_to_write_the_address_reaches_the_next_client(
    web: Web, control: Web, addresses: Addresses, form: str
) -> None:
    def targets(path: str) -> dict[str, bytes]:
        place, _mark, query = path.partition("?")
        return {
            "absolute": request("GET", f"http://{EVIL}{path}"),
            "another host": b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path.encode(), EVIL.encode()),
            "two hosts": request("GET", path, f"Host: {EVIL}"),
            "another port": b"GET %s HTTP/1.1\r\nHost: 127.0.0.1:6666\r\n\r\n" % path.encode(),
            "old": b"GET %s HTTP/1.0\r\n\r\n" % path.encode(),
            "semicolon": request("GET", f"{place}?x=1;{query}&y=1;product_id=prd_2"),
            "semicolon in the path": request("GET", f"{place};product_id=prd_2?{query}"),
            "fragment": request("GET", f"{path}#&product_id=prd_2"),
            "twice a slash": request("GET", f"/{path}"),
            "tracking": request("GET", f"{path}&utm_content=%22%3E%3Cscript%3E&callback=evil&_method=POST&format=xml"),
            "arrays": request("GET", f"{path}&product_id[]=prd_2&limit[0]=1"),
            "encoded mark": request("GET", f"{place}%3F{query}"),
        }

    for name in targets("/?x"):
        path, _other = addresses.fresh(form)
        poison(web, targets(path)[name])
        assert_clean(web, control, path, name)


def test_what_is_kept_for_https_is_not_given_to_http(place: Site, web: Web, addresses: Addresses) -> None:
    """The one forwarded header that counts behind a proxy is a part of the key."""
    path, _other = addresses.fresh("reviews.html")
    secure = {**HOST, "X-Forwarded-Proto": "https"}
    for _ in range(4):
        assert b"https://127.0.0.1/w/v1/" in web.get(path, headers=secure).body
        assert b"https://127.0.0.1/w/v1/" not in web.get(path, headers=HOST).body
        assert b"http://127.0.0.1/w/v1/" in web.get(path, headers=HOST).body
