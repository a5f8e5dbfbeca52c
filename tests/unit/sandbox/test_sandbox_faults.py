"""The fault rules that both sandboxes share."""

from decimal import Decimal

import pytest

from connector.sandbox.faults import COMMON_KINDS, FaultBook, FaultRule


def test_delays_add_up_with_the_one_rule_that_decides() -> None:
    book = FaultBook()
    book.add(
        FaultRule("delay_ms", ms=20),
        FaultRule("timeout", ms=1000),
        FaultRule("drop_after", ms=500, times=2),
        FaultRule("delay_ms", ms=5),
    )
    first, second, third, fourth = (book.strike("GET", "/x") for _ in range(4))
    assert (first.kind, first.lost, first.seconds) == ("timeout", True, 1.025)
    assert (second.kind, second.lost, second.seconds) == ("drop_after", True, 0)
    assert (third.kind, fourth.kind, fourth.lost, fourth.seconds) == ("drop_after", None, False, 0)


def test_a_refused_row_is_no_fault_of_the_call() -> None:
    book = FaultBook()
    book.add(FaultRule("reject_sku", path="*stock", sku="A"))
    assert book.strike("POST", "/stock").kind is None
    asked = [("/prices", "A"), ("/stock", "B"), ("/stock", "A"), ("/stock", "A")]
    assert [book.refuses_sku("POST", path, sku) for path, sku in asked] == [False, False, True, False]


def test_a_sandbox_refuses_kinds_that_it_does_not_have_and_keeps_its_rules() -> None:
    book = FaultBook(kinds=COMMON_KINDS)
    book.add(FaultRule("status"))
    with pytest.raises(ValueError, match="not 'stale'"):
        book.replace([FaultRule("cut_json"), FaultRule("stale")])
    assert [book.strike("GET", "/x").kind for _ in range(2)] == ["status", None]


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "odd"},
        {"kind": "status", "times": "2"},
        {"kind": "status", "status": 200},
        {"kind": "status", "probability": "often"},
        {"kind": "status", "probability": 2},
        {"kind": "delay_ms", "ms": -1},
        {"kind": "status", "method": None},
        {"kind": "status", "more": 1},
        ["status"],
    ],
)
def test_what_cannot_be_meant_is_a_value_error(rule: object) -> None:
    with pytest.raises(ValueError, match=r"kind|fault|status|probability|ms"):
        FaultRule.from_json(rule)


def test_numbers_of_a_rule_come_as_json_has_them() -> None:
    rule = FaultRule.from_json({"kind": "delay_ms", "times": None, "ms": Decimal("2.5"), "probability": 1})
    assert (rule.times, rule.ms, rule.probability) == (None, 2.5, 1.0)
