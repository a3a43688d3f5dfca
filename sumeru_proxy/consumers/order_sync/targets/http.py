"""Signed HTTP: each order as a POST by Standard Webhooks, for an endpoint of one's own or an integration platform.

The same content has the same ``webhook-id``: a receiver that remembers ids takes each once. What an answer means:

* 2xx: taken. 408, 425, 429, 502, 503, 504 and no answer: the endpoint is away; all wait, ``Retry-After`` is obeyed.
* 3xx, 401, 403, 404, 405, 410: the settings are wrong; all wait until they are mended. Redirects are never followed.
* any other 4xx: the endpoint refuses this order. Any other 5xx: a ping decides whether the endpoint is down, or this order is its problem.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from sumeru_proxy.client import bounded_json
from sumeru_proxy.consumers.order_sync.document import Document
from sumeru_proxy.consumers.order_sync.outcomes import action_of
from sumeru_proxy.consumers.order_sync.signed_message import message_id, order_body
from sumeru_proxy.consumers.order_sync.targets import interface
from sumeru_proxy.consumers.order_sync.targets.interface import (
    BookedOrder,
    Entry,
    Finding,
    Forecast,
    Place,
    Receipt,
    Refused,
    TargetDown,
    TargetError,
)
from sumeru_proxy.outbox.endpoint import Endpoint, HttpAnswer, PrivateAddress, checked_url
from sumeru_proxy.outbox.signed_webhooks import keys_of, ping, post, words_of

OPTIONS: Final = {"url", "allow_private", "timeout_s"}


class HttpKind:
    """The kind of target that posts signed messages."""

    name = "http"
    title = "Signed HTTP"
    secret_label = "Signing secret (whsec_…; two with a comma in between during a rotation, the new one first)"  # noqa: S105

    def options_of(self, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """``url``; ``allow_private`` (false): also http:// and addresses of private networks; ``timeout_s`` (10): 1 to 10."""
        for name in raw:
            if name not in OPTIONS:
                raise ValueError(f"{str(name)[:40]} is not one of {', '.join(sorted(OPTIONS))}")
        allow_private, timeout_s = raw.get("allow_private", False), raw.get("timeout_s", 10)
        if not isinstance(allow_private, bool):
            raise ValueError("allow_private must be true or false")
        if isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float) or not 1 <= timeout_s <= 10:
            raise ValueError("timeout_s must be a number of seconds from 1 to 10")
        if not isinstance(raw.get("url"), str):
            raise ValueError("url must be an address such as https://shop.example/orders")
        try:
            url = checked_url(raw["url"], allow_private=allow_private)
        except PrivateAddress:
            raise ValueError("url leads to a private address; allow_private allows that") from None
        return {"url": url, "allow_private": allow_private, "timeout_s": float(timeout_s)}

    def open(self, place: Place) -> HttpTarget:
        """See ``interface.Kind``."""
        options = place.options
        endpoint = Endpoint(
            options["url"], allow_private=options.get("allow_private", False), timeout_s=options.get("timeout_s", 10.0)
        )
        return HttpTarget(endpoint, place.secret)


class HttpTarget:
    """See ``interface.Target``."""

    batch_size = 5  # each may take three times timeout_s, and all together less than the engine's claim
    reads_back = False

    def __init__(self, endpoint: Endpoint, secret: str) -> None:
        self._endpoint = endpoint
        self._secret = secret

    def check(self) -> Sequence[Finding]:
        """Looks the name up and sends a signed ping, which an endpoint answers with 2xx and otherwise ignores."""
        try:
            keys = self._keys()
            answer = ping(self._endpoint, keys)
        except TargetDown as error:
            return [Finding(interface.ERROR, error.reason, error.text or "the endpoint cannot be reached")]
        findings = [Finding(interface.OK, "endpoint", "the endpoint takes signed messages")]
        if not 200 <= answer.status < 300:
            text = f"the endpoint answers {answer.status} to a ping"
            findings = [Finding(interface.WARNING, "ping", text, "let it answer 2xx to types that it does not know")]
        if len(keys) > 1:
            findings.append(
                Finding(interface.WARNING, "rotation", "two secrets sign", "remove the old one when it is not used")
            )
        return findings

    def write(self, entries: Sequence[Entry]) -> Sequence[Receipt | TargetError]:
        """See ``interface.Target``: one message for each."""
        return [self._write(entry) for entry in entries]

    def forecast(self, documents: Sequence[Document]) -> Sequence[Forecast]:
        """Every document can be sent; what the endpoint holds cannot be asked."""
        return [Forecast(each.order_id, interface.CREATED, each.totals.total) for each in documents]

    def orders_between(self, since: date, until: date) -> Iterator[BookedOrder]:
        """Nothing can be read back."""
        return iter(())

    def orders_by_id(self, order_ids: Sequence[str]) -> Mapping[str, BookedOrder]:
        """Nothing can be read back."""
        return {}

    def close(self) -> None:
        """Closes the connection."""
        self._endpoint.close()

    def _keys(self) -> tuple[bytes, ...]:
        try:
            return keys_of(self._secret)
        except ValueError as error:
            raise TargetDown(60.0, str(error), reason="secret_unusable") from None

    def _post(self, id: str, body: bytes) -> HttpAnswer:
        return post(self._endpoint, self._keys(), id, body)

    def _write(self, entry: Entry) -> Receipt | TargetError:
        document = entry.document
        id, body = message_id(document), order_body(document)
        answer = self._post(id, body)
        if answer.status >= 500:
            ping(self._endpoint, self._keys())  # raises TargetDown when it is down for everything
            answer = self._post(id, body)
        if 200 <= answer.status < 300:
            # Not the receiver's id: it may answer the same one to everything, and ours is what the engine tells orders apart by.
            number = _name_there(answer.body) or document.number
            return Receipt(document.order_id, action_of(entry), number, state=document.state)
        reason = "server_error" if answer.status >= 500 else "refused"
        text = f"{answer.status} {words_of(answer.body)}".strip()
        return Refused(reason, text, personal=_personal(document))


def _name_there(body: bytes) -> str:
    """``id`` of a JSON answer, when the receiver tells how it calls the order."""
    try:
        answer = bounded_json.loads(body)
    except bounded_json.Unbounded:
        return ""
    value = answer.get("id") if isinstance(answer, dict) else None
    return value if isinstance(value, str) and 0 < len(value) <= 190 and value.isprintable() else ""


def _personal(document: Document) -> tuple[str, ...]:
    """What of a receiver's words may be about the buyer."""
    party = document.party
    texts = {party.email, party.first_name, party.last_name, party.phone}
    for address in (document.billing, document.shipping):
        if address is not None:
            texts |= {address.name, address.company, address.street, address.street2, address.phone}
    return tuple(sorted(text for text in texts if len(text) > 1))


KIND = HttpKind()
