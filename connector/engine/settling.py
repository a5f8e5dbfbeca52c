"""From what a handler says to what is stored: pure decisions about one row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.bus.dead_letters import APPLY, Refusal
from connector.settings.connection import ApplySettings
from connector.state.inbox import Row, SetApplied, SetDisplaced, SetRejected, SetRetry, SetSeen, Settlement, SetWaiting
from handlers.outcome import Applied, Displaced, Failed, Outcome, Rejected, Seen, Waiting

RECHECK = timedelta(minutes=10)  # a waiting row is looked at again even if its release was lost in a crash
PAUSE_RECHECK = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Settled:
    """What to store for a row, and the refusal that has to be acknowledged before that."""

    settlements: tuple[Settlement, ...]
    name: str  # for metrics: applied, unchanged, partly, rejected, waiting, retry, seen
    refusal: Refusal | None = None

    @property
    def rejected(self) -> bool:
        """The whole row was refused."""
        return self.name == "rejected"


def settle(row: Row, outcome: Outcome, *, now: datetime, policy: ApplySettings, counted: bool, delay: float) -> Settled:
    """Decide. `counted` says that a failure is this row's own; `delay` is its back-off in seconds."""
    if isinstance(outcome, Applied):
        return _applied(row, outcome)
    if isinstance(outcome, Seen):
        return Settled((SetSeen(row, ledger=outcome.ledger, claims=outcome.claims),), "seen")
    uncertain = isinstance(outcome, Failed) and outcome.uncertain
    if isinstance(outcome, Waiting) and now - (row.waiting_since or now) > timedelta(hours=policy.wait_hours):
        outcome = Rejected(
            "dependency_missing", f"{outcome.message}; waited {policy.wait_hours:g} hours for {outcome.for_}"
        )
    if isinstance(outcome, Failed) and counted and row.attempts + 1 >= policy.attempts:
        outcome = Rejected(
            outcome.code or "attempts_exhausted",
            f"{outcome.message} ({row.attempts + 1} attempts, while other rows succeeded)",
            status=outcome.status,
            error_class="AttemptsExhausted",
            wake_at=outcome.wake_at,
            displaced=outcome.displaced,
        )
    if isinstance(outcome, Rejected):
        settlement = SetRejected(
            row,
            status=outcome.status,
            code=outcome.code,
            message=outcome.message,
            claims=outcome.claims,
            uncertain=uncertain,
            wake_at=outcome.wake_at,
        )
        partly = () if outcome.applied is None else (_set_applied(row, outcome.applied),)
        displaced = _displaced(row, outcome.displaced)
        return Settled((*partly, settlement, *displaced), "rejected", refusal=_refusal(row, outcome))
    if isinstance(outcome, Waiting):
        waiting = SetWaiting(row, for_=outcome.for_, recheck_at=now + RECHECK, message=outcome.message)
        return Settled((waiting,), "waiting")
    due = now + (PAUSE_RECHECK if outcome.pause else timedelta(seconds=delay))
    retry = SetRetry(
        row,
        due_at=due,
        count_attempt=counted,
        message=outcome.message,
        status=outcome.status,
        code=outcome.code,
        uncertain=uncertain,
    )
    return Settled((retry, *_displaced(row, outcome.displaced)), "retry")


def _set_applied(row: Row, outcome: Applied) -> SetApplied:
    return SetApplied(
        row,
        hash=outcome.hash,
        refs=outcome.refs,
        ledger=outcome.ledger,
        wake_at=outcome.wake_at,
        claims=outcome.claims,
        problem_code=outcome.skips[0].code if outcome.skips else None,
        skips=outcome.skips,
        reopen=outcome.reopen,
    )


def _displaced(row: Row, displaced: Sequence[Displaced]) -> tuple[Settlement, ...]:
    return tuple(SetDisplaced(row, each.sku, each.product, each.part) for each in displaced)


def _applied(row: Row, outcome: Applied) -> Settled:
    settlements: tuple[Settlement, ...] = (_set_applied(row, outcome), *_displaced(row, outcome.displaced))
    left_out = [skip for skip in outcome.skips if not skip.note]
    if not left_out or outcome.unchanged:
        return Settled(settlements, "unchanged" if outcome.unchanged else "applied")
    parts = Rejected(
        left_out[0].code,
        "applied in part: " + "; ".join(skip.message for skip in left_out),
        details=[{"code": skip.code, "part": skip.part, "message": skip.message} for skip in left_out],
        error_class="PartSkipped",
    )
    return Settled(settlements, "partly", refusal=_refusal(row, parts))


def _refusal(row: Row, outcome: Rejected) -> Refusal:
    return Refusal(
        APPLY,
        outcome.error_class,
        outcome.message,
        status=outcome.status,
        code=outcome.code,
        details=outcome.details,
        connection=row.connection,
        entity=row.entity,
        key=row.key,
        attempts=row.attempts + 1,
    )
