"""Every state that a shopper can see of every widget, made by the real widgets from made-up data: no database, no upstream.

What looks at all of them (parts, accessibility, structured data) goes through ``STATES``. A widget that lists none has one by
default: its own example, read through a small stand-in of Sumeru.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import translation

from sumeru_proxy.client.shapes import (
    Author,
    BundleItem,
    CartNudge,
    Cta,
    Image,
    Media,
    NudgeProgress,
    ProductPage,
    QuizOption,
    QuizQuestion,
    QuizResult,
    Rating,
    Referral,
    ReferralCheck,
    Reply,
    Review,
    Reward,
)
from sumeru_proxy.client.shapes import Discount as Off
from sumeru_proxy.reading.reader import Pending
from tests.widgets.commerce import Answers, product
from tests.widgets.fragments import NOW, call_of
from tests.widgets.quiz_steps import Steps
from tests.widgets.test_ab_experiment import Coin
from tests.widgets.test_bundles import bundle
from tests.widgets.test_rating_badge import Shelf
from tests.widgets.test_rating_badge import product as rated
from tests.widgets.test_referral import Known
from tests.widgets.test_reviews import ReviewSource
from tests.widgets.test_upsell import offer
from widgets import registry
from widgets.base import Call, Seal, Sent
from widgets.http import rendering

SEAL = Seal("a-token", "0123456789abcdef0123456789abcdef")
STARS = Rating(Decimal("4.46"), 12)
REWARD = Reward("fixed_amount", Decimal("15.00"), "EUR", "15 € for you and your friend")
OWN = Referral("ADA-1F", "https://shop.example/?ref=ADA-1F", REWARD)
PICTURE = Image("https://cdn.example/a.jpg", 64, 64, "On a table")


@dataclass(frozen=True)
class State:
    """One state: the call and the source that lead to it."""

    widget: str
    name: str
    source: Callable[[], Any]
    asked: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    customer: str = ""
    form: bool = False
    sent: Sent | None = None
    expected: str = "ready"
    """What ``Rendered.state`` must be; empty for anything but an error."""

    def __str__(self) -> str:
        return f"{self.widget}: {self.name}"

    def call(self, language: str = "en", **more: str) -> Call:
        """The call that leads to this state, with more parameters."""
        call = call_of(registry.all_widgets()[self.widget], self.options, language, **{**self.asked, **more})
        return replace(call, customer_id=self.customer, seal=SEAL if self.form or self.sent else None, sent=self.sent)

    def made(self, language: str = "en") -> rendering.Rendered:
        """The widget in this state, in a language."""
        with translation.override(language):
            made = rendering.render(registry.all_widgets()[self.widget], self.call(language), self.source())
        assert made.state == self.expected or (not self.expected and made.state != "error"), (str(self), made.error)
        return made


def review(number: int, rating: int = 5, **changes: Any) -> Review:
    """One with everything that a review can have."""
    whole = Review(
        id=f"rev_{number}",
        rating=rating,
        title=f"Warm and light {number}",
        body="First.\n\nSecond\nline.",
        author=Author("Mara", verified_buyer=True, country="DE"),
        created_at=NOW - timedelta(days=number),
        locale="en",
        variant_title="Navy / M",
        helpful_count=2,
        media=(
            Media("image", "https://cdn.example/1.jpg", "https://cdn.example/1s.jpg", 800, 600, "On a ridge"),
            Media("video", "https://cdn.example/2.mp4", "", 800, 600),
        ),
        reply=Reply("Thank you.", NOW - timedelta(days=1)),
    )
    return replace(whole, **changes)


def reviews() -> ReviewSource:
    """Enough for several pages, with every number of stars, and one text that unfolds."""
    return ReviewSource([review(1, body="A long walk. " * 150), *(review(n, n % 5 + 1) for n in range(2, 30))])


def few_reviews() -> ReviewSource:
    """Reviews of people who gave nothing but stars, none of them one."""
    return ReviewSource([review(n, 4, title="", media=(), reply=None, author=Author("")) for n in (1, 2)])


def shelf(count: int, *, more: bool = False) -> Callable[[], Answers]:
    """Products of the feed, the second sold out, the third at a reduced price and the fourth without a picture."""
    made = [product(number, f"{number}.00", rating=STARS, vendor="Ridge") for number in range(1, count + 1)]
    changed = {1: {"available": False}, 2: {"compare_at_price": Decimal(20)}, 3: {"image": None, "rating": None}}
    for place, changes in changed.items():
        if place < count:
            made[place] = replace(made[place], **changes)  # type: ignore[arg-type]
    return lambda: Answers(ProductPage(tuple(made), "next" if more else None))


def nudge(kind: str, message: str, target: str = "", **more: Any) -> Callable[[], Answers]:
    """Sumeru's nudge for every total below the target, for any total without one."""

    def answer(asked: dict[str, Any]) -> CartNudge | None:
        total = Decimal(asked["cart_total"])
        if target and total >= Decimal(target):
            return None
        goal = Decimal(target) if target else None
        progress = NudgeProgress(total, goal, goal - total) if goal else None
        return CartNudge("ndg_1", kind, message, progress, **more)

    return lambda: Answers(answer)


