"""The calls that a store allows, shared by every process that calls it."""

from connector.budget.policy import Window
from connector.budget.reserve import Reserve
from connector.budget.shared import SharedBudget, Snapshot

__all__ = ["Reserve", "SharedBudget", "Snapshot", "Window"]
