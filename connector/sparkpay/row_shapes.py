"""What every row must be like to be worked with at all; anything else about a row is the mapping's to judge."""

from collections.abc import Iterable

from connector.sparkpay.answers import Row, StrangeAnswer, shown

_KEYS = (
    "product_id",
    "variant_group_id",
    "product_status_id",
    "warehouse_id",
    "customer_type_id",
    "item_id",
    "customer_id",
    "order_id",
    "resource_id",
    "parent_customer_id",
    "child_customer_id",
)
"""References by which rows are joined."""

ID_NAMES = {"customer_association": "customer_association_id"}
_TOO_LARGE = 2**63
_COLLECTIONS = (
    "variants",
    "variant_inventory",
    "pricing",
    "pictures",
    "child_products",
    "addresses",
    "items",
    "payments",
    "shipments",
)


def check_rows(rows: Iterable[object], where: str) -> None:
    """Ids are whole numbers, references that or nothing, collections lists of such rows. Raises `StrangeAnswer`."""
    for row in rows:
        if not isinstance(row, dict):
            raise StrangeAnswer(f"{where} holds a {type(row).__name__} instead of an object")
        _check(row, where)


def _check(row: Row, where: str) -> None:
    id_ = row.get(ID_NAMES.get(where, "id"))
    if not _is_whole(id_):
        raise StrangeAnswer(f"a row of {where} has the id {shown(id_)}")
    for name in _KEYS:
        if row.get(name) is not None and not _is_whole(row[name]):
            raise StrangeAnswer(f"{where} {id_} has the {name} {shown(row[name])}")
    for name in _COLLECTIONS:
        nested = row.get(name)
        if nested is None:
            continue
        if not isinstance(nested, list):
            raise StrangeAnswer(f"{where} {id_} has {name} that are no list")
        check_rows(nested, f"{where}.{name}")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _TOO_LARGE