def waiting() -> Any:
    """What has no copy yet."""
    return Answers(Pending(2.0))


def broken() -> Any:
    """A source that is no source: a fault of ours."""
    return None


QUESTIONS = (
    QuizQuestion("q1", "Where to?", "single", tuple(QuizOption(x, x.title(), PICTURE) for x in ("hills", "town"))),
    QuizQuestion("q2", "In which weather?", "multiple", tuple(QuizOption(x, x.title()) for x in ("sun", "rain"))),
)


def quiz() -> Steps:
    """Two questions: one answer with pictures, then several; then something reduced and something sold out."""
    found = (product(1, compare_at_price=Decimal(20)), product(2, available=False, image=None))
    return Steps(QUESTIONS, [QuizResult(each, Decimal("0.9"), "Keeps you dry.") for each in found])


def pointless_quiz() -> Steps:
    """Over at once, with nothing to recommend."""
    steps = Steps(())
    steps.results = ()
    return steps


def _refused(**errors: str) -> Sent:
    return Sent(values={"body": "x", "email": "nobody"}, errors={name or "": [text] for name, text in errors.items()})


CART = {"cart_id": "c1", "cart_total": "47.20", "currency": "EUR"}
ONE = {"product_id": "prd_1"}
WRITE = {**ONE, "write": "1"}
BAD = dict.fromkeys(("rating", "title", "body", "name", "email", "order_id"), "This is not right.")
WITHOUT = bundle("bun_3", compare_at_price=None, items=(BundleItem(product(3, available=False), 1),))

