"""The built-in catalogue, the format's checks, the pictures, the converter."""

from __future__ import annotations

import copy
import json
import xml.etree.ElementTree as ET
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sumeru_proxy.sandbox.catalogue import (
    FOLDER,
    CatalogueError,
    built_in,
    check_catalogue,
    demo_shops,
    load,
    small_catalogue,
)
from sumeru_proxy.sandbox.catalogue_format import schema
from sumeru_proxy.sandbox.endpoints import ALL_SCOPES
from sumeru_proxy.sandbox.pictures import drawings, picture
from sumeru_proxy.sandbox.server import running
from tests.clothing_reviews import PUBLIC_KEY, catalogue_of
from tests.sumeru_proxy.sandbox.conversation import Conversation

LOCALES = {"en", "de", "fr", "es", "it", "pt-BR", "pl", "ja", "zh-Hans", "ar", "he"}


def test_the_built_in_catalogues_fit_and_are_always_the_same() -> None:
    day = datetime(2026, 5, 17, 6, 30, tzinfo=UTC)
    assert load(FOLDER / "demo.json", day) == load(FOLDER / "demo.json", day + timedelta(hours=17))
    assert check_catalogue(small_catalogue()) == small_catalogue() == load(FOLDER / "small.json")
    small_catalogue()["shops"].clear()
    assert len(small_catalogue()["shops"]) == 2


def test_the_demos_reviews_stand_in_the_order_of_its_products() -> None:
    for shop in built_in()["shops"]:
        places = {product["id"]: place for place, product in enumerate(shop["products"])}
        reviewed = [places[review["product_id"]] for review in shop["reviews"]]
        assert reviewed == sorted(reviewed)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["demo", "small"])
def test_a_full_validator_agrees_with_the_reader(name: str) -> None:
    Draft202012Validator.check_schema(schema())
    catalogue = json.loads((FOLDER / f"{name}.json").read_bytes())
    assert not list(Draft202012Validator(schema()).iter_errors(catalogue))
    catalogue["shops"][0]["reviews"][3]["rating"] = 6
    (error,) = Draft202012Validator(schema()).iter_errors(catalogue)
    assert error.json_path == "$.shops[0].reviews[3].rating"


def test_the_demo_stays_fresh() -> None:
    late = datetime(2031, 2, 3, 23, 59, tzinfo=UTC)
    main = load(FOLDER / "demo.json", late)["shops"][0]
    newest = max(review["created_at"] for review in main["reviews"])
    assert "2031-02-01" <= newest < "2031-02-03"
    assert main["orders"] == sorted(main["orders"], key=lambda order: str(order["created_at"]))
    assert {order["created_at"][:4] for order in main["orders"]} == {"2030", "2031"}


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        ("-P3DT2H", "2026-05-13T22:00:00Z"),
        ("-PT30S", "2026-05-16T23:59:30Z"),
        ("-P0D", "2026-05-17T00:00:00Z"),
        ("-P1DT1H1M1S", "2026-05-15T22:58:59Z"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("-P", None),
        ("-P1DT", None),
        ("P1D", None),
        ("-P1W", None),
        ("-P-1D", None),
        ("-P999999D", None),
    ],
)
def test_ages_count_back_from_the_start_of_the_day(tmp_path: Path, age: str, expected: str | None) -> None:
    catalogue = small_catalogue()
    catalogue["shops"][0]["reviews"][2] |= {"created_at": age, "title": age}
    file = tmp_path / "catalogue.json"
    file.write_text(json.dumps(catalogue))
    if expected is None:
        with pytest.raises(CatalogueError, match=r"shops\[0\]\.reviews\[2\]\.created_at: expected an ISO 8601 time"):
            load(file)
    else:
        loaded = load(file, datetime(2026, 5, 17, 6, 30, tzinfo=UTC))
        assert loaded["shops"][0]["reviews"][2]["created_at"] == expected
        assert loaded["shops"][0]["reviews"][2]["title"] == age  # what is no time stays


def test_a_token_without_scopes_has_all_of_them() -> None:
    catalogue = small_catalogue()
    token = catalogue["shops"][0]["tokens"][0]
    assert "scopes" not in token
    with running(catalogue) as server:
        bearer = {"Authorization": f"Bearer {token['token']}"}
        keys = Conversation(server).call("GET", "/api/v1/api-keys", None, bearer)
        assert keys.status == 200
        assert keys.data[0]["scopes"] == ALL_SCOPES


