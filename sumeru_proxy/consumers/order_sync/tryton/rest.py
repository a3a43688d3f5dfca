"""Tryton's own REST door (``/<database>/rest/model/…``, key of an application of a user), as a client that tries once.

Measured of 8.2: business errors are 400 with a text and no code, so callers read again instead of matching words; a field or model that it
does not know is a 500 that never goes away; a lost database is 503; a record that is locked 423.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import requests

from sumeru_proxy.consumers.order_sync.targets.interface import Refused, TargetDown

CONNECT_S: Final = 5.0
READ_S: Final = 60.0
ANSWER_LIMIT_BYTES: Final = 32 * 1024 * 1024
PAGE: Final = 500

Row = dict[str, Any]
Domain = list[Any]


class Rejected(Exception):
    """400 or 409: Tryton understood and said no. The text is its own, in its own language, and may name people."""


class Broken(Exception):
    """500: a defect there, or something that it does not know. ``text`` is what it said, without the page around it."""


def _encoded(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    raise TypeError(type(value).__name__)


def _decoded(item: Row) -> Any:
    match item.get("__class__"):
        case "Decimal":
            return Decimal(item["decimal"])
        case "date":
            return date(item["year"], item["month"], item["day"])
        case "datetime":
            return date(item["year"], item["month"], item["day"])
    return item


def _packed(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, default=_encoded).encode()).decode()


class Door:
    """Calls one database. Not for several threads at once. Methods raise Rejected, Broken and TargetDown."""

    def __init__(self, url: str, database: str, key: str) -> None:
        self._base = f"{url.rstrip('/')}/{database}/rest/model/"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {key}"
        self.calls = 0
        """How many calls were made; for measuring."""

    def within(self, company: int) -> None:
        """Let all further calls happen within this company."""
        self._session.headers["X-Tryton-Context"] = _packed({"company": company})

    def close(self) -> None:
        """Close the connections. May be repeated."""
        self._session.close()

    def search(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        limit: int = PAGE,
        offset: int = 0,
        order: Sequence[tuple[str, str]] = (("id", "ASC"),),
    ) -> list[Row]:
        """The records of a domain, at most ``limit``, with these fields (dotted ones come nested) and their ids."""
        query = [
            ("d", _packed(domain)),
            ("s", str(limit)),
            ("p", str(offset)),
            ("o", _packed([list(o) for o in order])),
        ]
        rows: list[Row] = self._call("GET", model, query, fields)
        return rows

    def create(self, model: str, values: Mapping[str, Any], fields: Sequence[str] = ()) -> Row:
        """Make one record; gives its id and these fields."""
        row: Row = self._call("POST", model, (), fields, values)
        return row

    def create_many(self, model: str, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Make several records, all or none; gives their ids in order."""
        ids: list[int] = self._call("POST", f"{model}/create", (), (), {"vlist": list(rows)})
        return ids

    def update(self, model: str, record: int, values: Mapping[str, Any], fields: Sequence[str] = ()) -> Row:
        """Change one record; gives its id and these fields as they are then."""
        row: Row = self._call("PUT", f"{model}/{record}", (), fields, values)
        return row

    def act(self, model: str, record: int, action: str, fields: Sequence[str] = ()) -> Row:
        """Press one of a record's buttons; gives its id and these fields as they are then."""
        pressed: Row = self._call("POST", f"{model}/{record}/{action}", (), fields, {})
        return pressed

    def _call(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        fields: Sequence[str],
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        self.calls += 1
        parameters = [*query, *(("f", field) for field in fields or ("id",))]
        data = None if body is None else json.dumps(body, default=_encoded)
        try:
            answer = self._session.request(
                method,
                self._base + path,
                params=parameters,
                data=data,
                headers={} if data is None else {"Content-Type": "application/json"},
                timeout=(CONNECT_S, READ_S),
                allow_redirects=False,
                stream=True,
            )
            content = answer.raw.read(ANSWER_LIMIT_BYTES + 1, decode_content=True)
        except (requests.RequestException, OSError) as error:
            raise TargetDown(text=type(error).__name__) from None
        except Exception as error:  # urllib3's own, when an answer breaks off
            raise TargetDown(text=type(error).__name__) from None
        if len(content) > ANSWER_LIMIT_BYTES:
            raise Broken("the answer is too large")
        return self._judged(answer, content)

    @staticmethod
    def _judged(answer: requests.Response, content: bytes) -> Any:
        status = answer.status_code
        if status in (200, 201):
            try:
                return json.loads(content, object_hook=_decoded)
            except (ValueError, KeyError, RecursionError):
                raise TargetDown(text="an answer that is no JSON of Tryton's") from None
        if status == 204:
            return {}
        text = _text_in(content)
        if status in (400, 409):
            raise Rejected(text)
        if status == 500:
            raise Broken(text)
        if status in (401, 403):
            raise TargetDown(text="Tryton refuses the key, or the key may not do this", reason="key_refused")
        if status == 404:
            raise TargetDown(text="Tryton knows no such database or record", reason="not_found")
        raise TargetDown(_retry_after(answer.headers.get("Retry-After", "")), f"status {status}")


def _retry_after(text: str) -> float:
    return min(3_600.0, float(text)) if text.isdigit() else 0.0


def _text_in(content: bytes) -> str:
    """What an error says: the message of its JSON, or the last paragraph of its page."""
    text = content[:20_000].decode("utf-8", "replace")
    try:
        answer = json.loads(text)
        return " ".join(str(answer.get(name) or "") for name in ("message", "description")).strip()[:300]
    except (ValueError, AttributeError, RecursionError):
        return text.rpartition("<p>")[2].partition("</p>")[0].strip()[:300] if "<p>" in text else text.strip()[:300]


def twice(error: Broken) -> Refused:
    """What a 500 that came again is: something for a person, not for another try."""
    return Refused("server_error", f"Tryton failed twice: {error}")