_LISTED: tuple[State, ...] = (
    State("reviews", "a page", reviews, ONE),
    State("reviews", "a later page", reviews, {**ONE, "page": "2"}),
    State("reviews", "filtered", reviews, {**ONE, "rating": "5", "media": "1"}),
    State("reviews", "filtered to nothing", few_reviews, {**ONE, "rating": "1"}),
    State("reviews", "few and plain", few_reviews, ONE, {"heading": "What they say", "show_filters": False}),
    State("reviews", "none yet", lambda: ReviewSource([]), ONE),
    State("reviews", "the form", reviews, WRITE, form=True),
    State("reviews", "the form with errors", reviews, WRITE, sent=_refused(**BAD)),
    State("reviews", "the form refused as a whole", reviews, WRITE, sent=Sent(errors={"": ["Not now."]})),
    State("reviews", "thanks", reviews, WRITE, sent=Sent(outcome="published")),
    State("reviews", "thanks, later", reviews, {**ONE, "result": "pending"}),
    State("reviews", "pending", waiting, ONE, expected="pending"),
    State("reviews", "error", broken, ONE, expected="error"),
    State("rating_badge", "one", lambda: Shelf([rated("prd_1")]), ONE),
    State("rating_badge", "one that leads nowhere", lambda: Shelf([rated("prd_1")]), ONE, {"link_to": "none"}),
    State("rating_badge", "a grid", lambda: Shelf([rated(f"prd_{n}") for n in (1, 2, 3)]), {"product_ids": "prd_1,prd_2,prd_3"}),
    State("rating_badge", "no reviews yet", lambda: Shelf([rated("prd_1", "0", 0)]), ONE, {"show_empty": True}),
    State("rating_badge", "nothing", lambda: Shelf([rated("prd_1", "0", 0)]), ONE, expected="empty"),
    State("rating_badge", "pending", Shelf, ONE, expected="pending"),
    State("bundles", "two", lambda: Answers((bundle(), bundle("bun_2", title="Full set"))), ONE),
    State("bundles", "sold out", lambda: Answers((bundle(), WITHOUT)), ONE, {"show_unavailable": True}),
    State("bundles", "nothing", lambda: Answers(()), ONE, expected="empty"),
    State("bundles", "pending", waiting, ONE, expected="pending"),
    State(
        "upsell",
        "offers",
        lambda: Answers((offer(2), offer(3, discount=Off("percentage", Decimal(10))), offer(4, image=None))),
        {"product_ids": "prd_1", "cart_total": "40"},
    ),
    State("upsell", "nothing", lambda: Answers(()), {"product_ids": "prd_1"}, expected="empty"),
    State("upsell", "pending", waiting, {"product_ids": "prd_1"}, expected="pending"),
    State("quiz", "the first question", quiz, {"quiz_id": "quiz_1"}, form=True),
    State("quiz", "several answers", quiz, {"quiz_id": "quiz_1", "answers": "q1:hills", "chosen": "sun"}, form=True),
    State("quiz", "no answer chosen", quiz, {"quiz_id": "quiz_1"}, sent=_refused(option="Choose an answer.")),
    State("quiz", "refused as a whole", quiz, {"quiz_id": "quiz_1"}, sent=Sent(errors={"": ["Not now."]})),
    State("quiz", "results", quiz, {"quiz_id": "quiz_1", "answers": "q1:hills;q2:sun"}, form=True),
    State("quiz", "no results", pointless_quiz, {"quiz_id": "quiz_1"}, form=True),
    State("quiz", "pending", waiting, {"quiz_id": "quiz_1"}, form=True, expected="pending"),
    State("referral", "own link", lambda: Known(OWN), customer="cus_1", form=True),
    State("referral", "a code without a link yet", lambda: Known(Referral("ADA-1F", "", None)), customer="cus_1", form=True),
    State("referral", "asking for one", Known, customer="cus_1", form=True),
    State("referral", "refused", Known, customer="cus_1", sent=Sent(errors={"": ["Not now."]})),
    State("referral", "being made", Known, customer="cus_1", sent=Sent(outcome="accepted")),
    State("referral", "not signed in", Known, options={"sign_in_url": "https://shop.example/in"}, form=True),
    State(
        "referral",
        "a friend's code",
        lambda: Known(codes={"ADA-1F": ReferralCheck("ADA-1F", valid=True, reward=REWARD)}),
        {"code": "ADA-1F"},
        form=True,
    ),
    State("referral", "no such code", Known, {"code": "NOBODY"}, form=True),
    State("cart_nudge", "free shipping", nudge("free_shipping", "", "75"), CART),
    State(
        "cart_nudge",
        "discount, for a while",
        nudge("discount_tier", "Add a little for a discount", "75", cta=Cta("More", "/more"), expires_at=NOW + timedelta(minutes=25)),
        CART,
    ),
    State("cart_nudge", "low stock", nudge("low_stock", "Only two left"), CART),
    State("cart_nudge", "a message", nudge("message", "Gift wrap is free today"), CART),
    State("cart_nudge", "reached", nudge("free_shipping", "", "47.10"), CART),
    State("cart_nudge", "nothing", nudge("message", "x"), {"cart_id": "c1"}, expected="empty"),
    State("cart_nudge", "pending", waiting, CART, expected="pending"),
    State("product_feed", "a grid", shelf(30), {"page": "2"}, {"heading": "Camp", "show_vendor": True, "show_search": True}),
    State("product_feed", "a grid of unknown length", shelf(100, more=True), {}, {"page_size": 6}),
    State("product_feed", "a carousel", shelf(30), {"layout": "carousel"}, {"heading": "Camp"}),
    State("product_feed", "filtered to nothing", shelf(0), {"query": "zz"}, {"show_search": True}),
    State("product_feed", "nothing", shelf(0), expected="empty"),
    State("product_feed", "pending", waiting, expected="pending"),
    State("ab_experiment", "a variant", Coin, {"experiment": "hero", "visitor_id": "v1"}),
    State("ab_experiment", "undecided", lambda: Coin(error=Pending(2.0)), {"experiment": "hero", "visitor_id": "v1"}),
    State(
        "ab_experiment",
        "another widget",
        lambda: Coin(payload={"widget": "bundles", "params": {"product_id": "prd_1"}, "label": "See the bundle"}),
        {"experiment": "hero", "visitor_id": "v1"},
    ),
)  # fmt: skip


def _default(name: str) -> State:
    """The widget's own example with whatever it reads: what it can make of it depends on the widget."""
    example = {key: value.replace("{product}", "prd_1") for key, value in registry.all_widgets()[name].example.items()}
    return State(name, "the example", Anything, example, expected="")


class Anything:
    """A source that has every product, and no answer of another kind: those reads are pending."""

    fresh = True
    shop_id = 1

    def get(self, query: Any) -> Any:
        raise Pending(2.0)

    def load(self, query: Any) -> Any:
        return None

    def preload(self, queries: Iterable[Any]) -> None:
        """Nothing is slow here."""

    def products(self, ids: Any, fresh_s: float = 300.0, *, behind: bool = False) -> dict[str, Any]:
        return {each: replace(product(1), id=each) for each in ids}

    def ratings(self, shown: Any) -> dict[str, Any]:
        return {each: product.rating for each, product in shown.items() if product.rating}

    def age_s(self, now: float) -> float:
        return 0.0


STATES = (
    *_LISTED,
    *(_default(name) for name in registry.all_widgets() if name not in {each.widget for each in _LISTED}),
)


def ready() -> list[State]:
    """Those with a fragment."""
    return [state for state in STATES if (state.expected or state.made().state) == "ready"]