def test_the_main_shop_is_as_uneven_as_a_real_one() -> None:
    main, sister = built_in()["shops"]
    products = {product["id"]: product for product in main["products"]}
    counts = Counter(review["product_id"] for review in main["reviews"])
    assert len(products) == len({product["handle"] for product in products.values()}) == 208
    assert 4_900 <= len(main["reviews"]) <= 5_100
    assert counts.most_common(1)[0][1] >= 320
    assert sum(1 for product_id in products if not counts[product_id]) >= 5
    assert sum(1 for product_id in products if counts[product_id] <= 40) > 150
    assert {review["locale"] for review in main["reviews"]} == LOCALES
    assert len(main["collections"]) == 4
    assert (len(main["customers"]), len(main["orders"])) == (50, 120)
    shared = set(products) & {product["id"] for product in sister["products"]}
    assert shared
    titles = {product["id"]: product["title"] for product in sister["products"]}
    assert not [one for one in shared if titles[one] == products[one]["title"]]


def test_the_busiest_product_has_everything_awkward() -> None:
    main = built_in()["shops"][0]
    own = [review for review in main["reviews"] if review["product_id"] == "prd_1001"]
    bodies = [review["body"] for review in own]
    assert any(len(body) >= 300 and " " not in body for body in bodies)
    assert "" in bodies
    assert "" in {review["title"] for review in own}
    assert any("<script>" in review["title"] for review in own)
    assert any("\u202e" in body for body in bodies)
    assert any("reply" in review for review in own)
    assert any("media" in review for review in own)
    assert {review["author"]["verified_buyer"] for review in own} == {True, False}


def test_rules_speak_of_products_that_exist() -> None:
    for shop in built_in()["shops"]:
        products = {product["id"] for product in shop["products"]}
        named = {item["product_id"] for bundle in shop["bundles"] for item in bundle["items"]}
        named |= {product_id for rule in shop["upsell_rules"] for product_id in rule["product_ids"]}
        named |= {review["product_id"] for review in shop["reviews"]}
        named |= {line["product_id"] for order in shop["orders"] for line in order["line_items"]}
        assert named <= products


def test_every_answer_to_the_quiz_leads_to_products() -> None:
    catalogue = built_in()
    quiz = catalogue["shops"][0]["quizzes"][0]
    with running(catalogue, limits=False) as server:
        talk = Conversation(server)
        key = {"X-Public-Key": demo_shops(catalogue)[0]["public_key"]}

        def walk(answers: list[dict[str, Any]]) -> int:
            body = {"quiz_id": quiz["id"], "session_id": "s", "answers": answers}
            step = talk.call("POST", "/api/public/quiz", body, key).data
            if step["complete"]:
                assert step["results"]
                assert step["progress"]["answered"] == step["progress"]["total"]
                return 1
            question = step["next_question"]
            return sum(
                walk([*answers, {"question_id": question["id"], "option_ids": [option["id"]]}])
                for option in question["options"]
            )

        # walker and cook: 3 x 4 x 3 ways each; nester: 4 x 3; child: 3.
        assert walk([]) == 36 + 36 + 12 + 3


def test_orders_add_up() -> None:
    from decimal import Decimal

    for order in built_in()["shops"][0]["orders"]:
        lines = sum(Decimal(line["price"]) * line["quantity"] for line in order["line_items"])
        assert Decimal(order["subtotal_price"]) == lines
        total = lines - Decimal(order["total_discounts"]) + Decimal(order["shipping_price"])
        assert Decimal(order["total_price"]) == total
        for attribution in order["attributions"]:
            credited = sum(Decimal(point["credited_revenue"]) for point in attribution["touchpoints"])
            assert credited == total


