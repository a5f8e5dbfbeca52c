import pytest

from connector.sparkpay.answers import StrangeAnswer
from connector.sparkpay.row_shapes import check_rows


@pytest.mark.parametrize(
    "row",
    [
        {"id": 1},
        {"id": 1, "product_id": None, "variant_group_id": 0, "anything": {"else": []}},
        {"id": 1, "variants": None, "pricing": [{"id": 2, "product_id": 1}]},
    ],
)
def test_rows_that_can_be_worked_with(row: dict[str, object]) -> None:
    check_rows([row], "products")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (3, "products holds a int instead of an object"),
        ({}, "a row of products has the id None"),
        ({"id": "1"}, "id '1'"),
        ({"id": True}, "id True"),
        ({"id": 2**63}, "id 9223372036854775808"),
        ({"id": 1, "product_id": "7"}, "products 1 has the product_id '7'"),
        ({"id": 1, "customer_type_id": [1]}, "customer_type_id"),
        ({"id": 1, "variants": {}}, "products 1 has variants that are no list"),
        ({"id": 1, "variants": [{"id": 2, "variant_group_id": {}}]}, r"products\.variants 2 has the variant_group_id"),
        ({"id": 1, "variant_inventory": [{"id": 2, "variants": [None]}]}, r"variant_inventory\.variants holds"),
    ],
)
def test_rows_that_would_go_wrong_somewhere_else(row: object, message: str) -> None:
    with pytest.raises(StrangeAnswer, match=message):
        check_rows([row], "products")
