"""What the handlers of prices and stock have in common: which SKUs need a call, and what became of their rows."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from connector.errors import PlatformError
from handlers.outcome import Applied, Failed, Outcome, Rejected, Task, Waiting, would_write
from handlers.sparklayer.bulk import BulkRow
from handlers.sparklayer.classify import classify
from handlers.sparklayer.known_skus import KnownSkus, waiting_for


class BulkPlan(Protocol):
    """What SparkLayer should have of one SKU."""

    @property
    def task(self) -> Task:
        """Where it comes from."""
        ...

    @property
    def done(self) -> bool:
        """Whether that is what was sent last."""
        ...

    @property
    def empty(self) -> bool:
        """Whether there is nothing to send."""
        ...

    def applied(self, *, unchanged: bool = False) -> Applied:
        """Once it is there."""
        ...


def without_call(plan: BulkPlan, known: KnownSkus) -> Outcome | None:
    """What becomes of a SKU that needs no call; none where it needs one."""
    key = plan.task.key
    if plan.done:
        return plan.applied(unchanged=True)
    if not known.held(key):
        return waiting_for(key) if plan.task.entity else plan.applied(unchanged=True)
    return plan.applied(unchanged=True) if plan.empty else None


def place_fault(error: PlatformError) -> Outcome:
    """The price lists or locations could not be made: that is no fault of the SKUs that go there."""
    trouble = classify(error)
    if isinstance(trouble, Rejected):
        return Failed(trouble.message, target=False, status=trouble.status, code=trouble.code)
    return trouble


def by_task(
    keys: Sequence[str], rows: Sequence[BulkRow], found: Sequence[Outcome | None]
) -> Mapping[str, list[Outcome | None]]:
    """The outcomes of the rows of each task."""
    sorted_out: dict[str, list[Outcome | None]] = {key: [] for key in keys}
    for row, outcome in zip(rows, found, strict=True):
        sorted_out[row.task].append(outcome)
    return sorted_out


def differing(plan: BulkPlan) -> Waiting:
    """Of a SKU that has something else there than it should."""
    return would_write(f"SKU {plan.task.key!r}: what is there is not what should be")
