"""The contract between one widget and the house around it.

A widget is one class in ``widgets/catalog/<name>.py`` and one template ``templates/widgets/<name>.html``. It declares what a
page may ask (``Params``), what a merchant may set (``Options``) and makes **one value**, its ``context()``. HTML and JSON are both
made from that value, so it is the allow-list of everything a browser may learn.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol
from urllib.parse import urlencode

from django.utils.functional import Promise
from rest_framework import serializers

from sumeru_proxy.client import arguments
from sumeru_proxy.client.errors import Refused
from sumeru_proxy.client.values import ID_CHARS
from sumeru_proxy.reading.reader import Missing, Pending, Source
from widgets.i18n import languages
from widgets.i18n.texts import NONE as NO_TEXTS
from widgets.i18n.texts import Texts

Audience = Literal["public", "cart", "visitor", "customer"]
Context = dict[str, Any]


class Frozen(Mapping[str, Any]):
    """Validated values, hashable and unchangeable; also readable as attributes (``params.product_id``).

    Lists become tuples. Two objects with the same values are equal and have the same hash, so they may be cache keys.
    """

    __slots__ = ("_hash", "_items")

    def __init__(self, values: Mapping[str, Any]) -> None:
        items = {name: tuple(value) if isinstance(value, list) else value for name, value in sorted(values.items())}
        object.__setattr__(self, "_items", items)
        object.__setattr__(self, "_hash", hash(tuple(items.items())))

    def __getitem__(self, name: str) -> Any:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def items(self) -> ItemsView[str, Any]:
        """Names and values; the dictionary's own view, as every link of a page is made of it."""
        return self._items.items()  # type: ignore[no-any-return]

    def __hash__(self) -> int:
        return int(self._hash)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frozen) and self._items == other._items

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self._items[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name} cannot be set: these values are frozen")

    def __repr__(self) -> str:
        return f"Frozen({self._items!r})"


def is_identifier(text: str) -> bool:
    """Whether this may be an id: what the client can ask Sumeru about."""
    try:
        arguments.identifier("id", text)
    except Refused:
        return False
    return True


class IdentifierField(serializers.CharField):
    """An upstream or storefront id: opaque text of at most ID_CHARS characters. Blanks around it are nobody's; a comma parts ids."""

    default_error_messages = {"invalid": f"Give an id: up to {ID_CHARS} characters, no comma, no control characters."}

    def to_internal_value(self, data: Any) -> str:
        """The id. Raises ValidationError."""
        text = super().to_internal_value(data)
        if text and not is_identifier(text):
            self.fail("invalid")
        return text


class IdentifierListField(serializers.Field[Any, Any, Any, Any]):
    """Ids separated by commas, at most ``max_length`` of them, duplicates removed, order kept."""

    default_error_messages = {
        "invalid": f"Give ids of up to {ID_CHARS} characters, separated by commas.",
        "max_length": "At most {max_length} ids.",
    }

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        self.max_length = max_length
        super().__init__(**kwargs)

    def to_internal_value(self, data: object) -> tuple[str, ...]:
        """The ids of a text. Raises ValidationError."""
        parts = list(dict.fromkeys(part.strip() for part in str(data).split(",") if part.strip()))
        if len(parts) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        if not all(map(is_identifier, parts)):
            self.fail("invalid")
        return tuple(parts)

    def to_representation(self, value: Sequence[str]) -> str:
        """The text that gives these ids."""
        return ",".join(value)


class LocaleField(serializers.CharField):
    """A BCP 47 tag, or what a page has in its place: whatever it is, it is no error. See ``languages.usable``."""

    def to_internal_value(self, data: Any) -> str:
        """The part of the tag that we can follow; empty when there is none."""
        return languages.usable(str(data))


class WidgetParams(serializers.Serializer[Any]):
    """What every widget may be asked, whatever it shows. Subclass it as ``Params`` of a widget.

    Unknown parameters are dropped, so they never reach a cache key.
    """

    locale = LocaleField(
        required=False,
        default="",
        allow_blank=True,
        help_text="Language of the texts, and region of numbers, money and dates (BCP 47). Default, and for unknown ones: the shop's.",
    )
    placement = serializers.RegexField(
        r"^[a-z0-9-]{0,40}\Z",
        required=False,
        default="",
        allow_blank=True,
        help_text="Named settings made by the merchant. Default: the widget's own.",
    )


