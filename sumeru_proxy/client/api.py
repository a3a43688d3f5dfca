"""The door to Sumeru: ``Sumeru(account).reviews("prd_1")``, one method per call, typed values out, four kinds of errors.

In the ``page``, ``refresh`` and ``write`` lanes a call is tried once and never sleeps; in the ``worker`` lane it is tried up to five
times and sleeps in between. Every method raises ``errors.Refused``, ``Limited``, ``Unavailable`` or ``Unreadable``. Writes may be
repeated with the same ``idempotency_key`` for 24 hours without being done twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sumeru_proxy.client import resources_catalogue as catalogue
from sumeru_proxy.client import resources_shopper as shopper
from sumeru_proxy.client import shapes
from sumeru_proxy.client.account import Account
from sumeru_proxy.client.api_admin import MOST_PAGES, AdminCalls, pages
from sumeru_proxy.client.caller import Answer, Meta, Observed

__all__ = ["Account", "Answer", "Meta", "Observed", "Sumeru"]


class Sumeru(AdminCalls):
    """One account's calls in one lane: the storefront endpoints, and the admin API of ``AdminCalls``."""

    # -- storefront: products

    def reviews(
        self,
        product_id: str,
        limit: int | None = None,
        cursor: str | None = None,
        sort: str | None = None,
        rating: int | None = None,
        media: bool = False,
    ) -> shapes.ReviewPage:
        """One page (at most 100) of a product's reviews. ``sort``: -created_at, -rating, rating or -helpful."""
        return self.call(catalogue.REVIEWS, catalogue.ask_reviews(product_id, limit, cursor, sort, rating, media)).value

    def review_pages(self, product_id: str, max_pages: int = MOST_PAGES, **filters: Any) -> Iterator[shapes.ReviewPage]:
        """The pages of ``reviews`` one after another; each is a call."""
        return pages(lambda cursor: self.reviews(product_id, cursor=cursor, **filters), max_pages)

    def submit_review(
        self,
        product_id: str,
        rating: int,
        body: str,
        author_name: str,
        author_email: str,
        title: str = "",
        order_id: str | None = None,
        locale: str | None = None,
        idempotency_key: str | None = None,
    ) -> shapes.Submitted:
        """Send a shopper's review (a write)."""
        asked = catalogue.ask_submit_review(
            product_id, rating, body, author_name, author_email, title, order_id, locale
        )
        return self.call(catalogue.SUBMIT_REVIEW, asked, idempotency_key).value

    def bundles(self, product_id: str) -> tuple[shapes.Bundle, ...]:
        """The bundles that hold this product."""
        return self.call(catalogue.BUNDLES, catalogue.ask_bundles(product_id)).value

    def upsell(
        self,
        product_ids: Iterable[str],
        cart_total: Decimal | str | None = None,
        currency: str | None = None,
        limit: int | None = None,
    ) -> tuple[shapes.UpsellOffer, ...]:
        """Offers for a cart with these products."""
        return self.call(catalogue.UPSELL, catalogue.ask_upsell(product_ids, cart_total, currency, limit)).value

    def products(
        self,
        collection: str | None = None,
        product_ids: Iterable[str] | None = None,
        query: str | None = None,
        in_stock: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> shapes.ProductPage:
        """One page (at most 100) of the product feed. Unknown ids are left out by the upstream."""
        asked = catalogue.ask_products(collection, product_ids, query, in_stock, limit, cursor)
        return self.call(catalogue.PRODUCTS, asked).value

    def product_pages(self, max_pages: int = MOST_PAGES, **filters: Any) -> Iterator[shapes.ProductPage]:
        """The pages of ``products`` one after another; each is a call."""
        return pages(lambda cursor: self.products(cursor=cursor, **filters), max_pages)

    # -- storefront: a shopper, a cart

    def referral(self, customer_id: str) -> shapes.Referral | None:
        """A customer's code; None when none was claimed yet."""
        return self.call(shopper.REFERRAL, shopper.ask_referral(customer_id)).value

    def check_referral(self, code: str) -> shapes.ReferralCheck | None:
        """What is known of a friend's code; None when nothing is."""
        return self.call(shopper.CHECK_REFERRAL, shopper.ask_check_referral(code)).value

    def claim_referral(self, customer_id: str, idempotency_key: str | None = None) -> shapes.Referral:
        """A code for this customer (a write; the upstream gives the same code every time)."""
        return self.call(shopper.CLAIM_REFERRAL, shopper.ask_claim_referral(customer_id), idempotency_key).value

    def quiz(
        self,
        quiz_id: str,
        session_id: str,
        answers: Sequence[tuple[str, Sequence[str]]] = (),
        idempotency_key: str | None = None,
    ) -> shapes.QuizStep:
        """The next step after these answers, pairs of question id and option ids (counts as a write)."""
        return self.call(shopper.QUIZ, shopper.ask_quiz(quiz_id, session_id, answers), idempotency_key).value

    def experiment(self, experiment: str, visitor_id: str) -> shapes.Assignment:
        """The visitor's variant; the same every time."""
        return self.call(shopper.EXPERIMENT, shopper.ask_experiment(experiment, visitor_id)).value

    def nudge(
        self, cart_id: str, cart_total: Decimal | str, currency: str, item_count: int | None = None
    ) -> shapes.CartNudge | None:
        """What to say next to this cart; None for nothing."""
        return self.call(shopper.NUDGE, shopper.ask_nudge(cart_id, cart_total, currency, item_count)).value

    def pixel(self, events: Sequence[Mapping[str, object]], idempotency_key: str | None = None) -> shapes.Accepted:
        """Send up to 100 events (a write; counts one per event)."""
        return self.call(shopper.PIXEL_EVENTS, shopper.ask_pixel(events), idempotency_key).value
