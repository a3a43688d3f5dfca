"""Reviews of one product: summary, histogram, filters, list, pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from sumeru_proxy.client.shapes import Product, Rating, Review, ReviewSummary
from sumeru_proxy.reading import reviews
from sumeru_proxy.reading.reader import Source, Unknown
from widgets.base import Call, Context, Desk, Frozen, IdentifierField, Refusal, Sent, Widget
from widgets.catalog_parts.about_product import ProductParams
from widgets.catalog_parts.paging import cut_to_bytes, fair_limit, page_numbers
from widgets.catalog_parts.review_form import ReviewForm, way_back
from widgets.catalog_parts.review_media import media_of
from widgets.catalog_parts.written_text import visible
from widgets.i18n import formatting
from widgets.theming import tokens

SORTS = {
    "newest": _("Newest"),
    "highest": _("Highest rated"),
    "lowest": _("Lowest rated"),
    "helpful": _("Most helpful"),
}
# A page of ten stays under 64 kB: its texts share this many bytes per review, and only when that is not enough the longest are cut.
TEXT_BYTES_PER_REVIEW = 2_600
# What a link to another part of the list leaves: the form, which the loader keeps as it is, and the thanks.
_LIST: Mapping[str, None] = {"write": None, "result": None}


class ReviewsParams(ProductParams):
    """What a page may ask."""

    product_id = IdentifierField(
        required=False, default="", allow_blank=True, help_text=_("The product whose reviews are shown.")
    )
    page = serializers.IntegerField(
        min_value=1,
        max_value=reviews.PAGE_LIMIT,
        required=False,
        default=1,
        help_text=_("Which page; one beyond the end gives the last."),
    )
    sort = serializers.ChoiceField(
        choices=[*SORTS.items()],
        required=False,
        default="",
        allow_blank=True,
        help_text=_("Order. Default: the merchant's."),
    )
    rating = serializers.ChoiceField(
        choices=[(stars, str(stars)) for stars in range(1, 6)],
        required=False,
        default="",
        allow_blank=True,
        help_text=_("Only reviews with this many stars."),
    )
    media = serializers.BooleanField(
        required=False, default=False, help_text=_("1: only reviews with photos or videos.")
    )
    limit = serializers.IntegerField(
        min_value=1,
        max_value=50,
        required=False,
        allow_null=True,
        default=None,
        help_text=_("Reviews per page. Default: the merchant's."),
    )

    write = serializers.BooleanField(
        required=False, default=False, help_text=_("1: with the form for a review; such an answer is never stored.")
    )
    result = serializers.ChoiceField(
        choices=["pending", "published", "accepted"],
        required=False,
        default="",
        allow_blank=True,
        help_text=_("What became of a review that was just sent, for the message above the list."),
    )


class ReviewsOptions(serializers.Serializer[Any]):
    """What a merchant may set."""

    heading = serializers.CharField(
        label=_("heading"),
        max_length=80,
        required=False,
        default="",
        allow_blank=True,
        help_text=_("Replaces “Customer reviews”."),
    )
    page_size = serializers.IntegerField(
        label=_("reviews per page"), min_value=1, max_value=50, required=False, default=10, help_text=_("1 to 50.")
    )
    default_sort = serializers.ChoiceField(
        label=_("order"),
        choices=[*SORTS.items()],
        required=False,
        default="newest",
        help_text=_("Until a shopper picks one."),
    )
    show_photos = serializers.BooleanField(
        label=_("photos"), required=False, default=True, help_text=_("Photos and videos that shoppers added.")
    )
    show_replies = serializers.BooleanField(
        label=_("replies"), required=False, default=True, help_text=_("Your replies below the reviews.")
    )
    show_country = serializers.BooleanField(
        label=_("country"), required=False, default=True, help_text=_("The country of the reviewer.")
    )
    show_filters = serializers.BooleanField(
        label=_("filters"), required=False, default=True, help_text=_("Sorting, and filtering by stars and photos.")
    )
    accept_reviews = serializers.BooleanField(
        label=_("accept reviews"), required=False, default=True, help_text=_("Shoppers may write reviews here.")
    )
    json_ld = serializers.BooleanField(
        label=_("structured data"),
        required=False,
        default=True,
        help_text=_("schema.org data for search engines. Switch it off when the theme already has it."),
    )


class Reviews(Widget):
    """A product's reviews. Reads through ``reading.reviews``."""

    name = "reviews"
    title = gettext_lazy("Reviews")
    description = _("What customers say about a product, with stars, photos, filters and pages.")
    Params = ReviewsParams
    Options = ReviewsOptions
    Form = ReviewForm
    styles = ("reviews.css",)
    parts = tokens.parts(
        "title",
        "average",
        "stars",
        "count",
        "list",
        "form",
        "error",
        "button",
        "pager",
        reviews=_("The whole widget."),
        thanks=_("What is said after a review was sent."),
        write=_("The link to the form."),
        histogram=_("How many gave how many stars."),
        review=_("One review."),
        author=_("Who wrote it, and what is known of that."),
        photo=_("A photo or video of a shopper."),
        reply=_("The shop's reply."),
    )
    example = {"product_id": "{product}"}

    def is_private(self, call: Call) -> bool:
        """With the form it is for one visitor: it holds a token and a key."""
        return bool(call.params.write) or call.sent is not None

    def submit(self, call: Call, form: Frozen, key: str, desk: Desk, source: Source) -> Sent:
        """Hand in the review. Outcome ``pending`` or ``published`` as Sumeru says, ``accepted`` when it will be delivered later."""
        if not call.options.accept_reviews:
            raise Refusal({"": [gettext("Reviews are closed.")]})
        body: dict[str, Any] = {
            "product_id": call.params.product_id,
            "rating": form.rating,
            "title": form.title,
            "body": form.body,
            "author": {"name": form.name, "email": form.email},
            "locale": call.locale,
        }
        if form.order_id:
            body["order_id"] = form.order_id.removeprefix("#")
        result = desk.hand_in("review", body, key)
        return Sent(outcome=str(result.get("status") or "pending") if result is not None else "accepted")

    def prefetch(self, calls: Sequence[Call], source: Source) -> None:
        """The products that the structured data of several calls name, in one read."""
        ids = {call.params.product_id for call in calls if call.options.json_ld}
        source.preload(reviews.block_query(call.params.product_id) for call in calls)
        if len(ids) > 1:
            source.products(sorted(ids), behind=True)

    def context(self, call: Call, source: Source) -> Context:
        """Summary, histogram, filter, reviews, page and links. No reviews is something to show, so Nothing is never raised.

        Raises Unknown for a product that the shop does not have.
        """
        params, options = call.params, call.options
        sort = params.sort or options.default_sort
        selection = reviews.ReviewSelection(sort, params.rating or None, params.media and options.show_photos)
        size = params.limit or options.page_size
        review_list = reviews.review_list(source, params.product_id, selection, params.page, size)
        product = None
        if options.json_ld or not review_list.summary.count:
            about = source.products([params.product_id], behind=True)
            product = about.get(params.product_id)
            if not review_list.summary.count and params.product_id in about and product is None:
                raise Unknown
        first = (review_list.number - 1) * size + 1
        text_limit = fair_limit(
            [len(text.encode("utf-8", "replace")) for review in review_list.reviews for text in _texts(call, review)],
            TEXT_BYTES_PER_REVIEW * max(size, 10),
        )
        media = media_of(call.shop, review_list.reviews) if options.show_photos else {}
        return {
            "product_id": params.product_id,
            "product": _product(call, product) if product else None,
            "heading": options.heading,
            "summary": _summary(call, review_list.summary),
            "filter": {
                "sort": sort,
                "rating": selection.rating if review_list.filtered else None,
                "media": selection.media and review_list.filtered,
            },
            "reviews": [
                {
                    **_review(call, review, text_limit),
                    "media": media[review.id].items if review.id in media else [],
                    # Alone on its page a review has room for all of its photos.
                    "media_url": call.link(limit=1, page=place, **_LIST)
                    if review.id in media and not media[review.id].whole
                    else "",
                }
                for place, review in enumerate(review_list.reviews, start=first)
            ],
            "page": {
                "number": review_list.number,
                "pages": review_list.pages,
                "first": first if review_list.reviews else 0,
                "last": first + len(review_list.reviews) - 1 if review_list.reviews else 0,
                "total": review_list.total,
                "has_next": review_list.has_next,
                "has_previous": review_list.has_previous,
            },
            "links": _links(call, review_list),
            "form": _form(call, product),
            "result": (call.sent.outcome if not call.sent.errors else "") if call.sent else params.result,
        }

    def json_ld(self, call: Call, context: Context) -> Context | None:
        """A schema.org Product with its AggregateRating and the page's reviews; None without reviews or without the product's name.

        Each node has an id that depends on what it is about alone, so that the same said twice on a page, or by the storefront
        itself, is one node.
        """
        product, summary = context["product"], context["summary"]
        if not product or not product["title"] or not summary["count"] or not summary["average"]:
            return None
        address = product["url"].partition("#")[0] or f"{call.page_url}?product_id={call.params.product_id}"
        data: Context = {
            "@context": "https://schema.org",
            "@type": "Product",
            "@id": f"{address}#product",
            "name": product["title"],
            "aggregateRating": {
                "@type": "AggregateRating",
                "@id": f"{address}#rating",
                "ratingValue": float(summary["average"]),
                "reviewCount": summary["count"],
                "bestRating": 5,
                "worstRating": 1,
            },
            "review": [_review_ld(address, review) for review in context["reviews"]],
        }
        if product["url"]:
            data["url"] = product["url"]
        if product["image"]:
            data["image"] = product["image"]
        if not data["review"]:
            del data["review"]
        return data


