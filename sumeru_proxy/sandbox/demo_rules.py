"""The made-up shops' bundles, upsell rules, quiz, experiments, nudges and referral rewards."""

from __future__ import annotations

from typing import Any

Item = dict[str, Any]

# Products stand in the order kind, series, collection: 16 numbers per kind, 4 per series, packs-camp-layers-home.
DAYPACK, MUG, CREW, THROW = "prd_1001", "prd_1002", "prd_1003", "prd_1004"
COOK_POT, DUTCH_OVEN, CANDLE, LANTERN, BEANIE = "prd_1050", "prd_1066", "prd_1068", "prd_1162", "prd_1147"


def _option(name: str, label: str, drawing: str, points: dict[str, int], **more: Any) -> Item:
    image = {"url": "{base}/media/" + f"{drawing}.svg", "width": 800, "height": 800, "alt": ""}
    return {"id": name, "label": label, "image": image, "points": points, **more}


def _quiz() -> Item:
    return {
        "id": "quiz_gift",
        "title": "Find the right gift",
        "reason": "Fits what you told us.",
        "results_limit": 4,
        "questions": [
            {
                "id": "q_who",
                "text": "Who is it for?",
                "kind": "single",
                "options": [
                    _option("walker", "Somebody who is always outside", "packs-backpack-7", {"tag:hiking": 3}),
                    _option("cook", "Somebody who loves to cook", "camp-pot-3", {"tag:cooking": 3, "tag:coffee": 1}),
                    _option(
                        "nester",
                        "Somebody who loves staying in",
                        "home-cushion-4",
                        {"collection:home": 3},
                        next="q_mood",
                    ),
                    _option("child", "A child", "layers-beanie-5", {"tag:kids": 6}, next="q_budget"),
                ],
            },
            {
                "id": "q_weather",
                "text": "Which weather do they like best?",
                "kind": "single",
                "options": [
                    _option("sun", "Sunshine", "camp-bottle-2", {"tag:summer": 2, "tag:paddling": 1}),
                    _option("rain", "Honest rain", "layers-jacket-9", {"tag:waterproof": 3, "tag:waxed": 2}),
                    _option("snow", "Snow", "layers-beanie-2", {"tag:winter": 3, "tag:wool": 1}),
                ],
            },
            {
                "id": "q_mood",
                "text": "What makes an evening good? Choose as many as you like.",
                "kind": "multiple",
                "options": [
                    _option("light", "Warm light", "camp-lantern-6", {"tag:light": 2, "tag:evening": 2}),
                    _option("scent", "A good scent", "home-candle-8", {"tag:scent": 3}),
                    _option("soft", "Something soft", "home-blanket-1", {"tag:wool": 2, "tag:sofa": 2}),
                    _option("coffee", "Coffee, even then", "camp-mug-11", {"tag:coffee": 3}),
                ],
            },
            {
                "id": "q_budget",
                "text": "How big may it be?",
                "kind": "single",
                "options": [
                    _option("small", "A little something", "camp-mug-4", {"tag:enamel": 2, "tag:cotton": 1}),
                    _option("proper", "A proper present", "home-vase-3", {"tag:linen": 1, "tag:steel": 1}),
                    _option("grand", "The grand gesture", "packs-tote-2", {"tag:waxed": 1, "tag:down": 2}),
                ],
            },
        ],
    }


