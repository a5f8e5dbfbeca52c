"""How urgent the calls of a task are, for callers that do not know why they call."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import ContextVar

from connector.ports import CallBudget, Priority, Ticket

_urgency: ContextVar[Priority | None] = ContextVar("urgency", default=None)


@contextmanager
def acting_as(priority: Priority) -> Iterator[None]:
    """Calls that this task, and tasks that it starts, make through an `UrgencyBudget` have that priority."""
    token = _urgency.set(priority)
    try:
        yield
    finally:
        _urgency.reset(token)


class UrgencyBudget:
    """A budget whose callers are as urgent as what they work for, as `acting_as` says.

    A handler applies rows of a full sync and of a live change with the same code: the rows tell which it is.
    """

    def __init__(self, budget: CallBudget) -> None:
        self._budget = budget

    def call(self, priority: Priority) -> AbstractAsyncContextManager[Ticket]:
        """As the budget's own, at the priority of the task where it has one."""
        acting = _urgency.get()
        return self._budget.call(priority if acting is None else acting)
