import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.sparkpay.webhook_body import RESOURCES, named_rows

ORDER = {
    "order": {
        "id": 100020,
        "customer_id": 7,
        "items": [{"id": 1, "product_id": 11}, {"id": 2, "product_id": 12}, {"id": 3, "product_id": 11}],
        "payments": [{"id": 5, "order_id": 100020}],
    },
    "message_type_name": "OrderUpdated",
    "store_id": 1,
}


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (ORDER, [("orders", 100020), ("products", 11), ("products", 12)]),
        ({"customer": {"id": "5012"}}, [("customers", 5012)]),
        ({"old_email": "a", "new_email": "b", "customer": {"id": 5012}}, [("customers", 5012)]),
        ({"product": {"id": 9}}, [("products", 9)]),
        ({"item": {"product_id": 9, "variant_inventory_id": 3, "product": {"id": 9}}}, [("products", 9)]),
        ({"order_payment": {"id": 5, "order_id": 100020}}, [("orders", 100020)]),
        ({"quote": {"id": 3, "items": [{"product_id": 4}]}}, [("quotes", 3)]),
        ({"order": {"id": 1, "items": "none"}, "product": None, "customer": []}, [("orders", 1)]),
        ({"order": {"id": 0}, "product": {"id": -4}, "customer": {"id": True}, "quote": {"id": 2**63}}, []),
        ({"order": {"id": "0x10"}, "customer": {"id": "٣"}, "product": {"id": 1.5}}, []),
        ([], []),
        ("order", []),
        ({}, []),
    ],
)
def test_what_a_body_names(body: object, rows: list[tuple[str, int]]) -> None:
    assert named_rows(json.dumps(body).encode()) == rows


@pytest.mark.parametrize(
    ("raw", "rows"),
    [
        (json.dumps(ORDER).encode()[:40], [("orders", 100020)]),
        (b'{"product": {"item_name": "5\\" bolt", "id": "77", "x', [("products", 77)]),
        (b'junk "item" : { "product_id" : 9 , ', [("products", 9)]),
        (b'{"order": {"items": [{"id": 4', []),
        (b'{"order": {"product_id": 4', []),
        (b"\xff\xfe", []),
        (b"", []),
        (b"[" * 100_000, []),
    ],
)
def test_a_broken_body_gives_what_can_be_made_out(raw: bytes, rows: list[tuple[str, int]]) -> None:
    assert named_rows(raw) == rows


@given(st.binary(max_size=300))
def test_nothing_breaks_it(raw: bytes) -> None:
    known = {resource for resource, _ in RESOURCES.values()}
    assert all(resource in known and 0 < id_ < 2**63 for resource, id_ in named_rows(raw))
