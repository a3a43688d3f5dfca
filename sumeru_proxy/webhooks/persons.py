"""Who an event is about, whatever shape its data has: e-mail addresses, customer ids and names. Pure.

The data of ``gdpr.completed`` is not documented. A person is recognised by any e-mail address in it, and by what stands where customer
ids stand, as text or number; a request's own id is nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_EMAIL = re.compile(r"[^\s@<>()\[\]\",;:]{1,64}@[^\s@<>()\[\]\",;:]{1,190}")
_CUSTOMER = re.compile(r"cus_[A-Za-z0-9_-]{1,180}\Z|gid://\S{1,100}/Customer/\S{1,80}\Z")
_DIGITS: Final = 18
_ID_CHARS: Final = 190
_NAME_CHARS: Final = 120
_CARRIERS: Final = frozenset(
    {"customer", "customers", "subject", "subjects", "datasubject", "person", "persons", "people", "user", "users", "member",
     "profile", "shopper", "contact", "author"}
)  # fmt: skip
"""What holds a person: an object, their id or address alone, or a list of either."""
_IDS: Final = frozenset(
    f"{name}{ending}"
    for name in ("customer", "subject", "datasubject", "person", "user", "member", "profile", "shopper", "contact")
    for ending in ("id", "ids", "identifier", "identifiers", "number", "ref", "gid")
)
_OWN_IDS: Final = frozenset({"id", "ids", "identifier", "gid", "customerid"})
_FIRST: Final = ("firstname", "givenname", "forename")
_LAST: Final = ("lastname", "familyname", "surname")
_WHOLE: Final = ("name", "fullname", "displayname", "nickname")
_STAFF = re.compile(r"by\Z|\A(actor|operator|agent|admin|staff|controller|dpo|support|merchant|shop|store|sender)")
"""Who did it is not who it was done to."""


@dataclass(frozen=True, slots=True)
class Identity:
    """By what a person is known. ``ids`` are customer ids as they were written, ``emails`` are case folded, ``names`` as written."""

    ids: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    @property
    def known(self) -> bool:
        """Whether it is somebody: a name alone is not."""
        return bool(self.ids or self.emails)

    @property
    def keys(self) -> frozenset[str]:
        """Ids and addresses, case folded: what consumers are given."""
        return self.emails | {each.casefold() for each in self.ids}

    def __or__(self, other: Identity) -> Identity:
        return Identity(self.ids | other.ids, self.emails | other.emails, self.names | other.names)


def identity_of(*words: str) -> Identity:
    """A person that somebody names by addresses and customer ids."""
    clean = [word.strip() for word in words if word.strip()]
    emails = frozenset(word.casefold() for word in clean if "@" in word and "://" not in word)
    return Identity(frozenset(word for word in clean if word.casefold() not in emails), emails)


def recognised(data: object) -> Identity:
    """The person that an event's data is about; ``known`` is false when it names nobody in a form that is known here."""
    ids, emails = set[str](), set[str]()
    for holder, key, value in _leaves(data):
        text = _text(value)
        if isinstance(value, str):
            emails.update(found.casefold().strip(".") for found in _EMAIL.findall(value.removeprefix("mailto:")))
        if text and "@" not in text and _is_id(holder, key, text):
            ids.add(text)
    emails.update(found.casefold() for key in _keys(data) for found in _EMAIL.findall(key))
    return Identity(frozenset(ids), frozenset(emails), frozenset(_names_in(data)))


def speaks_of(body: object, person: Identity) -> bool:
    """Whether a JSON value speaks of the person: a text is one of their addresses or ids, or such an id stands where customer ids do.

    A bare number elsewhere (a price, a rating) is no id.
    """
    keys = person.keys
    for holder, key, value in _leaves(body, staff=True):
        text = _text(value)
        if text and text.casefold() in keys and (not text.isdecimal() or _is_id(holder, key, text)):
            return True
    return False


def expanded(person: Identity, bodies: Iterable[object]) -> Identity:
    """The person with what objects of these bodies say of the same one: an object that holds one of their ids or addresses."""
    found = [each for body in bodies for each in _persons_in(body)]
    while True:
        keys = person.keys
        more = person
        for each in found:
            if each.keys & keys:
                more |= each
        if more == person:
            return person
        person = more


