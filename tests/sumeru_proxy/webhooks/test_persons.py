from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sumeru_proxy.webhooks import persons
from sumeru_proxy.webhooks.persons import Identity

ADA = "ada@mail.example"


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        ({"customer_id": "cus_1"}, {"cus_1"}),
        ({"customer_id": 4711}, {"4711"}),
        ({"customer_id": 4711.0}, {"4711"}),
        ({"customerId": "a1b2"}, {"a1b2"}),
        ({"customer_ids": [4711, "12"]}, {"4711", "12"}),
        ({"emails": ["Ada@Mail.example", "ada@work.example"]}, {ADA, "ada@work.example"}),
        ({"email": " Ada@Mail.example "}, {ADA}),
        ({"email": "mailto:ada@mail.example"}, {ADA}),
        ({"contact": "Ada <ada@mail.example>"}, {ADA}),
        ({"customer": {"id": 4711, "email": ADA}}, {"4711", ADA}),
        ({"customer": 4711}, {"4711"}),
        ({"customer": "cus_1"}, {"cus_1"}),
        ({"customers": [{"id": "c-1"}, {"id": "c-2"}]}, {"c-1", "c-2"}),
        ({"customer": {"emails": [{"address": ADA, "primary": True}]}}, {ADA}),
        ({"request": {"subject": {"identifiers": [{"type": "email", "value": ADA}]}}}, {ADA}),
        ({"subject": {"identifiers": [{"type": "customer_id", "value": 4711}]}}, {"4711"}),
        ({"data_subject": {"id": "550e8400-e29b-41d4-a716-446655440000"}}, {"550e8400-e29b-41d4-a716-446655440000"}),
        ({"user_id": "gid://shopify/Customer/4711"}, {"gid://shopify/customer/4711"}),
        ({"id": "cus_1"}, {"cus_1"}),
        ({"erased": {"ada@mail.example": "done"}}, {ADA}),
        ([{"customer_id": 5}], {"5"}),
        (ADA, {ADA}),
        # Nobody: a person must look.
        ({}, set()),
        (None, set()),
        ({"id": 4711}, set()),
        ({"id": "req_12345", "status": "done", "count": 3}, set()),
        ({"email_hash": "9f86d081884c7d659a2feaa0c55ad015"}, set()),
        ({"phone": "+49 30 1234567"}, set()),
        ({"customer_id": None, "email": ""}, set()),
        ({"customer_id": True}, set()),
        ({"customer": {"name": "Ada Lovelace"}}, set()),
        # Who did it is not who it was done to.
        ({"customer_id": 7, "requested_by": "staff@shop.example", "shop": {"email": "info@shop.example"}}, {"7"}),
    ],
)
def test_who_an_event_is_about(data: Any, keys: set[str]) -> None:
    found = persons.recognised(data)
    assert found.keys == keys
    assert found.known is bool(keys)


@pytest.mark.parametrize(
    ("body", "speaks"),
    [
        ({"author": {"name": "A", "email": "ADA@mail.example"}}, True),
        ({"events": [{"properties": {"who": "cus_1"}}]}, True),
        ({"customer_id": 4711}, True),
        ({"customer": {"id": "4711"}}, True),
        ({"order": {"customer": {"id": 4711}}}, True),
        ({"processed_by": ADA}, True),
        ({"body": "I am not ada@mail.example", "id": "cus_11"}, False),
        ({"rating": 4711, "price": "4711", "id": 4711}, False),
        ({"line_items": [{"id": 4711, "quantity": 4711}]}, False),
    ],
)
def test_what_speaks_of_a_person(body: Any, speaks: bool) -> None:
    assert persons.speaks_of(body, persons.identity_of(ADA, "cus_1", "4711")) is speaks


def test_what_is_known_of_somebody_leads_to_the_rest() -> None:
    bodies = [
        {
            "order": {
                "customer": {"id": 4711, "email": "Ada@mail.example", "first_name": "Ada", "last_name": "Lovelace"}
            }
        },
        {"product_id": "prd_1", "rating": 5, "author": {"name": "Countess A.", "email": ADA}},
        {"customer": {"id": 12, "email": "ben@mail.example", "first_name": "Ben"}},
        {"id": 4711, "email": "ben@mail.example"},
    ]
    found = persons.expanded(persons.recognised({"customer_id": 4711}), bodies)
    assert found == Identity(frozenset({"4711"}), frozenset({ADA}), frozenset({"Ada Lovelace", "Countess A."}))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["customer", "id", "email", "name", "x"]) | st.text(), inner)
        ),
    )
)
def test_no_json_raises(data: Any) -> None:
    found = persons.recognised(data)
    persons.speaks_of(data, found)
    persons.expanded(found, [data])
