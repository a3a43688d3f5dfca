"""An invoice as UBL 2.1 XML, in the order of elements that its schema wants. Pure; the same invoice gives the same bytes.

Business terms (BT-…) are those of EN 16931-1; the rules that the result is held against in the tests are CEN's.
"""

from __future__ import annotations

import re
from decimal import Decimal
from xml.etree import ElementTree

from sumeru_proxy.consumers.order_sync.books.bookings import plain
from sumeru_proxy.consumers.order_sync.books.invoices import CREDIT_NOTE, Category, Invoice, InvoiceLine
from sumeru_proxy.consumers.order_sync.document import PostalAddress

SPECIFICATION = "urn:cen.eu:en16931:2017"
UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
CAC = f"{UBL}CommonAggregateComponents-2"
CBC = f"{UBL}CommonBasicComponents-2"
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_Element = ElementTree.Element


def xml_of(invoice: Invoice) -> bytes:
    """The whole file."""
    is_credit = invoice.type_code == CREDIT_NOTE
    kind = "CreditNote" if is_credit else "Invoice"
    root = ElementTree.Element(kind, {"xmlns": f"{UBL}{kind}-2", "xmlns:cac": CAC, "xmlns:cbc": CBC})
    _text(root, "CustomizationID", SPECIFICATION)
    _text(root, "ID", invoice.number)
    _text(root, "IssueDate", invoice.day.isoformat())
    _text(root, f"{kind}TypeCode", invoice.type_code)
    if invoice.note:
        _text(root, "Note", invoice.note)
    _text(root, "DocumentCurrencyCode", invoice.document.currency)
    _text(_part(root, "OrderReference"), "ID", invoice.document.number)
    if invoice.preceding:
        reference = _part(_part(root, "BillingReference"), "InvoiceDocumentReference")
        _text(reference, "ID", invoice.preceding[0])
        _text(reference, "IssueDate", invoice.preceding[1].isoformat())
    _seller(root, invoice)
    _buyer(root, invoice)
    if invoice.payable > 0:
        _text(_part(root, "PaymentTerms"), "Note", invoice.seller.terms or "Payable at once")
    _taxes(root, invoice)
    _totals(root, invoice)
    for number, line in enumerate(invoice.lines, 1):
        _line(root, invoice, line, number, is_credit)
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'.encode()


def _part(parent: _Element, name: str) -> _Element:
    return ElementTree.SubElement(parent, f"cac:{name}")


def _text(parent: _Element, name: str, text: str) -> _Element:
    element = ElementTree.SubElement(parent, f"cbc:{name}")
    element.text = _clean(text) or "-"  # what must be there is never empty
    return element


def _clean(text: str) -> str:
    return _UNFIT.sub("", text).strip()


def _amount(parent: _Element, name: str, invoice: Invoice, minor: int) -> None:
    _money(parent, name, invoice, format(invoice.document.amount(minor), "f"))


def _money(parent: _Element, name: str, invoice: Invoice, text: str) -> None:
    _text(parent, name, text).set("currencyID", invoice.document.currency)


def _seller(root: _Element, invoice: Invoice) -> None:
    seller = invoice.seller
    party = _part(_part(root, "AccountingSupplierParty"), "Party")
    address = PostalAddress(
        street=seller.street, city=seller.city, postal_code=seller.postal_code, country=seller.country
    )
    _address(party, address)
    scheme = _part(party, "PartyTaxScheme")
    _text(scheme, "CompanyID", seller.vat_id)
    _text(_part(scheme, "TaxScheme"), "ID", "VAT")
    entity = _part(party, "PartyLegalEntity")
    _text(entity, "RegistrationName", seller.name)
    if seller.registration:
        _text(entity, "CompanyID", seller.registration)


def _buyer(root: _Element, invoice: Invoice) -> None:
    party = _part(_part(root, "AccountingCustomerParty"), "Party")
    _address(party, invoice.address)
    _text(_part(party, "PartyLegalEntity"), "RegistrationName", invoice.buyer_name)


def _address(party: _Element, address: PostalAddress) -> None:
    element = _part(party, "PostalAddress")
    for name, text in (
        ("StreetName", address.street),
        ("AdditionalStreetName", address.street2),
        ("CityName", address.city),
        ("PostalZone", address.postal_code),
        ("CountrySubentity", address.region),
    ):
        if _clean(text):
            _text(element, name, text)
    _text(_part(element, "Country"), "IdentificationCode", address.country)


def _category(parent: _Element, name: str, category: Category, *, reason: bool) -> None:
    element = _part(parent, name)
    _text(element, "ID", category.code)
    _text(element, "Percent", plain(category.percent))
    if reason and category.reason:
        _text(element, "TaxExemptionReason", category.reason)
    _text(_part(element, "TaxScheme"), "ID", "VAT")


def _taxes(root: _Element, invoice: Invoice) -> None:
    total = _part(root, "TaxTotal")
    _amount(total, "TaxAmount", invoice, invoice.tax)
    for subtotal in invoice.subtotals:
        part = _part(total, "TaxSubtotal")
        _amount(part, "TaxableAmount", invoice, subtotal.base)
        _amount(part, "TaxAmount", invoice, subtotal.tax)
        _category(part, "TaxCategory", subtotal.category, reason=True)


def _totals(root: _Element, invoice: Invoice) -> None:
    total = _part(root, "LegalMonetaryTotal")
    _amount(total, "LineExtensionAmount", invoice, invoice.net)
    _amount(total, "TaxExclusiveAmount", invoice, invoice.net)
    _amount(total, "TaxInclusiveAmount", invoice, invoice.net + invoice.tax)
    if invoice.prepaid:
        _amount(total, "PrepaidAmount", invoice, invoice.prepaid)
    if invoice.rounding:
        _amount(total, "PayableRoundingAmount", invoice, invoice.rounding)
    _amount(total, "PayableAmount", invoice, invoice.payable)


def _line(root: _Element, invoice: Invoice, line: InvoiceLine, number: int, is_credit: bool) -> None:
    element = _part(root, "CreditNoteLine" if is_credit else "InvoiceLine")
    _text(element, "ID", str(number))
    _text(element, "CreditedQuantity" if is_credit else "InvoicedQuantity", str(line.quantity)).set("unitCode", "C62")
    _amount(element, "LineExtensionAmount", invoice, line.net)
    if line.discount:
        allowance = _part(element, "AllowanceCharge")
        _text(allowance, "ChargeIndicator", "false")
        _text(allowance, "AllowanceChargeReason", "Discount")
        _amount(allowance, "Amount", invoice, line.discount)
    item = _part(element, "Item")
    _text(item, "Name", line.title)
    if _clean(line.sku):
        _text(_part(item, "SellersItemIdentification"), "ID", line.sku)
    _category(item, "ClassifiedTaxCategory", line.category, reason=False)
    _money(_part(element, "Price"), "PriceAmount", invoice, _price(line.price))


def _price(price: Decimal) -> str:
    return format(price, "f")
