"""What the inbox has to be, in memory and without any of its care: one row per key, a few rules, no transactions."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from contracts.events import Event, Version, version_of
from tests.model.news import place, skus_of

Name = tuple[str, str]  # entity and key
OPEN = ("pending", "waiting", "retrying")
RECHECK = timedelta(minutes=10)


@dataclass
class Wanted:
    """The newest wanted state of one key, and what became of it."""

    event: Event
    priority: int
    received: datetime
    due: datetime | None
    state: str = "pending"
    changes: int = 1  # how often there was something new to apply
    attempts: int = 0
    waits_for: str | None = None
    waits_since: datetime | None = None

    @property
    def version(self) -> Version:
        return version_of(self.event)

    def reopen(self, now: datetime) -> None:
        """There is something to apply again; one that is still open keeps its place in the queue."""
        if self.state not in OPEN:
            self.received = now
        self.state, self.due, self.attempts, self.waits_for, self.waits_since = "pending", now, 0, None, None
        self.changes += 1


@dataclass
class Believed:
    """All rows of one connection and side."""

    wait: timedelta
    attempts: int
    rows: dict[Name, Wanted] = field(default_factory=dict)
    claims: dict[str, set[str]] = field(default_factory=dict)  # product -> the SKUs that the platform has of it
    refusals: Counter[tuple[Name, Version]] = field(default_factory=Counter)

    def put(self, event: Event, priority: int, now: datetime, *, replay: bool) -> None:
        """The newest version wins; the same one counts again only where it was refused and somebody replays it."""
        row = self.rows.get(place(event))
        if row is None:
            self.rows[place(event)] = Wanted(event, priority, now, now)
        elif row.version < version_of(event) or (
            row.version == version_of(event) and replay and row.state == "rejected"
        ):
            row.priority = min(row.priority, priority) if row.state in OPEN else priority
            row.event = event
            row.reopen(now)

    def due(self, entity: str, now: datetime) -> list[Name]:
        """What is to be applied now, in its order: the most urgent first, then the oldest."""
        ready = [(name, row) for name, row in self.rows.items() if name[0] == entity and row.due and row.due <= now]
        return [name for name, _ in sorted(ready, key=lambda one: (one[1].priority, one[1].received, one[0][1]))]

    def applied(self, name: Name, event: Event, changes: int, now: datetime) -> None:
        """The platform has it. What came meanwhile stays to be done, and also what somebody else had applied by then:
        of two that write the same key nobody knows who was last."""
        row = self.rows[name]
        if row.changes == changes:
            row.state, row.due, row.attempts, row.waits_for, row.waits_since = "applied", None, 0, None, None
        else:
            self._apply_after_all(row, now)
        if name[0] == "product":
            self._claim(name[1], skus_of(event), now)
        self._release(f"{name[0]}:{name[1]}", now)

    def refused(self, name: Name, version: Version, changes: int) -> None:
        """The platform will never have it like this: closed, with a letter."""
        row = self.rows[name]
        self.refusals[name, version] += 1
        if row.changes == changes:
            row.state, row.due, row.waits_for, row.waits_since = "rejected", None, None, None

    def waiting(self, name: Name, version: Version, what: str, changes: int, now: datetime) -> None:
        """It waits for something else: for so long, counted from the first time, and then it is refused."""
        row = self.rows[name]
        if now - (row.waits_since or now) > self.wait:
            self.refused(name, version, changes)
        elif row.changes == changes:
            row.state, row.due, row.waits_for, row.waits_since = "waiting", now + RECHECK, what, row.waits_since or now

    def failed(
        self, name: Name, version: Version, changes: int, due: datetime, now: datetime, *, own: bool, uncertain: bool
    ) -> None:
        """Tried again; only what is the row's own fault counts, and so many times is the end."""
        row = self.rows[name]
        if own and row.attempts + 1 >= self.attempts:
            self.refused(name, version, changes)
        elif row.changes == changes:
            row.state, row.due, row.waits_for = "retrying", due, None
            row.attempts += own
        elif uncertain:
            self._apply_after_all(row, now)

    def counts(self, entity: str) -> tuple[int, int, int, int]:
        """Waiting in any way, retrying, rejected, applied: what `status` shows."""
        states = Counter(row.state for name, row in self.rows.items() if name[0] == entity)
        return sum(states[state] for state in OPEN), states["retrying"], states["rejected"], states["applied"]

    def _apply_after_all(self, row: Wanted, now: datetime) -> None:
        if row.state == "applied":
            row.state, row.due, row.received = "pending", now, now

    def _claim(self, product: str, skus: set[str], now: datetime) -> None:
        new = skus - self.claims.get(product, set())
        self.claims[product] = skus
        for sku in sorted(new):
            row = self.rows.get(("stock", sku))
            if row is not None and row.state == "applied":
                row.state, row.due, row.received = "pending", now, now
                row.changes += 1
            elif row is not None and row.state in OPEN:
                row.changes += 1
        for sku in skus:
            self._release(f"sku:{sku}", now)

    def _release(self, what: str, now: datetime) -> None:
        for row in self.rows.values():
            if row.waits_for == what:
                row.due, row.waits_for = now, None
