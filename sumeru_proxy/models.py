"""The rows behind the proxy: shops, their origins and credentials, and the counters that all processes share."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from sumeru_proxy import shop_rules
from sumeru_proxy.origin_rules import normal_origin, validate_origin
from sumeru_proxy.shop_rules import default_api_url, new_shop_key, validate_api_url


class Shop(models.Model):
    """A merchant's shop at Sumeru, and how its storefront is reached."""

    name = models.CharField(_("name"), max_length=120)
    key = models.CharField(
        _("shop key"),
        max_length=40,
        unique=True,
        default=new_shop_key,
        editable=False,
        help_text=_("Public: it stands in the storefront's pages."),
    )
    active = models.BooleanField(
        _("active"), default=True, help_text=_("An inactive shop's widgets answer as unknown.")
    )
    domain = models.CharField(
        _("shop domain"),
        max_length=190,
        help_text=_("The domain that Sumeru knows the shop by, for example yourshop.com."),
    )
    other_domains = models.TextField(
        _("other domains"),
        blank=True,
        default="",
        max_length=4_000,
        help_text=_(
            "One per line: other names under which Sumeru may know the shop, such as the platform’s own domain. "
            "Webhooks that name another domain are kept, but not acted upon."
        ),
    )
    api_url = models.CharField(
        _("Sumeru host"),
        max_length=190,
        default=default_api_url,
        validators=[validate_api_url],
        help_text=_("https://api.sumeru.systems, or https://eu.api.sumeru.systems for EU accounts."),
    )
    referral_path = models.CharField(
        _("referral path"),
        max_length=60,
        default="/api/public/referral",
        choices=[(path, path) for path in ("/api/public/referral", "/api/referral/public")],
        help_text=_("Sumeru documents two; the first is the guide's."),
    )
    locale = models.CharField(
        _("language"), max_length=35, default="en", help_text=_("BCP 47, for example en or pt-BR.")
    )
    currency = models.CharField(_("currency"), max_length=3, default="USD", help_text=_("ISO 4217 code."))
    storefront_url = models.URLField(
        _("storefront"), blank=True, help_text=_("Where “back to the shop” leads, for example https://yourshop.com/.")
    )
    product_url = models.CharField(
        _("product page"),
        max_length=300,
        blank=True,
        help_text=_("URL template with {handle} or {id}, for example https://yourshop.com/products/{handle}."),
    )
    cart_url = models.CharField(
        _("add-to-cart link"),
        max_length=300,
        blank=True,
        default="",
        help_text=_(
            "URL template with {variants} (id:quantity, separated by commas). Empty: {storefront}/cart/{variants}."
        ),
    )
    public_url = models.CharField(
        _("path on the storefront"),
        max_length=190,
        blank=True,
        default="",
        help_text=_(
            "Only where the storefront’s own server passes a path on to this server: its address, for example "
            "https://yourshop.com/sumeru. Links and forms in widgets lead there, and the code to copy begins with it."
        ),
    )
    limits = models.JSONField(
        _("limits"),
        default=dict,
        blank=True,
        help_text=_("Calls per minute by class, where the account's limits differ from the documented ones."),
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        verbose_name = _("shop")
        verbose_name_plural = _("shops")

    def __str__(self) -> str:
        return self.name

    @property
    def known_domains(self) -> tuple[str, ...]:
        """All names under which Sumeru may know the shop."""
        return (self.domain, *self.other_domains.split())

    def clean(self) -> None:
        """Raises ValidationError for templates and limits that could not work."""
        self.public_url = self.public_url.rstrip("/")
        shop_rules.check_templates(self.product_url, self.cart_url)
        shop_rules.check_public_url(self.public_url)
        shop_rules.check_limits(self.limits)


class ShopOrigin(models.Model):
    """A storefront origin whose pages may load the shop's widgets."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="origins")
    origin = models.CharField(
        _("origin"),
        max_length=190,
        validators=[validate_origin],
        help_text=_(
            "https://yourshop.com, or https://myshop-*.vercel.app for preview deployments of your own project."
        ),
    )

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["shop", "origin"], name="one_origin_per_shop")]
        verbose_name = _("origin")
        verbose_name_plural = _("origins")

    def __str__(self) -> str:
        return self.origin

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Writes the origin as browsers do, whatever was typed. Raises ValidationError."""
        self.origin = normal_origin(self.origin)
        super().clean_fields(exclude=exclude)

    @property
    def is_wildcard(self) -> bool:
        """Whether more than one host matches; the admin shows a warning."""
        return "*" in self.origin


class Credential(models.Model):
    """A secret of a shop, encrypted; only ``secrets.py`` reads or writes ``sealed``."""

    class Kind(models.TextChoices):
        PUBLIC_KEY = "public_key", _("public key (pk_…)")
        ADMIN_TOKEN = "admin_token", _("admin API token (copt_…)")
        WEBHOOK_SECRET = "webhook_secret", _("webhook secret (wsec_…)")
        CUSTOMER_SECRET = "customer_secret", _("customer token secret")
        SERVER_KEY = "server_key", _("server key")
        TARGET_SECRET = "target_secret", _("secret of another system")

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="credentials")
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    sealed = models.TextField(editable=False)
    last_four = models.CharField(_("ends with"), max_length=4, editable=False, blank=True)
    reference = models.CharField(_("environment variable"), max_length=120, editable=False, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    retires_at = models.DateTimeField(
        _("valid until"), null=True, blank=True, help_text=_("Set during a rotation, while two secrets are valid.")
    )

    class Meta:
        ordering: ClassVar = ["kind", "-created_at", "-pk"]
        verbose_name = _("credential")
        verbose_name_plural = _("credentials")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.hint}"

    @property
    def hint(self) -> str:
        """What may be shown of it: the environment variable's name, or the last four characters."""
        return f"env:{self.reference}" if self.reference else f"…{self.last_four}"


