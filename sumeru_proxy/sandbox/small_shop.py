"""A catalogue of two little shops, made in a moment: what tests want to reason about."""

from __future__ import annotations

from typing import Any

from sumeru_proxy.sandbox.endpoints import ALL_SCOPES

Item = dict[str, Any]
WORDS = ["Alder", "Birch", "Cedar", "Elm", "Fir", "Hazel", "Larch", "Maple", "Oak", "Pine", "Rowan", "Willow"]


def _product(number: int, collection: str, kind: str, price: str, currency: str, word: str) -> Item:
    handle = f"{word}-{kind}".lower().replace(" ", "-")
    return {
        "id": f"prd_{number}",
        "handle": handle,
        "title": f"{word} {kind}",
        "url": "{storefront}/products/" + handle,
        "vendor": "Small Shop",
        "image": {
            "url": "{base}/media/" + f"{collection}-{handle}.svg",
            "width": 800,
            "height": 800,
            "alt": f"{word} {kind}",
        },
        "price": price,
        "compare_at_price": "39.00" if number % 4 == 0 else None,
        "currency": currency,
        "available": number % 6 != 0,
        "tags": [collection, word.lower()],
        "variant_id": f"var_{number}",
        "collections": [collection],
    }


def _review(number: int, product_id: str, rating: int, day: int, **more: Any) -> Item:
    return {
        "id": f"rev_{number}",
        "product_id": product_id,
        "rating": rating,
        "title": f"Title {number}",
        "body": f"Body of review {number}.",
        "author": {"name": f"Shopper {number}", "verified_buyer": number % 2 == 0, "country": "DE"},
        "created_at": f"2026-{1 + day // 28 % 12:02d}-{1 + day % 28:02d}T10:00:00Z",
        "locale": "en",
        "variant_title": "Green",
        "helpful_count": number % 7,
        "media": [],
        "reply": None,
        **more,
    }


def _photo(name: str) -> Item:
    url = "{base}/media/" + f"photo-{name}.svg"
    return {"type": "image", "url": url, "thumb_url": url, "width": 800, "height": 800, "alt": "A shopper's photo"}


def _token(number: int, letter: str, scopes: list[str], plan: str) -> Item:
    return {
        "id": f"key_{number}",
        "token": "copt_test_" + letter * 32,
        "name": f"Key {number}",
        "scopes": scopes,
        "plan": plan,
        "created_at": "2026-01-01T00:00:00Z",
    }


def _order(number: int, customer: Item, product: Item, currency: str) -> Item:
    order_id = f"ord_{number}"
    channels = [("organic", "google", None), ("email", "newsletter", "cam_1"), ("paid", "meta", "cam_2")]
    touchpoints = [
        {
            "id": f"tp_{number}_{place}", "channel": channel, "source": source, "medium": channel, "campaign_id": campaign,
            "occurred_at": f"2026-02-{place + 1:02d}T08:00:00Z", "weight": weight, "credited_revenue": credit,
        }
        for place, ((channel, source, campaign), weight, credit) in enumerate(
            zip(channels, ("0.5", "0.25", "0.25"), ("20.00", "10.00", "10.00"), strict=True)
        )
    ]  # fmt: skip
    address = {
        "first_name": customer["first_name"], "last_name": customer["last_name"], "address1": "1 Mill Lane", "city": "Berlin",
        "zip": "10115", "country": "DE",
    }  # fmt: skip
    line = {
        "id": f"lin_{number}", "product_id": product["id"], "variant_id": product["variant_id"], "sku": f"SKU-{number}",
        "title": product["title"], "quantity": 2, "price": "20.00", "tax": "6.39", "discount": "0.00",
    }  # fmt: skip
    return {
        "id": order_id, "number": f"10{number:02d}", "created_at": f"2026-03-{number:02d}T09:00:00Z",
        "updated_at": f"2026-03-{number:02d}T09:30:00Z", "currency": currency, "total_price": "40.00", "subtotal_price": "40.00",
        "total_tax": "6.39", "total_discounts": "0.00", "shipping_price": "0.00", "financial_status": "paid",
        "fulfillment_status": "fulfilled", "customer": {k: customer[k] for k in ("id", "email", "first_name", "last_name")},
        "shipping_address": address, "billing_address": address, "line_items": [line],
        "attributions": [
            {"order_id": order_id, "model": "linear", "revenue": "40.00", "currency": currency, "touchpoints": touchpoints}
        ],
    }  # fmt: skip


def _customer(number: int, first_name: str, currency: str) -> Item:
    return {
        "id": f"cus_{number}", "email": f"{first_name.lower()}@shopper.example", "first_name": first_name,
        "last_name": "Example", "phone": None, "created_at": f"2026-01-{number:02d}T00:00:00Z",
        "updated_at": f"2026-01-{number:02d}T00:00:00Z", "tags": ["vip"] if number == 1 else [], "lifecycle_stage": "active",
        "opt_in": {"email": True, "sms": False}, "orders_count": 1, "total_spent": "40.00", "currency": currency,
    }  # fmt: skip


