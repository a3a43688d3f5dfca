"""Copies as bytes: typed, of one release's shapes, and read without running anything (MessagePack by msgspec).

Only the records of ``client.shapes`` and tuples of one kind of them are ever written; anything else in the store is no copy.
"""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Final

import msgspec

from sumeru_proxy.client import shapes

_KINDS: Final[dict[str, type]] = {
    name: kind
    for name, kind in vars(shapes).items()
    if isinstance(kind, type) and is_dataclass(kind) and kind.__module__ == shapes.__name__
}
_ABSENT: Final = ""
_LIST: Final = "[]"


class Foreign(Exception):
    """Bytes that are no copy of this release."""


class StoredCopy(msgspec.Struct, array_like=True, frozen=True):
    """What is stored: the kind's name, its bytes, and the copy's own fields."""

    kind: str
    value: msgspec.Raw
    fetched_at: float
    fresh_s: float
    made_under: tuple[tuple[str, int], ...]
    absent_since: float


def schema() -> str:
    """Changes with the stored form and with the typed values, so that copies of another release are not read by this one."""
    text = "msgpack1;" + ";".join(
        f"{name}({','.join(f'{part.name}:{part.type}' for part in fields(kind))})"
        for name, kind in sorted(_KINDS.items())
    )
    return hashlib.blake2s(text.encode(), digest_size=4).hexdigest()


_encoder: Final = msgspec.msgpack.Encoder(decimal_format="string")
_envelopes: Final = msgspec.msgpack.Decoder(StoredCopy)


@cache
def _decoder(kind: str) -> msgspec.msgpack.Decoder[Any]:
    single = _KINDS[kind.removesuffix(_LIST)]
    return msgspec.msgpack.Decoder(tuple[single, ...] if kind.endswith(_LIST) else single)  # type: ignore[valid-type]


def packed(
    value: Any, fetched_at: float, fresh_s: float, made_under: tuple[tuple[str, int], ...], absent_since: float
) -> bytes:
    """A copy's fields as bytes. Raises TypeError for a value that is no shape, ValueError for one that has no stored form."""
    try:
        raw = msgspec.Raw(_encoder.encode(value))
        return _encoder.encode(StoredCopy(_kind_of(value), raw, fetched_at, fresh_s, made_under, absent_since))
    except (msgspec.MsgspecError, OverflowError, RecursionError, UnicodeError) as error:
        raise ValueError(f"no stored form: {type(error).__name__}") from None


def _kind_of(value: Any) -> str:
    if value is None:
        return _ABSENT
    if isinstance(value, tuple):
        kinds = {type(each).__name__ for each in value} or {"Bundle"}
        if len(kinds) == 1 and kinds <= _KINDS.keys():
            return kinds.pop() + _LIST
    elif _KINDS.get(type(value).__name__) is type(value):
        return type(value).__name__
    raise TypeError(f"no shape of Sumeru's: {type(value).__name__}")


def unpacked(stored: object) -> tuple[Any, float, float, tuple[tuple[str, int], ...], float]:
    """The fields that ``packed`` was given. Raises Foreign for anything else."""
    if not isinstance(stored, bytes):
        raise Foreign
    try:
        held = _envelopes.decode(stored)
        if held.kind != _ABSENT and held.kind.removesuffix(_LIST) not in _KINDS:
            raise Foreign
        value = None if held.kind == _ABSENT else _decoder(held.kind).decode(held.value)
    except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError, ArithmeticError):
        raise Foreign from None
    return value, held.fetched_at, held.fresh_s, held.made_under, held.absent_since