def test_demo_shops_opens_the_doors() -> None:
    catalogue = built_in()
    with running(catalogue) as server:
        for shop in demo_shops(catalogue):
            talk = Conversation(server)
            feed = talk.call("GET", "/api/public/product-feed", None, {"X-Public-Key": shop["public_key"]})
            orders = talk.call("GET", "/api/v1/orders", None, {"Authorization": f"Bearer {shop['admin_token']}"})
            assert (feed.status, orders.status) == (200, 200)
            assert {product["currency"] for product in feed.data} == {shop["currency"]}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["version"], 2, "version: only 1 is known"),
        (["shops"], [], "shops: expected a list of at least 1"),
        (["shops", 0, "name"], None, "shops[0].name: expected a string"),
        (["shops", 0, "domain"], "", "shops[0].domain: expected a string that is not empty"),
        (["shops", 0, "auto_publish"], 1, "shops[0].auto_publish: expected true or false"),
        (["shops", 0, "reviews", 0, "rating"], True, "shops[0].reviews[0].rating: expected a whole number from 1 to 5"),
        (["shops", 0, "reviews", 0, "author"], "Ada", "shops[0].reviews[0].author: expected an object"),
        (["shops", 0, "reviews", 0, "author"], {}, "shops[0].reviews[0].author.name: is missing"),
        (["shops", 0, "products", 0, "tags"], "red", "shops[0].products[0].tags: expected a list"),
        (["shops", 0, "tokens", 1, "scopes", 0], "all", "shops[0].tokens[1].scopes[0]: expected a scope"),
        (
            ["shops", 0, "upsell_rules", 1, "max_share_of_cart"],
            "1",
            "shops[0].upsell_rules[1].max_share_of_cart: expected",
        ),
        (["shops", 0, "public_key"], "secret", "shops[0].public_key: expected pk_live_"),
        (["shops", 0, "products", 2, "price"], 19.0, "shops[0].products[2].price: expected an amount"),
        (["shops", 0, "products", 1, "id"], "prd_1", "shops[0].products[1].id: 'prd_1' occurs twice"),
        (["shops", 0, "reviews", 4, "rating"], 6, "shops[0].reviews[4].rating: expected a whole number from 1 to 5"),
        (["shops", 0, "reviews", 0, "created_at"], "soon", "shops[0].reviews[0].created_at: expected an ISO 8601 time"),
        (["shops", 1, "domain"], "small.example", "shops[1].domain: 'small.example' occurs twice"),
        (["shops", 0, "tokens", 0, "plan"], "gold", "shops[0].tokens[0].plan: expected one of free"),
        (["shops", 0, "quizzes", 0, "questions", 1, "next"], "q_where", "shops[0].quizzes[0].questions[1]: next"),
        (["shops", 0, "referral", "claimed"], ["cus_9"], "shops[0].referral.claimed[0]: no such customer"),
        (["shops", 0, "nudges", 0, "threshold"], "-1", "shops[0].nudges[0].threshold: expected an amount"),
    ],
)
def test_a_wrong_catalogue_is_named_by_its_path(tmp_path: Path, path: list[Any], value: Any, message: str) -> None:
    catalogue: Any = copy.deepcopy(small_catalogue())
    place = catalogue
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    file = tmp_path / "catalogue.json"
    file.write_text(json.dumps(catalogue))
    with pytest.raises(CatalogueError) as caught:
        load(file)
    assert str(caught.value).startswith(f"{file}: {message}")


def test_a_file_that_is_no_json(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    file.write_text("{")
    with pytest.raises(CatalogueError, match="not JSON"):
        load(file)
    with pytest.raises(OSError):
        load(tmp_path / "none.json")


def test_every_picture_is_xml_without_scripts() -> None:
    assert len(drawings()) == 16
    names = [f"{kind}camp-{each}-7" for each in drawings() for kind in ("", "photo-")]
    for name in [*names, "photo-home-vase-3-1-1", "anything", '"><script>', "photo-", "photo-photo-1", "../palettes"]:
        drawn = picture(name)
        root = ET.fromstring(drawn)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert b"script" not in drawn
        assert b'<g id="item"/>' not in drawn
        assert len(drawn) < 6_000


def test_a_pictures_tones_follow_from_its_name() -> None:
    assert len({picture(f"camp-mug-{number}") for number in range(200)}) == 5 * 3  # colours times backgrounds
    assert len({picture(f"photo-camp-mug-1002-7-{number}") for number in range(50)}) == 4  # scenes
    assert picture("packs-tote-1") != picture("home-tote-1")


def test_the_clothing_reviews_become_a_shop(tmp_path: Path) -> None:
    file = tmp_path / "reviews.csv"
    file.write_text(
        ",Clothing ID,Age,Title,Review Text,Rating,Recommended IND,Positive Feedback Count,"
        "Division Name,Department Name,Class Name\n"
        '0,767,33,,"Silky, and ""comfortable""\nindeed",4,1,7,General,Intimate,Intimates\n'
        "1,1080,34,Nice,,5,1,4,General,Dresses,Dresses\n"
        "2,767,60,Flaws,Not good,1,0,0,General,Intimate,Intimates\n",
        encoding="utf-8",
    )
    catalogue = catalogue_of(file)
    with running(catalogue) as server:
        talk = Conversation(server)
        headers = {"X-Public-Key": PUBLIC_KEY}
        data = talk.call("GET", "/api/public/reviews?product_id=prd_767", None, headers).data
        assert (data["summary"]["count"], data["summary"]["average"]) == (2, 2.5)
        assert data["reviews"][1]["body"] == 'Silky, and "comfortable"\nindeed'
        assert data["reviews"][1]["author"]["name"] == "Shopper, 33"
        assert data["reviews"][1]["helpful_count"] == 7
        feed = talk.call("GET", "/api/public/product-feed?collection=dresses", None, headers).data
        assert [product["id"] for product in feed] == ["prd_1080"]
    file.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="no column Clothing ID"):
        catalogue_of(file)
