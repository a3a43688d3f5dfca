"""Pagers and cut texts: small pure pieces of lists."""

from __future__ import annotations

from collections.abc import Sequence

TEXT_LIMIT_BYTES = 10_000
"""The most that one text of a list may take of a page."""


def page_numbers(number: int, pages: int) -> list[int | None]:
    """Which pages a pager names: the first, the last, this one and its neighbours; None is a gap. Empty for fewer than two pages."""
    if pages < 2:
        return []
    numbers = sorted({1, pages} | {near for near in (number - 1, number, number + 1) if 1 <= near <= pages})
    result: list[int | None] = []
    for each in numbers:
        before = result[-1] if result else None
        if before is not None and each - before == 2:
            result.append(each - 1)  # a gap of one page is no shorter than its number
        elif before is not None and each - before > 2:
            result.append(None)
        result.append(each)
    return result


def fair_limit(sizes: Sequence[int], budget: int) -> int:
    """The largest length to which everything longer must be cut for all to fit into ``budget``; at most TEXT_LIMIT_BYTES."""
    remaining = budget
    for position, size in enumerate(sorted(sizes)):
        share = remaining // (len(sizes) - position)
        if size > share:
            return min(share, TEXT_LIMIT_BYTES)
        remaining -= size
    return TEXT_LIMIT_BYTES


def cut_to_bytes(text: str, limit_bytes: int) -> str:
    """The text, or as much of it as fits into so many bytes of UTF-8, with an ellipsis."""
    data = text.encode("utf-8", "replace")
    if len(data) <= limit_bytes:
        return text
    return data[: limit_bytes - 3].decode("utf-8", "ignore").rstrip() + "…"
