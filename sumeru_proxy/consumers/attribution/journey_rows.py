"""Orders with their touches, read once through in the order of their numbers. The database joins and sorts, nothing is kept in memory.

PostgreSQL reads through a server-side cursor, SQLite row by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet

from sumeru_proxy.consumers.attribution.journeys import JourneyConversion, JourneyTouch, Options
from sumeru_proxy.consumers.attribution.models import Conversion as ConversionRow
from sumeru_proxy.consumers.attribution.models import ConversionTouch, Label, VisitorLink
from sumeru_proxy.consumers.attribution.models import Touch as TouchRow

CHUNK_ROWS: Final = 5_000


class Journey(NamedTuple):
    """An order of the database with all of its touches. A touch's ``id`` is its row's ``rank``; ``theirs`` is Sumeru's own credit by it."""

    id: int
    conversion: JourneyConversion
    touches: list[JourneyTouch]
    theirs: Mapping[int, int]


def _taken(options: Options) -> Exists:
    """Whether an earlier order has the touch already: the first one after it, by time and then by id at the upstream."""
    earlier = Q(conversion__at_ms__lt=OuterRef("conversion__at_ms")) | Q(
        conversion__at_ms=OuterRef("conversion__at_ms"), conversion__key__lt=OuterRef("conversion__key")
    )
    others = ConversionTouch.objects.filter(
        earlier, touch_id=OuterRef("touch_id"), conversion__at_ms__gte=OuterRef("touch__at_ms")
    )
    return Exists(others.filter(conversion__kind__in=options.kinds) if options.kinds else others)


def taken_touches(conversion_id: int, options: Options) -> set[int]:
    """The touches (their ``rank``) of an order that an earlier order has already; none where a touch may serve several."""
    if not options.one_order_only:
        return set()
    rows = ConversionTouch.objects.filter(_taken(options), conversion_id=conversion_id)
    return set(rows.values_list("touch__rank", flat=True))


def sharing(conversion_ids: Sequence[int]) -> set[int]:
    """These orders and all that share a touch with one of them."""
    touches = ConversionTouch.objects.filter(conversion_id__in=conversion_ids).values("touch_id")
    others = ConversionTouch.objects.filter(touch_id__in=touches)
    return {*conversion_ids, *others.values_list("conversion_id", flat=True)}


def _conversions(rows: QuerySet[ConversionRow]) -> Iterator[tuple[Any, ...]]:
    fields = ("pk", "at_ms", "total", "refunded", "customer", "kind")
    return rows.order_by("pk").values_list(*fields).iterator(chunk_size=CHUNK_ROWS)


def _touches(rows: QuerySet[ConversionTouch], options: Options) -> QuerySet[Any, tuple[Any, ...]]:
    if options.one_order_only:
        rows = rows.exclude(_taken(options))
    fields = ("touch__at_ms", "touch__rank", "touch__channel", "touch__campaign", "touch__device", "touch__landing")
    return rows.order_by("conversion_id").values_list("conversion_id", "theirs", *fields)


def _joined(
    conversions: Iterable[tuple[Any, ...]], touches: Iterator[tuple[Any, ...]], texts: Mapping[int, str]
) -> Iterator[Journey]:
    end: tuple[Any, ...] = (None,)
    row = next(touches, end)
    for number, at_ms, total, refunded, customer, kind in conversions:
        own: list[JourneyTouch] = []
        theirs: dict[int, int] = {}
        while row[0] is not None and row[0] <= number:
            if row[0] == number:
                _number, amount, touch_ms, touch_id, channel, campaign, device, landing = row
                own.append(
                    JourneyTouch(touch_ms, touch_id, texts[channel], texts[campaign], texts[device], texts[landing])
                )
                if amount is not None:
                    theirs[touch_id] = amount
            row = next(touches, end)
        yield Journey(number, JourneyConversion(at_ms, total, refunded, customer, kind), own, theirs)


