"""Orders and attributions: the one mapping from the upstream's JSON to our values.

The documentation names the endpoints and little of their fields, so the shapes below are assumed; ``check_sumeru`` says which
of them an account really sends. Required are an order's ``id, currency, total_price, created_at, line_items`` and of a line
``id, quantity, price``; everything else may be absent. Lines and refunds are read strictly, because an order without one of
them would be a wrong order: one that cannot be read makes the order unreadable. ``tax_lines``, ``discounts``, ``shipping_lines``
and ``payments`` only say how an amount is made up: with an entry that cannot be read such a list counts as not told (None).

Assumed, beyond what an order is known for (money: decimal strings of the order's currency; a rate: a fraction)::

    order      cancelled_at, cancel_reason, taxes_included, test, source_name, email, refunds, discounts, shipping_lines, payments
    line       tax_lines, discounts, gift_card                product_id, variant_id, sku: null for what is deleted or has none
    customer   orders_count                                   id: null for a guest (or no customer at all, and the order's email)
    tax line   {title, rate: "0.2000", amount}
    discount   {code: null, title, level: order|line|shipping, kind: percentage|fixed_amount, value, amount}
    shipping   {id, title, price, discount, tax, tax_lines}
    payment    {id, kind: card|gift_card|..., gateway, amount, created_at}
    refund     {id, created_at, reason, amount, tax, lines: [{line_id, quantity, amount, tax, tax_lines}],
                shipping: {amount, tax, tax_lines} | null}
    touchpoint device, visitor_id, landing_url

How the amounts of an order add up, exactly, in its currency's smallest unit (assumed, and kept by the stand-in)::

    line.discount    = sum of line.discounts[].amount         own ones and its share of the order's
    line.tax         = sum of line.tax_lines[].amount         on price * quantity - discount
    subtotal_price   = sum of line.price * line.quantity      before any discount
    shipping_price   = sum of shipping_lines[].price          before any discount
    total_discounts  = sum of line.discount and shipping_lines[].discount = sum of order.discounts[].amount
    total_tax        = sum of line.tax and shipping_lines[].tax
    total_price      = subtotal_price - total_discounts + shipping_price (+ total_tax unless taxes_included)
    refund.amount    = sum of its lines' amounts + shipping.amount + what was given back for neither

A gift card pays, it does not lower the total: it is a payment. A gift card that is sold is a line with ``gift_card`` and no tax.
"""

from __future__ import annotations

from sumeru_proxy.client import shapes_admin
from sumeru_proxy.client.errors import Unreadable
from sumeru_proxy.client.reading import Fields
from sumeru_proxy.client.values import LARGEST


def _buyer_of(fields: Fields) -> shapes_admin.Buyer:
    buyer = shapes_admin.Buyer(
        id=fields.word("id"),
        email=fields.word("email", 254),
        first_name=fields.text("first_name"),
        last_name=fields.text("last_name"),
        orders_count=fields.integer("orders_count"),
    )
    if not buyer.id and not buyer.email:
        raise Unreadable(path=fields.at("id"), expected="text")
    return buyer


def _address_of(fields: Fields) -> shapes_admin.Address:
    return shapes_admin.Address(
        first_name=fields.text("first_name"),
        last_name=fields.text("last_name"),
        company=fields.text("company"),
        address1=fields.text("address1"),
        address2=fields.text("address2"),
        city=fields.text("city"),
        province=fields.text("province"),
        zip=fields.word("zip", 40),
        country=fields.text("country", 100),
        phone=fields.word("phone", 60),
    )


def _tax_line_of(fields: Fields) -> shapes_admin.TaxLine:
    return shapes_admin.TaxLine(
        amount=fields.need_decimal("amount", -LARGEST),
        rate=fields.decimal("rate", 0, 1),
        title=fields.text("title"),
    )


def _discount_of(fields: Fields) -> shapes_admin.OrderDiscount:
    return shapes_admin.OrderDiscount(
        amount=fields.need_decimal("amount"),
        code=fields.word("code", 200),
        title=fields.text("title"),
        level=fields.word("level", 40),
        kind=fields.word("kind", 60),
        value=fields.decimal("value"),
    )


def _line_of(fields: Fields) -> shapes_admin.LineItem:
    return shapes_admin.LineItem(
        id=fields.need_word("id"),
        title=fields.text("title"),
        quantity=fields.need_integer("quantity"),
        price=fields.need_decimal("price"),
        product_id=fields.word("product_id"),
        variant_id=fields.word("variant_id"),
        sku=fields.word("sku"),
        tax=fields.decimal("tax"),
        discount=fields.decimal("discount"),
        tax_lines=fields.whole_items("tax_lines", _tax_line_of),
        discounts=fields.whole_items("discounts", _discount_of),
        gift_card=fields.known_flag("gift_card"),
    )


