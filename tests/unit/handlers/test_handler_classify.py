"""The table of failures, and the content hash."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import (
    Conflict,
    ContractFault,
    CredentialsRefused,
    NotFound,
    OutcomeUnknown,
    PlatformError,
    Refused,
    TargetIll,
    Throttled,
    TooLarge,
)
from handlers.outcome import Failed, Rejected, Task
from handlers.sparklayer.body_hash import body_hash
from handlers.sparklayer.bulk import RowLimit
from handlers.sparklayer.classify import classify, taken_fields
from handlers.sparklayer.task_groups import grouped

PRODUCT, PRICING = "PATCH /api/v1/products/{id}", "PATCH /api/v1/batch-update-pricing"


def fault(kind: type[PlatformError], status: int | None, endpoint: str = PRODUCT, **more: Any) -> PlatformError:
    return kind("no", side="sparklayer", endpoint=endpoint, status=status, **more)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (fault(Refused, 400, code="invalid"), Rejected("invalid", "no", 400, (), "Refused")),
        (fault(Refused, 422), Rejected("http_422", "no", 422, (), "Refused")),
        (fault(NotFound, 404), Rejected("not_found", "no", 404, (), "NotFound")),
        (fault(NotFound, 404, PRICING), Failed("no", target=False, status=404)),
        (fault(TooLarge, 413), Rejected("too_large", "no", 413, (), "TooLarge")),
        (fault(Conflict, 409), Failed("no", target=False, status=409)),
        (fault(Throttled, 429, retry_after=7.0), Failed("no", retry_after=7.0, status=429)),
        (fault(TargetIll, 503), Failed("no", status=503, uncertain=True)),
        (fault(TargetIll, None), Failed("no")),
        (fault(ContractFault, 200), Failed("no", status=200, uncertain=True)),
        (fault(OutcomeUnknown, None), Failed("no", uncertain=True)),
        (fault(CredentialsRefused, 403, code="scope"), Failed("no", status=403, code="scope", pause=True)),
    ],
)
def test_every_failure_has_its_outcome(error: PlatformError, expected: object) -> None:
    assert classify(error) == expected


def test_a_conflict_that_names_a_taken_value_is_permanent() -> None:
    details = [{"code": "duplicate-sku", "property": "variants[0].sku", "message": "taken"}, {"code": "other"}]
    error = fault(Conflict, 409, details=details)
    assert isinstance(classify(error), Rejected)
    assert taken_fields(error) == {"variants[0].sku": "duplicate-sku"}


bodies = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(max_size=5),
        st.decimals(allow_nan=False, allow_infinity=False, places=3),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=10,
)


@given(bodies)
def test_equal_bodies_hash_alike(body: Any) -> None:
    def padded(value: Any) -> Any:
        if isinstance(value, Decimal):
            return Decimal(f"{value:f}0") if "." in f"{value:f}" else value
        if isinstance(value, dict):
            return {name: padded(value[name]) for name in reversed(value)}
        return [padded(item) for item in value] if isinstance(value, list) else value

    assert body_hash(body) == body_hash(padded(body))


def test_different_bodies_hash_differently() -> None:
    found = [body_hash(body) for body in (1, "1", True, [1], {"a": 1}, None, Decimal("1.1"), {"number": "1"})]
    assert len(set(found)) == len(found)
    with pytest.raises(TypeError):
        body_hash({"price": 1.5})


def test_row_limits_shrink_and_recover() -> None:
    limit = RowLimit()
    assert limit.rows(1000) == 1000
    limit.too_large(1000)
    limit.too_slow(400)
    assert limit.rows(1000) == 200
    limit.good()
    limit.good()
    assert limit.rows(1000) == 500


def test_tasks_that_touch_a_common_thing_stay_together() -> None:
    things = {"a": {"x"}, "b": {"y"}, "c": {"x", "z"}, "d": {"z"}, "e": set()}
    groups = grouped([Task("acme", key, None) for key in things], lambda task: things[task.key])
    assert sorted(sorted(task.key for task in group) for group in groups) == [["a", "c", "d"], ["b"], ["e"]]