class Stamp(models.Model):
    """A counter per shop and topic. Copies remember the value under which they were made (see ``stamps.py``)."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="stamps")
    topic = models.CharField(max_length=120)
    value = models.PositiveBigIntegerField(default=0)
    hard_value = models.PositiveBigIntegerField(default=0)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["shop", "topic"], name="one_stamp_per_topic")]

    def __str__(self) -> str:
        return f"{self.topic} {self.value}"


class Bucket(models.Model):
    """Shared state of the limiter and the circuit breaker where there is no Redis (see ``limit_stores.py``)."""

    key = models.CharField(max_length=190, unique=True)
    tat = models.FloatField(default=0.0)
    extra = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.key


class StaleCopy(models.Model):
    """A copy that a web process served stale and leaves to the worker to refresh (see ``reading/handing_over.py``)."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="+")
    key = models.CharField(max_length=120, unique=True)
    query_text = models.TextField()
    rate = models.FloatField(default=0.0)
    handed_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["-rate"], name="stale_copy_rate")]

    def __str__(self) -> str:
        return self.key


class Erasure(models.Model):
    """A person who was erased, for as long as older copies may be shown: keyed hashes of their names (see ``reading/erasures.py``)."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="+")
    number = models.PositiveBigIntegerField()
    marks = models.JSONField(default=dict)
    erased_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["shop", "number"], name="erasure_of_shop")]

    def __str__(self) -> str:
        return f"erasure {self.number}"


class InboundEvent(models.Model):
    """A webhook that Sumeru signed. The row is the replay protection: it stays longer than ``created_at`` is accepted."""

    class State(models.TextChoices):
        """Ignored events were genuine, but not to be acted upon, see ``reason``."""

        TAKEN = "taken", _("taken")
        IGNORED = "ignored", _("ignored")

    UNREADABLE: ClassVar = "unreadable"
    """Type, and beginning of the reason, of what was signed but is no event that we know."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="events")
    event_id = models.CharField(_("event id"), max_length=120)
    type = models.CharField(_("type"), max_length=80)
    occurred_at = models.DateTimeField(_("happened at"), help_text=_("As Sumeru dates it."))
    received_at = models.DateTimeField(_("received at"), auto_now_add=True, db_index=True)
    state = models.CharField(_("outcome"), max_length=10, choices=State.choices, default=State.TAKEN)
    reason = models.CharField(
        _("why"),
        max_length=40,
        blank=True,
        help_text=_("too_old, in_future, other_domain, unreadable:FIELD or erased."),
    )
    # The text as it came: JSON columns of some databases refuse what JSON allows ("\u0000").
    body_text = models.TextField(editable=False, blank=True)

    class Meta:
        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["shop", "event_id"], name="one_row_per_event")]
        verbose_name = _("inbound event")
        verbose_name_plural = _("inbound events")

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"

    @property
    def data(self) -> dict[str, Any]:
        """What the event says; empty when the body was erased or pruned. A hint: read the current state before acting."""
        found = self._envelope.get("data")
        return found if isinstance(found, dict) else {}

    @property
    def shop_domain(self) -> str:
        """The domain that the event names; empty when there is none."""
        return str(self._envelope.get("shop_domain") or "")

    @property
    def _envelope(self) -> dict[str, Any]:
        try:
            found = json.loads(self.body_text) if self.body_text else None
        except (ValueError, RecursionError):  # kept as it came
            found = None
        return found if isinstance(found, dict) else {}


