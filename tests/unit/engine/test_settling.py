from datetime import UTC, datetime, timedelta
from typing import Any

from connector.engine.settling import PAUSE_RECHECK, RECHECK, settle
from connector.settings.connection import ApplySettings
from connector.state.inbox import Row, SetApplied, SetDisplaced, SetRejected, SetRetry, SetWaiting
from handlers.outcome import Applied, Claim, Displaced, Failed, Outcome, Rejected, Skip, Waiting

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
POLICY = ApplySettings(wait_hours=24, attempts=3)


def row(**facts: Any) -> Row:
    plain: dict[str, Any] = {
        "connection": "acme",
        "side": "sparklayer",
        "entity": "price",
        "key": "A-1",
        "version_time": NOW,
        "event_id": "e1",
        "deleted": False,
        "priority": 1,
        "topic": "paylayer.prices",
        "partition": 2,
        "offset": 7,
        "record_key": b"acme/A-1",
        "value": b"{}",
        "received_at": NOW,
    }
    return Row(**(plain | facts))


def settled(outcome: Outcome, *, counted: bool = False, delay: float = 5.0, **facts: Any) -> Any:
    return settle(row(**facts), outcome, now=NOW, policy=POLICY, counted=counted, delay=delay)


def test_what_was_applied_is_stored_with_everything_that_the_handler_learned() -> None:
    claims = [Claim("A-1", "p-1", "live")]
    outcome = Applied(
        "h", {"sparklayer": "pp_1"}, {"lists": 2}, claims=claims, reopen=["x"], wake_at=NOW + timedelta(hours=1)
    )
    verdict = settled(outcome)
    assert verdict.name == "applied"
    assert verdict.refusal is None
    (stored,) = verdict.settlements
    assert isinstance(stored, SetApplied)
    assert (stored.hash, stored.refs, stored.ledger) == ("h", {"sparklayer": "pp_1"}, {"lists": 2})
    assert (stored.claims, stored.reopen, stored.wake_at) == (claims, ["x"], NOW + timedelta(hours=1))


def test_a_part_that_was_left_out_becomes_a_dead_letter_of_a_row_that_is_applied() -> None:
    verdict = settled(Applied("h", skips=[Skip("sku_missing", "variant vi-3 has no SKU", "vi-3")]))
    assert verdict.name == "partly"
    assert not verdict.rejected
    assert verdict.refusal.code == "sku_missing"
    assert verdict.refusal.details == [{"code": "sku_missing", "part": "vi-3", "message": "variant vi-3 has no SKU"}]
    assert isinstance(verdict.settlements[0], SetApplied)
    assert verdict.settlements[0].problem_code == "sku_missing"


def test_an_unchanged_row_does_not_repeat_its_letter() -> None:
    verdict = settled(Applied("h", unchanged=True, skips=[Skip("sku_missing", "variant vi-3 has no SKU")]))
    assert verdict.name == "unchanged"
    assert verdict.refusal is None


def test_a_refusal_carries_what_the_platform_said() -> None:
    details = [{"property": "price", "message": "too large"}]
    verdict = settled(Rejected("line", "price: too large", 400, details, "Refused"), attempts=1)
    assert verdict.rejected
    assert isinstance(verdict.settlements[0], SetRejected)
    refusal = verdict.refusal
    assert (refusal.status, refusal.code, refusal.message, refusal.details) == (
        400,
        "line",
        "price: too large",
        details,
    )
    assert (refusal.connection, refusal.entity, refusal.key, refusal.attempts) == ("acme", "price", "A-1", 2)


def test_waiting_is_looked_at_again_and_ends_after_the_set_time() -> None:
    outcome = Waiting("sku:A-1", "no product has the SKU A-1 yet")
    young = settled(outcome, waiting_since=NOW - timedelta(hours=23))
    assert isinstance(young.settlements[0], SetWaiting)
    assert (young.settlements[0].for_, young.settlements[0].recheck_at) == ("sku:A-1", NOW + RECHECK)
    old = settled(outcome, waiting_since=NOW - timedelta(hours=25))
    assert old.rejected
    assert old.refusal.code == "dependency_missing"
    assert "sku:A-1" in old.refusal.message


def test_a_platform_in_trouble_costs_a_row_no_attempt() -> None:
    verdict = settled(Failed("503"), delay=4.0, attempts=99)
    assert isinstance(verdict.settlements[0], SetRetry)
    assert not verdict.settlements[0].count_attempt
    assert verdict.settlements[0].due_at == NOW + timedelta(seconds=4)


def test_a_row_that_fails_while_others_succeed_is_refused_after_its_attempts() -> None:
    failing = Failed("500: cannot insert", target=False, status=500)
    again = settled(failing, counted=True, attempts=1)
    assert isinstance(again.settlements[0], SetRetry)
    assert again.settlements[0].count_attempt
    last = settled(failing, counted=True, attempts=2)
    assert last.rejected
    assert (last.refusal.code, last.refusal.status, last.refusal.attempts) == ("attempts_exhausted", 500, 3)


def test_a_pause_keeps_the_row_as_it_is() -> None:
    verdict = settled(Failed("401", pause=True), delay=60)
    assert isinstance(verdict.settlements[0], SetRetry)
    assert verdict.settlements[0].due_at == NOW + PAUSE_RECHECK
    assert not verdict.settlements[0].count_attempt


def test_a_refusal_after_a_partial_success_remembers_what_was_done() -> None:
    done = Applied("h2", ledger={"lists": ["base"]})
    verdict = settled(Rejected("line", "one list was refused", 400, applied=done))
    first, second = verdict.settlements
    assert isinstance(first, SetApplied)
    assert (first.hash, first.ledger) == ("h2", {"lists": ["base"]})
    assert isinstance(second, SetRejected)
    assert verdict.rejected


def test_an_uncertain_failure_forgets_what_was_known_to_be_there() -> None:
    assert settled(Failed("no answer", uncertain=True)).settlements[0].uncertain
    assert not settled(Failed("503")).settlements[0].uncertain


def test_who_had_to_leave_a_sku_is_told_of_whatever_came_of_it() -> None:
    displaced = [Displaced("A", "sparkpay:1", "p-1")]
    outcomes: list[Outcome] = [
        Applied("h", displaced=displaced),
        Rejected("bad", "no", displaced=displaced),
        Failed("ill", displaced=displaced),
    ]
    for outcome in outcomes:
        *_, last = settled(outcome, entity="product", key="sparkpay:2").settlements
        assert isinstance(last, SetDisplaced)
        assert (last.sku, last.key, last.part) == ("A", "sparkpay:1", "p-1")
    *_, exhausted = settled(outcomes[2], counted=True, attempts=2).settlements
    assert isinstance(exhausted, SetDisplaced)


def test_a_last_attempt_that_may_have_been_applied_says_so() -> None:
    lost = Failed("lost", target=False, status=500, uncertain=True)
    (rejected,) = settled(lost, counted=True, attempts=2).settlements
    assert isinstance(rejected, SetRejected)
    assert rejected.uncertain
    (refused,) = settled(Rejected("bad", "no", 422)).settlements
    assert not refused.uncertain