def main_rules() -> Item:
    """The rules of Ridge & Hollow."""
    return {
        "bundles": [
            _bundle("bun_day_out", "The day out", "Everything for a walk with a proper coffee break.",
                    [(DAYPACK, 1), (MUG, 2), (BEANIE, 1)], "percentage", "15"),
            _bundle("bun_camp_supper", "Camp supper", "A pot, two mugs and light to eat by.",
                    [(COOK_POT, 1), (MUG, 2), (LANTERN, 1)], "fixed_amount", "20.00"),
            _bundle("bun_slow_sunday", "Slow Sunday", "A throw, a candle and the jumper to wear with them.",
                    [(THROW, 1), (CANDLE, 1), (CREW, 1)], "fixed_price", "199.00"),
            _bundle("bun_two_packs", "One each", "Two daypacks for the price of a little less than two.",
                    [(DAYPACK, 2)], "percentage", "10"),
        ],
        "upsell_rules": [
            {"if_product_ids": [DAYPACK], "product_ids": [BEANIE, MUG], "reason": "Goes well with your daypack",
             "discount": {"kind": "percentage", "value": "10"}},
            {"if_collections": ["camp"], "product_ids": [LANTERN, DUTCH_OVEN, COOK_POT],
             "reason": "Complete your camp kitchen"},
            {"if_collections": ["home", "layers"], "product_ids": [CANDLE, THROW], "reason": "For a warm evening in",
             "discount": {"kind": "fixed_amount", "value": "5.00"}},
            {"product_ids": [MUG, CANDLE, BEANIE], "reason": "A favourite of other customers", "max_share_of_cart": 0.6},
        ],
        "quizzes": [_quiz()],
        "experiments": [
            {"name": "hero_headline", "variants": [
                {"name": "control", "weight": 50, "payload": {"headline": "Made for long days out"}},
                {"name": "hearth", "weight": 50, "payload": {"headline": "Out by day, home by the fire"}},
            ]},
            {"name": "free_shipping_bar", "variants": [
                {"name": "hidden", "weight": 20, "payload": {"show": False}},
                {"name": "shown", "weight": 80, "payload": {"show": True, "colour": "moss"}},
            ]},
        ],
        "nudges": [
            {"id": "ndg_shipping", "kind": "free_shipping", "threshold": "75.00",
             "message": "Only {remaining} to go until delivery is free",
             "cta": {"label": "Find something small", "url": "/collections/camp"}},
            {"id": "ndg_tier", "kind": "discount_tier", "threshold": "150.00",
             "message": "Add {remaining} and save 10 % on everything", "cta": None, "expires_after_s": 1800},
            {"id": "ndg_thanks", "kind": "message", "min_total": "150.00",
             "message": "Your order ships free, with 10 % off. Thank you!", "cta": {"label": "Check out", "url": "/checkout"}},
        ],
        "referral": {
            "reward": {"kind": "fixed_amount", "value": "15.00", "currency": "EUR",
                       "description": "15 € for you and 15 € for your friend"},
            "share_url": "{storefront}/?ref={code}",
            "claimed": ["cus_1", "cus_2", "cus_5", "cus_11"],
        },
    }  # fmt: skip


def _bundle(bundle_id: str, title: str, words: str, items: list[tuple[str, int]], kind: str, value: str) -> Item:
    return {
        "id": bundle_id,
        "title": title,
        "description": words,
        "items": [{"product_id": product_id, "quantity": quantity} for product_id, quantity in items],
        "discount": {"kind": kind, "value": value},
    }


def sister_rules() -> Item:
    """The rules of Quill & Inkwell."""
    return {
        "bundles": [
            _bundle("bun_letters", "Letter writer's set", "Paper, pen and wax.",
                    [("prd_1001", 1), ("prd_1009", 1), ("prd_1015", 1)], "percentage", "12"),
        ],
        "upsell_rules": [
            {"product_ids": ["prd_1011", "prd_1021"], "reason": "Writers also picked", "max_share_of_cart": 0.8},
        ],
        "quizzes": [],
        "experiments": [
            {"name": "hero_headline", "variants": [{"name": "paper", "weight": 1, "payload": {"headline": "Write it down"}}]}
        ],
        "nudges": [
            {"id": "ndg_paper", "kind": "message", "min_total": "1.00", "message": "Every order is wrapped by hand.",
             "cta": None},
        ],
        "referral": {
            "reward": {"kind": "percentage", "value": "10", "currency": None, "description": "10 % off your next notebook"},
            "share_url": "{storefront}/friends?code={code}",
            "claimed": ["cus_1"],
        },
    }  # fmt: skip