class Job(models.Model):
    """Something that must happen: a write owed to Sumeru, or an event owed to a listener (see ``jobs.py``)."""

    class State(models.TextChoices):
        """Where a job stands; only ``jobs.py`` moves it."""

        WAITING = "waiting", _("waiting")
        CLAIMED = "claimed", _("being delivered")
        DONE = "done", _("done")
        PARKED = "parked", _("parked: a person is needed")
        PAUSED = "paused", _("paused by a person")
        SUPERSEDED = "superseded", _("superseded: a later one of the same order was done")

    class Reason(models.TextChoices):
        """Why a job waits (the first three, TARGET_DOWN) or is parked (TARGET_DOWN after days, the others)."""

        LIMITED = "limited", _("waits for Sumeru's limits")
        UNAVAILABLE = "unavailable", _("Sumeru could not be reached")
        FAILED = "failed", _("failed, will be tried again")
        REFUSED = "refused", _("Sumeru refused it")
        CONFLICT = "conflict", _("the key was used for something else")
        CREDENTIAL = "credential", _("the credential is missing or refused")
        UNREADABLE = "unreadable", _("Sumeru's answers cannot be read")
        AMBIGUOUS_OLD = "ambiguous_old", _("perhaps delivered; too old to send again safely")
        EXHAUSTED = "exhausted", _("tried too often or too long")
        INVALID = "invalid", _("cannot be sent as it is")
        DISCARDED = "discarded", _("discarded by a person")
        ERASED = "erased", _("erased at the person's request")
        TARGET_DOWN = "target_down", _("the target could not be reached")
        TARGET_REFUSED = "target_refused", _("the target refused it")
        NOT_MAPPABLE = "not_mappable", _("it cannot be brought into the target's form")
        UNRECOGNISED = "unrecognised", _("it does not say in a known form whom it is about")

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="jobs")
    kind = models.CharField(_("kind"), max_length=60)
    key = models.CharField(_("idempotency key"), max_length=190)
    order_key = models.CharField(
        _("in order with"),
        max_length=190,
        blank=True,
        help_text=_("Jobs of a shop with the same value are done in turn."),
    )
    event = models.ForeignKey(InboundEvent, models.SET_NULL, null=True, blank=True, related_name="jobs")
    body_text = models.TextField(editable=False, blank=True)
    body_hash = models.CharField(max_length=64, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    reason = models.CharField(_("why"), max_length=20, choices=Reason.choices, blank=True)
    note = models.CharField(
        _("note"), max_length=300, blank=True, help_text=_("What a person wrote when discarding it.")
    )
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    first_attempt_at = models.DateTimeField(_("first sent at"), null=True, blank=True)
    last_attempt_at = models.DateTimeField(_("last sent at"), null=True, blank=True)
    ambiguous = models.BooleanField(_("perhaps delivered"), default=False)
    next_at = models.DateTimeField(_("next try at"))
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    claimed_by = models.CharField(max_length=120, blank=True, editable=False)
    last_error = models.CharField(_("last error"), max_length=300, blank=True)
    result = models.JSONField(_("result"), default=dict, blank=True)
    # The rest is for consumers' jobs. The database knows the defaults, so that processes of the release before can still owe.
    target = models.CharField(
        _("target"), max_length=60, blank=True, default="", db_default="", help_text=_("The key of a consumer's side.")
    )
    code = models.CharField(
        _("the consumer's word for why"), max_length=40, blank=True, default="", db_default="", editable=False
    )
    progress = models.JSONField(_("progress"), default=dict, db_default={}, blank=True, editable=False)
    control = models.CharField(max_length=10, blank=True, default="", db_default="", editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["shop", "kind", "key"], name="one_job_per_key")]
        indexes: ClassVar = [
            models.Index(fields=["state", "next_at"], name="job_due"),
            models.Index(fields=["shop", "order_key", "state"], name="job_order"),
            models.Index(fields=["shop", "kind", "state"], name="job_backlog"),
            models.Index(fields=["state", "shop", "kind", "target", "next_at", "id"], name="job_turn"),
        ]
        verbose_name = _("job")
        verbose_name_plural = _("jobs")

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"

    @property
    def body(self) -> dict[str, Any]:
        """What is owed; empty after erasure or pruning."""
        return dict(json.loads(self.body_text)) if self.body_text else {}


class Subscription(models.Model):
    """A webhook subscription that this server made at Sumeru. Its secret is a Credential."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="subscriptions")
    upstream_id = models.CharField(_("id at Sumeru"), max_length=120)
    url = models.URLField(_("address"), max_length=300)
    events = models.JSONField(_("events"), default=list)
    active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "upstream_id"], name="one_row_per_subscription")
        ]
        verbose_name = _("webhook subscription")
        verbose_name_plural = _("webhook subscriptions")

    def __str__(self) -> str:
        return self.upstream_id


from sumeru_proxy.catalogue_rows import CatalogueEntry, CatalogueWalk  # noqa: E402, F401 - Django looks for an app's rows here