@dataclass(frozen=True, slots=True)
class ShopProfile:
    """What widgets may know of a shop; holds no credential.

    ``id`` is internal and never leaves the server; ``key`` is the public one of the URLs. ``locale`` is BCP 47. URL templates use
    ``{handle}``, ``{id}``, ``{variants}``. ``texts`` are the merchant's own words.
    """

    id: int
    key: str
    name: str
    locale: str = "en"
    currency: str = "USD"
    storefront_url: str = ""
    product_url: str = ""
    cart_url: str = ""
    texts: Texts = NO_TEXTS


@dataclass(frozen=True, slots=True)
class Seal:
    """What a form carries so that its submission is known to be fresh and is done once. Only private answers hold one.

    ``token`` is signed and timed (see ``forms.py``); ``key`` is the idempotency key of what will be submitted.
    """

    token: str
    key: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a submission, for the widget to show.

    ``errors`` holds sentences by field (``""``: about the whole form) beside the kept ``values``; without errors ``outcome`` is the
    widget's own word for what happened, and ``data`` what it wants to show of it.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    outcome: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One request for one widget: everything that its answer may depend on besides Sumeru's data.

    ``page_url`` is the absolute URL of the widget's full page without a query; ``locale`` is one that we have texts for.
    ``asked`` holds the parameters that the page gave in other words than ``params`` has them; ``lacking`` says why nothing can be made.
    ``customer_id`` is proven by a customer token, else empty. ``seal`` is there for private answers of widgets with a form;
    ``sent`` only when answering a submission.
    """

    shop: ShopProfile
    params: Frozen
    options: Frozen
    locale: str
    page_url: str
    now: datetime
    customer_id: str = ""
    asked: Frozen = field(default_factory=lambda: Frozen({}))
    lacking: Missing | Pending | None = None
    seal: Seal | None = None
    came_from: str = ""
    """The storefront's page that led here, where the answer is for one visitor alone; a native form leads back there."""
    sent: Sent | None = None

    @property
    def named(self) -> Mapping[str, Any]:
        """The parameters in the page's own words."""
        return {**self.params, **self.asked}

    @property
    def formats(self) -> str:
        """BCP 47 tag by which numbers, money and dates are written: of the texts' language, with the region that was asked for."""
        return languages.formats(self.params.get("locale") or "", self.shop.locale, self.locale)

    def link(self, **changes: object) -> str:
        """The full page's URL for the same call with some parameters changed; None removes one. Order is stable."""
        pairs = _query({**self.named, **changes})
        return f"{self.page_url}?{urlencode(pairs)}" if pairs else self.page_url

    def carried(self, *own: str) -> list[tuple[str, str]]:
        """Names and texts of this call's parameters for the hidden fields of a GET form, without its ``own``: those that it has a
        control for or takes back. Order is stable."""
        return _query({**self.named, **dict.fromkeys(own)})


def _query(values: Mapping[str, object]) -> list[tuple[str, str]]:
    """Parameters as a query has them; what is None, empty or False is left out."""
    pairs = []
    for name in sorted(name for name, value in values.items() if value not in (None, "", False, ())):
        value = values[name]
        text = ",".join(map(str, value)) if isinstance(value, tuple) else "1" if value is True else str(value)
        if text:
            pairs.append((name, text))
    return pairs


class Nothing(Exception):
    """Raised by ``context()``: there is nothing to show for this call, which is no fault (state ``empty``)."""


@dataclass(frozen=True, slots=True)
class Example:
    """A call that shows the widget in the demo and the docs."""

    params: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """Raised by ``submit()`` for what the form's fields alone cannot tell. ``errors``: sentences by field, as in ``Sent``."""

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__("refused")
        self.errors = errors


