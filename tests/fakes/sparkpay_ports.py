"""Memory, outlet and budget without a database, a bus or a limit."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from connector.errors import Unavailable
from connector.ports import Observed, Priority
from contracts.events import Event, entity_name


@dataclass
class FakeMemory:
    """What a producer remembers, in dictionaries; positions and observations are copied as a database would."""

    kept: dict[tuple[str, str], Observed] = field(default_factory=dict)
    cursors: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    async def observed(self, entity: str, keys: Sequence[str]) -> Mapping[str, Observed]:
        return {key: self.kept[entity, key] for key in keys if (entity, key) in self.kept}

    async def remember(self, observations: Sequence[Observed]) -> None:
        self.log.append("remember")
        for observation in observations:
            self.kept[observation.entity, observation.key] = observation

    async def numbers(self, entity: str, after: int, until: int | None) -> Sequence[int]:
        return sorted(
            known.number
            for known in self.kept.values()
            if known.entity == entity
            and not known.deleted
            and known.number is not None
            and known.number > after
            and (until is None or known.number <= until)
        )

    async def keyed(self, entity: str, numbers: Sequence[int]) -> Mapping[int, Sequence[str]]:
        found: dict[int, list[str]] = {}
        for known in self.kept.values():
            if known.entity == entity and not known.deleted and known.number is not None and known.number in numbers:
                found.setdefault(known.number, []).append(known.key)
        return found

    async def claimants(self, skus: Sequence[str]) -> Mapping[str, Sequence[tuple[str, str]]]:
        found: dict[str, list[tuple[str, str]]] = {}
        for known in self.kept.values():
            for sku, variant in known.skus:
                if sku in skus:
                    found.setdefault(sku, []).append((known.key, variant))
        return found

    async def cursor(self, name: str) -> Mapping[str, Any] | None:
        return self.cursors.get(name)

    async def save_cursor(self, name: str, position: Mapping[str, Any] | None) -> None:
        self.log.append(f"cursor {name}")
        if position is None:
            self.cursors.pop(name, None)
        else:
            self.cursors[name] = dict(position)


@dataclass
class FakeOutlet:
    """Keeps what was published; `broken` makes it refuse."""

    events: list[Event] = field(default_factory=list)
    priorities: list[Priority] = field(default_factory=list)
    broken: bool = False
    log: list[str] = field(default_factory=list)

    async def publish(self, events: Sequence[Event], priority: Priority, target: str | None = None) -> None:  # noqa: ARG002
        if self.broken:
            raise Unavailable("the broker does not answer")
        self.log.append("publish")
        self.events += events
        self.priorities += [priority] * len(events)

    def take(self) -> list[Event]:
        """What came since the last time."""
        taken, self.events = self.events, []
        return taken

    def newest(self, kind: str) -> dict[str, Event]:
        """The latest event of each key, as a compacted topic holds it."""
        return {event.data.key: event for event in self.events if entity_name(event) == kind}


@dataclass
class FakeTicket:
    """One call; what the reply told it."""

    priority: Priority
    counters: list[tuple[int | None, int | None]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def answered(self, used: int | None, limit: int | None) -> None:
        self.counters.append((used, limit))

    def throttled(self, retry_after: float) -> None:
        self.waits.append(retry_after)


@dataclass
class FakeBudget:
    """Lets every call go at once and keeps the tickets."""

    tickets: list[FakeTicket] = field(default_factory=list)

    @asynccontextmanager
    async def call(self, priority: Priority) -> AsyncIterator[FakeTicket]:
        ticket = FakeTicket(priority)
        self.tickets.append(ticket)
        yield ticket
