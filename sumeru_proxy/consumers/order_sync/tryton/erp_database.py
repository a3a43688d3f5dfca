"""Fills a new Tryton database so that orders can be written to it. Run by the ERP's own Python, never imported by the server.

``python erp_database.py CONFIG DATABASE < plan.json`` reads a plan (``set_up.Plan`` as JSON) and prints what it made as JSON. Needs
trytond and proteus of the environment that it runs in, and a database whose modules are activated.
"""

import json
import sys
from datetime import date
from decimal import Decimal

from proteus import Model, Wizard, config


def _currencies(plan):
    Currency, Rate = Model.get("currency.currency"), Model.get("currency.currency.rate")
    currencies = {}
    for code, digits in plan["currencies"].items():
        currency = Currency(name=code, symbol=code, code=code, digits=digits, rounding=Decimal(1).scaleb(-digits))
        currency.save()
        Rate(date=date(2000, 1, 1), rate=Decimal(1), currency=currency).save()
        currencies[code] = currency
    return currencies


def _countries(plan):
    Country = Model.get("country.country")
    for code in plan["countries"]:
        Country(name=code, code=code).save()


def _company(name, currency):
    party = Model.get("party.party")(name=name, code=f"COMPANY-{name}")
    party.save()
    wizard = Wizard("company.company.config")
    wizard.execute("company")
    wizard.form.party, wizard.form.currency = party, currency
    wizard.execute("add")
    (company,) = Model.get("company.company").find([("party", "=", party.id)])
    User = Model.get("res.user")
    user = User(config.get_config().user)
    user.companies.append(Model.get("company.company")(company.id)) if company not in user.companies else None
    user.company = company
    user.save()
    config.get_config()._context = User.get_preferences(True, {})
    return company


def _chart(company):
    Template, Data = Model.get("account.account.template"), Model.get("ir.model.data")
    context = config.get_config().context
    wizard = Wizard("account.create_chart")
    wizard.execute("account")
    wizard.form.account_template = Template(Data.get_id("account.account_template_root_en", context))
    wizard.form.company = company
    wizard.execute("create_account")
    Account = Model.get("account.account")
    accounts = {}
    for kind in ("receivable", "payable", "revenue", "expense"):
        (accounts[kind],) = Account.find(
            [(f"type.{kind}", "=", True), ("company", "=", company.id), ("closed", "!=", True)], limit=1
        )
    wizard.form.account_receivable, wizard.form.account_payable = accounts["receivable"], accounts["payable"]
    for kind in ("expense", "revenue"):
        if hasattr(wizard.form, f"category_account_{kind}"):
            setattr(wizard.form, f"category_account_{kind}", accounts[kind])
    wizard.execute("create_properties")
    (accounts["tax"],) = Account.find([("company", "=", company.id), ("code", "=", "6.3.6")], limit=1)
    return accounts


def _years(company, years):
    Year = Model.get("account.fiscalyear")
    Strict, Type = Model.get("ir.sequence.strict"), Model.get("ir.sequence.type")
    types = {name: Type.find([("name", "=", name)], limit=1)[0] for name in ("Account Move", "Invoice")}
    for number in years:
        sequences_of = {}
        for name, kind in types.items():
            sequences_of[name] = Strict(name=f"{name} {number}", sequence_type=kind, company=company)
            sequences_of[name].save()
        year = Year(name=str(number), company=company, start_date=date(number, 1, 1), end_date=date(number, 12, 31))
        year.move_sequence = sequences_of["Account Move"]
        (sequences,) = year.invoice_sequences
        for name in ("out_invoice", "in_invoice", "out_credit_note", "in_credit_note"):
            setattr(sequences, f"{name}_sequence", sequences_of["Invoice"])
        year.save()
        year.click("create_period")


def _taxes(accounts, percents):
    Tax = Model.get("account.tax")
    for percent in percents:
        tax = Tax(name=f"{percent} %", description=f"{percent} %", type="percentage", rate=Decimal(percent) / 100)
        tax.invoice_account = tax.credit_note_account = accounts["tax"]
        tax.save()


def _products(accounts, plan):
    Category = Model.get("product.category")
    category = Category(name="Goods", accounting=True)
    category.account_revenue, category.account_expense = accounts["revenue"], accounts["expense"]
    category.save()
    (unit,) = Model.get("product.uom").find([("name", "=", "Unit")])
    Template = Model.get("product.template")
    for item in plan["products"]:
        template = Template(name=item["name"], default_uom=unit, type=item["type"], salable=True)
        template.list_price, template.account_category = Decimal(item["price"]), category
        template.products[0].suffix_code = item["sku"]
        template.save()


def _setting(company, plan):
    Configuration = Model.get("account.configuration")
    configuration = Configuration(1)
    configuration.tax_rounding = plan["tax_rounding"]
    configuration.save()
    Term = Model.get("account.invoice.payment_term")
    term = Term(name=f"Paid in advance {company.id}")
    term.lines.new(type="remainder")
    term.save()


def _shops(company, currencies, plan):
    Party, Shop = Model.get("party.party"), Model.get("web.shop")
    for item in plan["shops"]:
        (warehouse,) = Model.get("stock.location").find([("type", "=", "warehouse")], limit=1)
        guest = Party(name=f"Guests of {item['name']}", code=f"GUEST-{item['name']}")
        guest.save()
        shop = Shop(name=item["name"], company=company, currency=currencies[item["currency"]], guest_party=guest)
        shop.warehouses.append(warehouse)
        shop.save()


def main(configuration, database):
    """Carry out the plan on standard input and write the outcome."""
    plan = json.load(sys.stdin)
    config.set_trytond(database, config_file=configuration)
    currencies = _currencies(plan)
    _countries(plan)
    first = True
    for item in plan["companies"]:
        company = _company(item["name"], currencies[item["currency"]])
        accounts = _chart(company)
        _years(company, plan["years"])
        _taxes(accounts, plan["taxes"])
        _setting(company, plan)
        if first:
            _products(accounts, plan)
            first = False
        _shops(company, currencies, item)
    user = Model.get("res.user")(config.get_config().user)
    user.company_filter = "all"
    user.save()
    Application = Model.get("res.user.application")
    application = Application(key=plan["key"], user=Model.get("res.user")(config.get_config().user), application="rest")
    application.save()
    sys.stdout.write(json.dumps({"state": application.state}) + "\n")


main(*sys.argv[1:])
