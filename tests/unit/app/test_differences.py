"""What a request would change, field by field."""

from decimal import Decimal
from typing import Any

import pytest

from connector.app.differences import Change, difference, in_words
from connector.rehearsal import Intended


def found(body: Any, there: Any, method: str = "PATCH") -> Change | None:
    return difference(Intended("sparklayer", method, "/api/v1/products/18", body), "products/18", body, there)


def fields(change: Change | None) -> list[tuple[str, Any, Any]]:
    assert change is not None
    return [(field.name, field.old, field.new) for field in change.fields]


def test_what_is_like_that_already_is_no_change() -> None:
    there = {"title": "Rope", "price": Decimal("5.00"), "note": "", "more": 1, "list": [{"sku": "A"}, {"sku": "B"}]}
    assert found({"title": "Rope", "price": "5", "note": None, "list": [{"sku": "B"}, {"sku": "A"}]}, there) is None


def test_old_and_new_stand_beside_each_other() -> None:
    body = {"title": "Twine", "variants": [{"sku": "B", "grams": 2}, {"sku": "A", "grams": 1}]}
    there = {"title": "Rope", "variants": [{"sku": "A", "grams": 1}, {"sku": "B", "grams": 7}]}
    change = found(body, there)
    assert fields(change) == [("title", "Rope", "Twine"), ("variants[B].grams", 7, 2)]
    assert change is not None
    assert in_words(change.fields) == ["title: Rope -> Twine", "variants[B].grams: 7 -> 2"]


def test_what_is_not_there_is_created_with_all_its_fields() -> None:
    change = found({"title": "Rope", "tags": ["a", "b"]}, None, "POST")
    assert change is not None
    assert change.act == "create"
    assert fields(change) == [("title", None, "Rope"), ("tags[0]", None, "a"), ("tags[1]", None, "b")]
    assert in_words(change.fields)[0] == "title: (nothing) -> Rope"


@pytest.mark.parametrize("status", ["discontinued", "inactive"])
def test_what_is_retired_counts_as_removed(status: str) -> None:
    change = found({"status": status}, {"status": "live"})
    assert change is not None
    assert change.act == "remove"


def test_a_deletion_is_a_removal() -> None:
    change = found(None, {"title": "Rope"}, "DELETE")
    assert change is not None
    assert (change.act, change.fields) == ("remove", ())


@pytest.mark.parametrize(("old", "new"), [("1", True), (None, 0), ("x", 1), (5, "")])
def test_other_meanings_are_changes(old: Any, new: Any) -> None:
    assert fields(found({"field": new}, {"field": old})) == [("field", old, new)]