AUTHOR_CHARS = 99
"""Search engines take no longer name for a person's."""


def _summary(call: Call, summary: ReviewSummary) -> Context:
    """``average`` is None and ``histogram`` empty when they are not known."""
    histogram = summary.histogram or ()
    rating_count = sum(histogram)
    return {
        **formatting.rating(Rating(summary.average, summary.count)),
        "histogram": [
            {
                "rating": rating,
                "count": count,
                "percent": round(100 * count / rating_count) if rating_count else 0,
                "url": call.link(rating=rating, page=None, **_LIST),
            }
            for rating, count in reversed(list(enumerate(histogram, start=1)))
        ],
    }


def _product(call: Call, product: Product) -> Context:
    return {
        "title": product.title,
        "url": formatting.product_url(call.shop, product),
        "image": formatting.address(call.shop, product.image.url) if product.image else "",
    }


def _texts(call: Call, review: Review) -> tuple[str, str]:
    """The two long texts of a review: its body, and the reply where replies are shown."""
    reply = review.reply if call.options.show_replies else None
    return visible(review.body), visible(reply.body) if reply else ""


def _review(call: Call, review: Review, text_limit: int) -> Context:
    options = call.options
    body, reply = _texts(call, review)
    return {
        "id": review.id,
        "rating": review.rating,
        "title": visible(review.title),
        "body": cut_to_bytes(body, text_limit),
        "author": {
            "name": visible(review.author.name),
            "verified_buyer": review.author.verified_buyer,
            "country": review.author.country if options.show_country else "",
        },
        "created_at": review.created_at,
        "locale": formatting.language_tag(review.locale),
        "variant_title": review.variant_title.strip(),
        "helpful_count": review.helpful_count,
        "reply": {"body": cut_to_bytes(reply, text_limit), "created_at": review.reply.created_at}
        if reply and review.reply
        else None,
    }