def _shipping_line_of(fields: Fields) -> shapes_admin.ShippingLine:
    return shapes_admin.ShippingLine(
        price=fields.need_decimal("price"),
        id=fields.word("id"),
        title=fields.text("title"),
        discount=fields.decimal("discount"),
        tax=fields.decimal("tax"),
        tax_lines=fields.whole_items("tax_lines", _tax_line_of),
    )


def _payment_of(fields: Fields) -> shapes_admin.Payment:
    return shapes_admin.Payment(
        amount=fields.need_decimal("amount", -LARGEST),
        id=fields.word("id"),
        kind=fields.word("kind", 60),
        gateway=fields.word("gateway", 60),
        created_at=fields.moment("created_at"),
    )


def _refund_line_of(fields: Fields) -> shapes_admin.RefundLine:
    return shapes_admin.RefundLine(
        line_id=fields.need_word("line_id"),
        quantity=fields.need_integer("quantity"),
        amount=fields.need_decimal("amount"),
        tax=fields.decimal("tax"),
        tax_lines=fields.whole_items("tax_lines", _tax_line_of),
    )


def _refund_shipping_of(fields: Fields) -> shapes_admin.RefundShipping:
    return shapes_admin.RefundShipping(
        amount=fields.need_decimal("amount"),
        tax=fields.decimal("tax"),
        tax_lines=fields.whole_items("tax_lines", _tax_line_of),
    )


def _refund_of(fields: Fields) -> shapes_admin.Refund:
    return shapes_admin.Refund(
        id=fields.need_word("id"),
        amount=fields.need_decimal("amount"),
        created_at=fields.moment("created_at"),
        tax=fields.decimal("tax"),
        lines=fields.strict_items("lines", _refund_line_of) or (),
        shipping=fields.need_child("shipping", _refund_shipping_of) if fields.raw("shipping") is not None else None,
        reason=fields.text("reason"),
    )


def _touchpoint_of(fields: Fields) -> shapes_admin.Touchpoint:
    return shapes_admin.Touchpoint(
        id=fields.need_word("id"),
        channel=fields.need_word("channel", 60),
        source=fields.text("source"),
        medium=fields.text("medium"),
        campaign_id=fields.word("campaign_id"),
        occurred_at=fields.moment("occurred_at"),
        weight=fields.decimal("weight", 0, 1),
        credited_revenue=fields.decimal("credited_revenue", -LARGEST),
        device=fields.word("device", 60),
        visitor_id=fields.word("visitor_id"),
        landing_url=fields.url("landing_url"),
    )


def attribution_of(fields: Fields) -> shapes_admin.Attribution:
    """How one model divides an order's revenue. Raises Unreadable, also when only one touchpoint cannot be read."""
    return shapes_admin.Attribution(
        order_id=fields.need_word("order_id"),
        model=fields.word("model", 60),
        revenue=fields.need_decimal("revenue", -LARGEST),
        currency=fields.need_currency("currency"),
        touchpoints=fields.need_whole_items("touchpoints", _touchpoint_of),
    )


def order_of(fields: Fields) -> shapes_admin.Order:
    """An order, whole. Raises Unreadable when what is required is absent, or when a line or a refund cannot be read."""
    return shapes_admin.Order(
        id=fields.need_word("id"),
        number=fields.word("number", 60),
        currency=fields.need_currency("currency"),
        total_price=fields.need_decimal("total_price", -LARGEST),
        line_items=fields.need_whole_items("line_items", _line_of),
        created_at=fields.need_moment("created_at"),
        updated_at=fields.moment("updated_at"),
        subtotal_price=fields.decimal("subtotal_price", -LARGEST),
        total_tax=fields.decimal("total_tax", -LARGEST),
        total_discounts=fields.decimal("total_discounts", -LARGEST),
        shipping_price=fields.decimal("shipping_price", -LARGEST),
        financial_status=fields.word("financial_status", 60),
        fulfillment_status=fields.word("fulfillment_status", 60),
        customer=fields.child("customer", _buyer_of),
        shipping_address=fields.child("shipping_address", _address_of),
        billing_address=fields.child("billing_address", _address_of),
        attributions=fields.items("attributions", attribution_of),
        cancelled_at=fields.moment("cancelled_at"),
        cancel_reason=fields.text("cancel_reason"),
        taxes_included=fields.known_flag("taxes_included"),
        test=fields.known_flag("test"),
        source_name=fields.word("source_name", 60),
        email=fields.word("email", 254),
        shipping_lines=fields.whole_items("shipping_lines", _shipping_line_of),
        discounts=fields.whole_items("discounts", _discount_of),
        payments=fields.whole_items("payments", _payment_of),
        refunds=fields.strict_items("refunds", _refund_of),
    )