class Desk(Protocol):
    """Where a widget hands in what Sumeru shall get."""

    def hand_in(
        self, kind: str, body: Mapping[str, Any], key: str, *, interactive: bool = True
    ) -> Mapping[str, Any] | None:
        """Make it a debt (a row, delivered once whatever happens) and, when interactive, try once within the page's budget.

        Gives Sumeru's result when it was delivered at once (the same again for a repeated key), None when it will be delivered later.
        Raises ``answers.Problem``: 409 when the key was used for something else, 400 when the body cannot be sent,
        503 when it could not be stored (then nothing is owed).
        """


class Widget:
    """One widget. Subclasses set the attributes and write ``context()``; they keep no state between calls."""

    name: ClassVar[str]
    """The noun used in URLs, module, template, CSS block (``sw-<name>``), and topics; same as the module's name."""
    title: ClassVar[str | Promise]
    """For people, in the admin and docs."""
    description: ClassVar[str | Promise]
    """One sentence: what a shopper gets."""
    audience: ClassVar[Audience] = "public"
    """``public`` answers may be stored by browsers and CDNs; all others are private and never stored."""
    Params: ClassVar[type[WidgetParams]] = WidgetParams
    """What a page may ask. Fields need a help_text: the docs are made of it."""
    Options: ClassVar[type[serializers.Serializer[Any]]] = serializers.Serializer
    """What a merchant may set in the admin; every field has a default."""
    styles: ClassVar[tuple[str, ...]] = ()
    """CSS files of this widget below ``static/widgets/``, after the common one."""
    parts: ClassVar[Mapping[str, str | Promise]] = {}
    """What the template names with ``part``, for CSS of the page (``::part``), and what each is; see ``theming.parts``."""
    script: ClassVar[str] = ""
    """A script of its own that a page with this widget loads beside the loader: ``/embed/<script>.js``; empty for none."""
    example: ClassVar[Mapping[str, str]] = {}
    """Parameters for docs and demo; ``{product}`` stands for a product id."""

    Form: ClassVar[type[serializers.Serializer[Any]] | None] = None
    """What a shopper may submit; None when nothing. Field names are those of the HTML form; each needs a help_text."""

    guess_limit_per_minute: ClassVar[int] = 0
    """How many codes (parameter ``code``) one client may try in a minute; 0 when the widget has none that could be guessed."""

    def unproven(self, call: Call) -> Exception | None:
        """What a program that asks for JSON is told when a customer's proof is missing; None when this call needs none."""
        return None

    def is_private(self, call: Call) -> bool:
        """Whether this answer is for one visitor alone: never stored, and asked for through ``live``."""
        return self.audience != "public"

    def submit(self, call: Call, form: Frozen, key: str, desk: Desk, source: Source) -> Sent:
        """Act on a validated submission and say what became of it; ``key`` is its idempotency key, so it may be repeated.

        Raises Refusal for errors that belong beside the fields.
        """
        raise NotImplementedError

    soonest_s: ClassVar[float] = 2.0
    """A submission that comes sooner after its form was made is no person's."""
    sends_per_token: ClassVar[int] = 5
    """Different submissions that one form is good for: a person gets a new form with each answer."""
    sends_per_minute: ClassVar[int] = 12
    """Submissions of one client address."""
    sends_per_subject_per_minute: ClassVar[int] = 60
    """Submissions about one product, quiz or customer, from all addresses together."""

    def landing(self, call: Call, sent: Sent) -> str:
        """The full page that a shopper without JavaScript sees after a submission; ``result`` lets it say what became of it."""
        return call.link(result=sent.outcome, write=None)

    @property
    def template(self) -> str:
        """Path of the template that makes the inner HTML."""
        return f"widgets/{self.name}.html"

    def prefetch(self, calls: Sequence[Call], source: Source) -> None:
        """Load what several calls of this widget need in as few upstream calls as possible. Optional; raises nothing."""

    def context(self, call: Call, source: Source) -> Context:
        """The one value that HTML and JSON are made from: JSON types plus datetime and Decimal.

        Raises Nothing when there is nothing to show; lets ``reader.Pending`` through when there is no copy yet.
        Never sleeps longer than the page budget.
        """
        raise NotImplementedError

    def json_ld(self, call: Call, context: Context) -> Context | None:
        """schema.org data for search engines, or None. Made of the context only."""
        return None