def _text(value: object) -> str:
    """An id or an address as text; empty for what is neither. Numbers are ids, too."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int) and 0 < value < 10**_DIGITS:
        return str(value)
    if isinstance(value, float) and value.is_integer() and 0 < value < 10**_DIGITS:
        return str(int(value))
    return value.strip() if isinstance(value, str) and len(value) <= _ID_CHARS + 64 else ""


def _plain(key: str) -> str:
    return re.sub(r"[^a-z]", "", key.lower())


def _is_id(holder: str, key: str, text: str) -> bool:
    if len(text) > _ID_CHARS or not text.isprintable() or " " in text:
        return False
    return bool(_CUSTOMER.match(text)) or key in _IDS or (holder in _CARRIERS and key in _OWN_IDS) or key in _CARRIERS


def _leaves(
    value: object, holder: str = "", key: str = "", *, staff: bool = False
) -> Iterator[tuple[str, str, object]]:
    """Every scalar with the plain names of the field it stands in and of the object around it; a list is named as its field.

    What speaks of those who did it is left out unless ``staff``.
    """
    pending: list[tuple[str, str, object]] = [(holder, key, value)]
    while pending:
        around, name, each = pending.pop()
        if isinstance(each, Mapping):
            typed = _typed(each)
            for inner, part in each.items():
                plain = _plain(str(inner))
                if staff or not _STAFF.search(plain):
                    pending.append((name or around, typed if typed and plain in ("value", "id") else plain, part))
        elif isinstance(each, list):
            pending.extend((around, name, part) for part in each)
        else:
            yield around, name, each


def _typed(item: Mapping[str, Any]) -> str:
    """What ``{"type": "customer_id", "value": 7}`` says of its value."""
    for name in ("type", "kind", "key", "field", "name"):
        said = item.get(name)
        if isinstance(said, str) and "value" in item and (_plain(said) in _IDS or _plain(said) in _CARRIERS):
            return _plain(said)
    return ""


def _keys(value: object) -> Iterator[str]:
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, Mapping):
            yield from (str(key) for key in each)
            pending.extend(each.values())
        elif isinstance(each, list):
            pending.extend(each)


def _names_in(data: object) -> Iterator[str]:
    """Names beside ids and addresses: of the outermost object and of those that hold a person."""
    for holder, item in _objects(data):
        if holder in _CARRIERS or not holder:
            yield from _own_names(item)


def _objects(value: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    pending: list[tuple[str, object]] = [("", value)]
    while pending:
        holder, each = pending.pop()
        if isinstance(each, Mapping):
            yield holder, each
            pending.extend((_plain(str(key)), part) for key, part in each.items())
        elif isinstance(each, list):
            pending.extend((holder, part) for part in each)


def _own_names(item: Mapping[str, Any]) -> Iterator[str]:
    plain = {_plain(str(key)): value for key, value in item.items() if isinstance(value, str)}
    parts = [next((plain[name] for name in names if plain.get(name)), "") for names in (_FIRST, _LAST)]
    for name in (" ".join(part for part in parts if part), *(plain.get(name, "") for name in _WHOLE)):
        if 2 <= len(name.strip()) <= _NAME_CHARS and "@" not in name:
            yield name.strip()


def _persons_in(body: object) -> Iterator[Identity]:
    """One for each object of a body that names somebody by an address or an id of its own."""
    for holder, item in _objects(body):
        ids, emails = set[str](), set[str]()
        for key, value in item.items():
            text, plain = _text(value), _plain(str(key))
            if text and "@" in text and plain.startswith(("email", "customeremail", "mail")):
                emails.add(text.casefold())
            elif text and "@" not in text and not _STAFF.search(plain) and _is_id(holder, plain, text):
                ids.add(text)
        if ids or emails:
            carries = holder in _CARRIERS or "firstname" in {_plain(str(key)) for key in item}
            yield Identity(frozenset(ids), frozenset(emails), frozenset(_own_names(item)) if carries else frozenset())