def of_shop(
    shop_id: int,
    options: Options,
    texts: Mapping[int, str],
    *,
    since_ms: int | None = None,
    until_ms: int | None = None,
    first_id: int | None = None,
    last_id: int | None = None,
) -> Iterator[Journey]:
    """All orders of a shop in the order of their numbers; only those of a period or of a range of numbers, both ends optional.

    ``texts``: ``words.texts_of(shop_id)``. Erased orders have no touches any more and are left out. Ranges of numbers divide the work:
    what is computed over each adds up to the whole.
    """
    bounds = {
        "at_ms__gte": since_ms,
        "at_ms__lt": until_ms,
        "pk__gte": first_id,
        "pk__lte": last_id,
    }
    chosen = {name: value for name, value in bounds.items() if value is not None}
    conversions = ConversionRow.objects.filter(shop_id=shop_id, erased=False, **chosen)
    steps = ConversionTouch.objects.filter(conversion__shop_id=shop_id, conversion__erased=False)
    steps = steps.filter(**{f"conversion__{name}": value for name, value in chosen.items()})
    rows = _touches(steps, options).iterator(chunk_size=CHUNK_ROWS)
    return _joined(_conversions(conversions), rows, texts)


def of_rows(rows: Sequence[ConversionRow], options: Options) -> tuple[list[Journey], dict[tuple[str, str], int]]:
    """These few orders (ascending by number), read at once, and the numbers of the words that their touches and journeys have."""
    ids = [row.pk for row in rows]
    steps = list(_touches(ConversionTouch.objects.filter(conversion_id__in=ids), options))
    # The journey that an order has had is most often the one that it will have.
    numbers = {number for step in steps for number in step[4:]} | {row.path for row in rows}
    texts = {0: "", **dict(Label.objects.filter(pk__in=numbers).values_list("pk", "text"))}
    words = {("channel", texts[step[4]]): step[4] for step in steps}
    words |= {("campaign", texts[step[5]]): step[5] for step in steps}
    words |= {("path", texts[row.path]): row.path for row in rows if texts.get(row.path)}
    orders = [(row.pk, row.at_ms, row.total, row.refunded, row.customer, row.kind) for row in rows]
    return list(_joined(orders, iter(steps), texts)), words


def open_persons(shop_id: int) -> QuerySet[TouchRow]:
    """Touches of people who have ordered nothing (yet): journeys without an order."""
    ordered = ConversionRow.objects.filter(shop_id=shop_id, person=OuterRef("person"))
    known = VisitorLink.objects.filter(shop_id=shop_id, visitor=OuterRef("person"), served=True)
    served = ConversionTouch.objects.filter(touch_id=OuterRef("pk"))
    return TouchRow.objects.filter(~Exists(ordered), ~Exists(known), ~Exists(served), shop_id=shop_id).exclude(
        person=""
    )


def without_order(
    shop_id: int, texts: Mapping[int, str], *, since_ms: int = 0, one_in: int = 1
) -> Iterator[tuple[str, list[JourneyTouch]]]:
    """Journeys without an order: (person's hash, touches). ``one_in``: only every so-manyth person, always the same ones."""
    rows = open_persons(shop_id).filter(at_ms__gte=since_ms).order_by("person", "at_ms", "rank")
    fields = ("person", "at_ms", "rank", "channel", "campaign", "device", "landing")
    person, own = "", list[JourneyTouch]()
    for name, at_ms, rank, channel, campaign, device, landing in rows.values_list(*fields).iterator(CHUNK_ROWS):
        if name != person:
            if own:
                yield person, own
            person, own = name, []
        if one_in == 1 or int(name[:8], 16) % one_in == 0:
            own.append(JourneyTouch(at_ms, rank, texts[channel], texts[campaign], texts[device], texts[landing]))
    if own:
        yield person, own


def changed_by(conversion_ids: Sequence[int], options: Options) -> list[int]:
    """The orders whose credit may change when these do, ascending: the same, or all that share a touch where a touch serves one order."""
    return sorted(sharing(conversion_ids)) if options.one_order_only else sorted(set(conversion_ids))
