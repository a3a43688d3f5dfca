"""A journey: the touches before an order that count for it, in order of time. Pure values; times are milliseconds since 1970 (UTC)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

DAY_MS: Final = 86_400_000
DIRECT: Final = ("direct", "(direct)", "none", "(none)")
"""Names under which "no known source" is reported; compared in lower case."""

COUNT, FALLBACK, NEVER = "count", "fallback", "never"
DIRECT_HANDLING: Final = (COUNT, FALLBACK, NEVER)


class JourneyTouch(NamedTuple):
    """One contact. It sorts by time, then by ``id``, which decides between touches of the same millisecond."""

    at_ms: int
    id: int
    channel: str
    campaign: str = ""
    device: str = ""
    landing: str = ""


class JourneyConversion(NamedTuple):
    """What is credited: an order (``kind`` ``order``) or another goal. Amounts are minor units of its currency."""

    at_ms: int
    total: int
    refunded: int = 0
    customer: str = ""
    """``new``, ``returning`` or empty when unknown."""
    kind: str = "order"


@dataclass(frozen=True, slots=True)
class Options:
    """Which touches count, for all models alike.

    ``look_back_days``: a touch older than this before the order does not count (0: no limit). ``kinds``: conversion types that are
    credited at all (empty: every one). ``one_order_only``: a touch serves only the first order after it (the engine leaves out the
    others). ``direct``: ``count`` as any channel, ``fallback`` only when the journey has nothing else, ``never``.
    ``prefer_campaigns``: when the journey has touches with a campaign, only these count.
    """

    look_back_days: int = 90
    kinds: frozenset[str] = frozenset()
    one_order_only: bool = False
    direct: str = COUNT
    prefer_campaigns: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.look_back_days <= 3_650:
            raise ValueError("look_back_days must be 0 to 3650")
        if self.direct not in DIRECT_HANDLING:
            raise ValueError(f"direct must be one of {', '.join(DIRECT_HANDLING)}")


def is_direct(channel: str) -> bool:
    """Whether the channel means "no known source"."""
    return channel.lower() in DIRECT


def credited(conversion: JourneyConversion, options: Options) -> bool:
    """Whether conversions of this type are credited under these options."""
    return not options.kinds or conversion.kind in options.kinds


def left_out(
    conversion: JourneyConversion, touches: Iterable[JourneyTouch], options: Options, taken: Collection[int] = ()
) -> list[tuple[JourneyTouch, str]]:
    """All touches in order of time, each with the reason why it does not count, or an empty text when it does.

    Reasons: ``after`` (later than the order), ``look_back``, ``earlier_order`` (its id is in ``taken``), ``direct``, ``no_campaign``.
    """
    oldest = conversion.at_ms - options.look_back_days * DAY_MS if options.look_back_days else None
    reasons: list[tuple[JourneyTouch, str]] = []
    for touch in sorted(touches):
        if touch.at_ms > conversion.at_ms:
            reasons.append((touch, "after"))
        elif oldest is not None and touch.at_ms < oldest:
            reasons.append((touch, "look_back"))
        elif touch.id in taken:
            reasons.append((touch, "earlier_order"))
        else:
            reasons.append((touch, ""))
    if options.direct != COUNT:
        other = any(not reason and not is_direct(touch.channel) for touch, reason in reasons)
        if other or options.direct == NEVER:
            reasons = [
                (touch, "direct" if not reason and is_direct(touch.channel) else reason) for touch, reason in reasons
            ]
    if options.prefer_campaigns and any(not reason and touch.campaign for touch, reason in reasons):
        reasons = [(touch, reason or ("" if touch.campaign else "no_campaign")) for touch, reason in reasons]
    return reasons


def journey(conversion: JourneyConversion, touches: list[JourneyTouch], options: Options) -> list[JourneyTouch]:
    """The touches that count, in order of time: those of ``left_out`` without a reason, found without making reasons."""
    counted = sorted(touches)
    if counted and counted[-1].at_ms > conversion.at_ms:
        counted = [touch for touch in counted if touch.at_ms <= conversion.at_ms]
    if options.look_back_days and counted:
        oldest = conversion.at_ms - options.look_back_days * DAY_MS
        if counted[0].at_ms < oldest:
            counted = [touch for touch in counted if touch.at_ms >= oldest]
    if options.direct != COUNT:
        with_source = [touch for touch in counted if not is_direct(touch.channel)]
        if with_source or options.direct == NEVER:
            counted = with_source
    if options.prefer_campaigns:
        counted = [touch for touch in counted if touch.campaign] or counted
    return counted
