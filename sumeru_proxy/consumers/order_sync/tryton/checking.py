"""What ``order_sync check`` looks at in Tryton: all that an order needs there, and what to do when it is missing. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date

from sumeru_proxy.consumers.order_sync.targets.interface import ERROR, OK, WARNING, Finding, TargetDown
from sumeru_proxy.consumers.order_sync.tryton.arithmetic import PER_LINE
from sumeru_proxy.consumers.order_sync.tryton.facts import Facts, facts_of, know_products
from sumeru_proxy.consumers.order_sync.tryton.options import CONFIRMED, DRAFT, OWN_PARTY, Options
from sumeru_proxy.consumers.order_sync.tryton.rest import Broken, Door, Rejected

PRICE_DIGITS = 6


def findings(door: Door, place: tuple[str, ...], options: Options) -> list[Finding]:
    """All findings; only the first when Tryton cannot be reached or has no such web shop."""
    try:
        facts = facts_of(door, place, options.web_shop)
    except TargetDown as error:
        hints = {
            "key_refused": "Make a user application for REST in the user's preferences, let it be validated, and give its key.",
            "not_set_up": "Give the web shop's name as Tryton has it; a user of several companies needs the company filter “All”.",
            "not_found": "Look at the address and the database's name.",
        }
        return [Finding(ERROR, error.reason, error.text, hints.get(error.reason, "Start Tryton; look at the address."))]
    results = [Finding(OK, "reached", f"web shop {options.web_shop}, company {facts.company}")]
    try:
        results += _rounding(facts)
        results += _currencies(facts)
        results += _taxes(door, facts, options)
        results += _products(door, facts, options)
        results += _rest(door, facts, options)
    except (Rejected, Broken, TargetDown) as error:
        results.append(Finding(ERROR, "unreadable", f"{type(error).__name__}: {error}"[:300]))
    return results


def _rounding(facts: Facts) -> Iterator[Finding]:
    if facts.tax_rounding == PER_LINE:
        yield Finding(OK, "tax_rounding", "taxes are rounded per line")
    else:
        yield Finding(
            WARNING,
            "tax_rounding",
            "taxes are rounded per document: more orders need a rounding line",
            "Financial / Configuration / Tax Rounding: Per Line. Shops round each line.",
        )
    if facts.price_digits >= PRICE_DIGITS:
        yield Finding(OK, "price_digits", f"unit prices have {facts.price_digits} decimals")
    else:
        yield Finding(
            WARNING,
            "price_digits",
            f"unit prices have {facts.price_digits} decimals: larger quantities need a rounding line",
            "Before the database is made: price_decimal = 6 in section [product] of Tryton's configuration.",
        )


def _currencies(facts: Facts) -> Iterator[Finding]:
    for code, currency in sorted(facts.currencies.items()):
        if not currency.has_rate:
            yield Finding(
                WARNING, "currency_rate", f"{code} has no rate", "Give it one, or its orders cannot be confirmed."
            )
    yield Finding(OK, "currencies", ", ".join(sorted(facts.currencies)))


def _taxes(door: Door, facts: Facts, options: Options) -> Iterator[Finding]:
    today = date.today()
    current = [tax for tax in facts.taxes if tax.plain and (tax.start or today) <= today <= (tax.end or today)]
    if not current:
        yield Finding(
            ERROR, "taxes", "there is no percentage tax for sales", "Make one for each rate that the shop uses."
        )
        return
    for rate, count in sorted(Counter(tax.rate for tax in current).items()):
        percent = format((rate * 100).normalize(), "f")
        if count > 1 and percent not in options.taxes:
            yield Finding(
                WARNING,
                "tax_ambiguous",
                f"there are {count} taxes of {percent} %; the oldest is used",
                f'Name the one that is meant: "taxes": {{"{percent}": "its name"}}.',
            )
    for percent, name in sorted(options.taxes.items()):
        if not any(tax.name == name for tax in current):
            yield Finding(ERROR, "tax_unknown", f"no tax is named “{name}” (for {percent} %)")
    ids = [tax.id for tax in current]
    for row in door.search("account.tax", [["id", "in", ids], ["invoice_account", "=", None]], ["name"]):
        yield Finding(WARNING, "tax_account", f"tax “{row['name']}” has no account", "Its sales cannot be invoiced.")
    rates = sorted({format((tax.rate * 100).normalize(), "f") for tax in current})
    yield Finding(OK, "taxes", ", ".join(f"{rate} %" for rate in rates))


def _products(door: Door, facts: Facts, options: Options) -> Iterator[Finding]:
    facts.products.clear()
    products = know_products(door, facts, options.own_skus)
    for sku in dict.fromkeys(options.own_skus):
        if sku in products:
            yield Finding(OK, "product", f"{sku} is there")
        else:
            level = WARNING if options.state != CONFIRMED else ERROR
            yield Finding(
                level,
                "product_missing",
                f"there is no product {sku} for sale",
                "Make a service with this code; lines without a product have no revenue account.",
            )


def _rest(door: Door, facts: Facts, options: Options) -> Iterator[Finding]:
    if not facts.countries:
        yield Finding(
            WARNING,
            "countries",
            "no countries are loaded: they go into the address text",
            "Run trytond_import_countries.",
        )
    else:
        yield Finding(OK, "countries", f"{len(facts.countries)} countries")
    if facts.warehouse is None:
        level = OK if options.state == DRAFT else ERROR
        yield Finding(
            level, "warehouse", "the web shop has no warehouse", "Give it one: goods cannot be quoted without."
        )
    if options.guests != OWN_PARTY and facts.guest is None:
        yield Finding(ERROR, "guest_party", "the web shop has no guest party")
    if options.state == CONFIRMED:
        today = date.today()
        open_years = door.search(
            "account.fiscalyear",
            [
                ["company", "=", facts.company],
                ["start_date", "<=", today],
                ["end_date", ">=", today],
                ["state", "=", "open"],
            ],
            ["name"],
        )
        if not open_years:
            yield Finding(WARNING, "fiscal_year", "no fiscal year is open today", "Invoices cannot be posted without.")