def _links(call: Call, review_list: reviews.ReviewList) -> Context:
    def to_page(number: int) -> str:
        return call.link(page=number if number > 1 else None, **_LIST)

    return {
        "previous": to_page(review_list.number - 1) if review_list.has_previous else None,
        "next": to_page(review_list.number + 1) if review_list.has_next else None,
        "pages": [
            {"number": number, "url": to_page(number), "current": number == review_list.number} if number else None
            for number in page_numbers(review_list.number, review_list.pages or 0)
        ],
        "without_rating": call.link(rating=None, page=None, **_LIST),
        "without_media": call.link(media=None, page=None, **_LIST),
        "all": call.link(rating=None, media=None, page=None, **_LIST),
        "write": call.link(write=True, result=None, page=None) if call.options.accept_reviews else None,
        "list": call.link(page=None, **_LIST),
    }


def _form(call: Call, product: Product | None) -> Context | None:
    """The form with kept input and errors; None when it is not asked for, or just was sent."""
    if call.seal is None or not call.options.accept_reviews or (call.sent and not call.sent.errors):
        return None
    values = call.sent.values if call.sent else {}
    errors = call.sent.errors if call.sent else {}
    fields = ("rating", "title", "body", "name", "email", "order_id")
    return {
        "token": call.seal.token,
        "key": call.seal.key,
        "return_to": way_back(call.came_from, formatting.product_url(call.shop, product) if product else ""),
        "values": {name: str(values.get(name, ""))[:5_000] for name in fields},
        "errors": {name: [str(text) for text in errors[name]][:3] for name in fields if errors.get(name)},
        "problem": [str(text) for text in errors.get("", ())][:3],
    }


def _review_ld(address: str, review: Context) -> Context:
    data: Context = {
        "@type": "Review",
        "@id": f"{address}#review-{quote(review['id'], safe='')}",
        "author": {
            "@type": "Person",
            "name": formatting.clipped(review["author"]["name"], AUTHOR_CHARS) or "Anonymous",
        },
        "datePublished": review["created_at"].date().isoformat(),
        "reviewRating": {"@type": "Rating", "ratingValue": review["rating"], "bestRating": 5, "worstRating": 1},
    }
    if review["title"]:
        data["name"] = review["title"]
    if review["body"]:
        data["reviewBody"] = review["body"]
    return data