def _quiz() -> Item:
    def option(name: str, label: str, **more: Any) -> Item:
        return {"id": name, "label": label, "image": None, **more}

    return {
        "id": "quiz_1",
        "title": "Find your match",
        "questions": [
            {"id": "q_where", "text": "Where will you use it?", "kind": "single", "options": [
                option("home", "At home", points={"collection:home": 3}, next="q_colours"),
                option("trail", "Outside", points={"collection:outdoor": 3}),
            ]},
            {"id": "q_weather", "text": "Which weather?", "kind": "single", "options": [
                option("rain", "Rain", points={"prd_1": 2}), option("sun", "Sun", points={"prd_2": 2}),
            ]},
            {"id": "q_colours", "text": "Which colours do you like?", "kind": "multiple", "options": [
                option("green", "Green", points={"prd_3": 1}), option("blue", "Blue", points={"prd_4": 1}),
            ]},
        ],
    }  # fmt: skip


def _shop(domain: str, letter: str, currency: str, word_shift: int, product_count: int) -> Item:
    products = []
    for number in range(1, product_count + 1):
        collection = "outdoor" if number % 2 else "home"
        word = WORDS[(number - 1 + word_shift) % len(WORDS)]
        kind = "Mug" if collection == "home" else "Rucksack"
        products.append(_product(number, collection, kind, f"{10 + number}.00", currency, word))
    customers = [_customer(1, "Ada", currency), _customer(2, "Ben", currency), _customer(3, "Cleo", currency)]
    return {
        "domain": domain,
        "name": domain.split(".")[0].replace("-", " ").title(),
        "currency": currency,
        "origins": [f"https://{domain}", "http://localhost:3000", "http://127.0.0.1:3000"],
        "public_key": "pk_live_" + letter * 32,
        "tokens": [
            _token(1, letter.upper(), ALL_SCOPES, "pro"),
            _token(2, letter.upper() if letter.isdecimal() else letter, ["orders:read"], "free"),
        ],
        "auto_publish": False,
        "collections": [{"handle": "outdoor", "title": "Outdoor"}, {"handle": "home", "title": "Home"}],
        "products": products,
        "reviews": [],
        "customers": customers,
        "orders": [_order(n, customers[(n - 1) % 3], products[n % len(products)], currency) for n in range(1, 6)],
        "bundles": [
            {
                "id": "bun_1",
                "title": "Starter set",
                "description": "Two things that go together.",
                "items": [{"product_id": "prd_1", "quantity": 1}, {"product_id": "prd_2", "quantity": 2}],
                "discount": {"kind": "percentage", "value": "10"},
            }
        ],
        "upsell_rules": [
            {"if_product_ids": ["prd_1"], "product_ids": ["prd_2", "prd_3"], "reason": "Often bought together",
             "discount": {"kind": "percentage", "value": "15"}},
            {"product_ids": ["prd_4"], "reason": "Popular this week", "max_share_of_cart": 0.5},
        ],
        "quizzes": [_quiz()],
        "experiments": [
            {"name": "headline", "variants": [
                {"name": "control", "weight": 1, "payload": {}},
                {"name": "bold", "weight": 1, "payload": {"text": "Made to last"}},
            ]}
        ],
        "nudges": [
            {"id": "ndg_1", "kind": "free_shipping", "threshold": "50.00", "message": "Only {remaining} to free shipping",
             "cta": {"label": "Keep shopping", "url": "/collections/all"}},
            {"id": "ndg_2", "kind": "discount_tier", "threshold": "100.00", "message": "{remaining} more for 10 % off",
             "cta": None, "expires_after_s": 900},
        ],
        "referral": {
            "reward": {"kind": "percentage", "value": "10", "currency": None, "description": "10 % off the next order"},
            "share_url": "{storefront}/?ref={code}",
            "claimed": ["cus_1"],
        },
    }  # fmt: skip


def small_catalogue() -> Item:
    """Two shops with overlapping product ids and no two titles alike.

    ``small.example`` (EUR) has products prd_1 to prd_12; prd_1 has 45 reviews (ratings 5, 4, 3, 5, 1 in turn, three with photos,
    two with replies), prd_2 has 3, prd_3 has one with an empty title and body, the rest have none. ``other.example`` (USD) has
    prd_1 to prd_4; prd_1 has 2 reviews. Both have customers cus_1 to cus_3, orders ord_1 to ord_5, one bundle (of prd_1 and
    prd_2), the quiz ``quiz_1``, the experiment ``headline``, two nudges (50.00 and 100.00), and cus_1's claimed referral.
    """
    first, second = _shop("small.example", "1", "EUR", 0, 12), _shop("other.example", "2", "USD", 5, 4)
    first["tokens"][1]["token"] = "copt_test_" + "3" * 32
    second["tokens"][1]["token"] = "copt_test_" + "4" * 32
    ratings = (5, 4, 3, 5, 1)
    for number in range(1, 46):
        more: Item = {}
        if number in (3, 20, 41):
            more["media"] = [_photo(str(number))]
        if number in (5, 45):
            more["reply"] = {"body": "Thank you for telling us.", "created_at": "2026-06-01T12:00:00Z"}
        first["reviews"].append(_review(number, "prd_1", ratings[number % 5], number, **more))
    first["reviews"] += [_review(100 + n, "prd_2", 4, 60 + n) for n in range(3)]
    first["reviews"].append(_review(200, "prd_3", 2, 90, title="", body=""))
    second["reviews"] = [_review(n, "prd_1", 2, n, title=f"Other {n}", body="From the other shop.") for n in (1, 2)]
    return {"version": 1, "name": "Two small shops", "shops": [first, second]}
