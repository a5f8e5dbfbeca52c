"""Turns readings of a SparkLayer site into change events: what is as it was, and what we wrote, is not told.

The order is doubt, publish, remember: after a crash in between what was on its way is told once more, as something new.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from connector.ledger import Ledger
from connector.ports import Echoes, Findings, Memory, NoFindings, Observed, Outlet, Priority
from contracts.entities import Entity

SOURCE = "sparklayer"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""The version of what nobody is known to have changed: older than any other."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One entity as it was read; none for one that the site has no more.

    `first_is_known`: where nothing is remembered of it, it was there before anybody looked, so nobody changed it.
    `number` stands for what took it over elsewhere: how an entity is seen first with a number is no news, but what it
    is compared with from then on.
    """

    key: str
    entity: Entity | None
    read_at: datetime
    changed_at: datetime | None = None  # by the site's clock, where it says so
    refs: Mapping[str, str] = field(default_factory=dict)  # of one that is gone
    number: int | None = None
    first_is_known: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a look: rows that were read, events, and rows that cannot be mapped."""

    read: int = 0
    published: int = 0
    skipped: int = 0

    def __add__(self, other: "Told") -> "Told":
        return Told(self.read + other.read, self.published + other.published, self.skipped + other.skipped)


class Teller:
    """Publishes what changed at one site, one batch at a time."""

    def __init__(
        self, memory: Memory, outlet: Outlet, echoes: Echoes, connection: str, findings: Findings | None = None
    ) -> None:
        """`findings` hear of what was read well."""
        self._memory = memory
        self._outlet = outlet
        self._echoes = echoes
        self._connection = connection
        self._findings = findings or NoFindings()
        self._lock = asyncio.Lock()

    async def tell(self, kind: str, readings: Sequence[Reading], priority: Priority, *, force: bool = False) -> int:
        """Publish what is new of one kind, and remember it; how many events that were.

        `force` repeats what is not new, with the ids and times it had, but for what was taken over: who has it now
        tells of it. Raises what the bus and the database raise; then nothing is remembered.
        """
        if not readings:
            return 0
        async with self._lock:
            known = await self._memory.observed(kind, [reading.key for reading in readings])
            ledger = Ledger(self._connection, SOURCE, force=force)
            quiet: set[str] = set()
            for reading in {reading.key: reading for reading in readings}.values():
                before = known.get(reading.key)
                found_there = reading.first_is_known and before is None
                if found_there or _is_taken_over(reading, before) or (force and reading.number is not None):
                    quiet.add(reading.key)
                if reading.entity is None:
                    ledger.deleted(kind, reading.key, before=before, read_at=reading.read_at, refs=reading.refs)
                else:
                    ledger.changed(
                        kind,
                        reading.key,
                        reading.entity,
                        before=before,
                        read_at=reading.read_at,
                        changed_at=_NEVER if found_there else reading.changed_at,
                        number=reading.number,
                    )
            news = await self._echoes.sift([event for event in ledger.events if event.data.key not in quiet])
            sent = {event.id for event in news}
            if doubts := [doubt for doubt in ledger.doubts if doubt.event_id in sent]:
                await self._memory.remember(doubts)
            if news:
                await self._outlet.publish(news, priority)
            if ledger.observations:
                await self._memory.remember(ledger.observations)
            self._findings.read(kind, [reading.key for reading in readings])
            return len(news)

    async def told(self, kind: str, keys: Sequence[str]) -> frozenset[str]:
        """Those of these keys that are remembered as being there."""
        found = await self._memory.observed(kind, keys)
        return frozenset(key for key, one in found.items() if not one.deleted)


def _is_taken_over(reading: Reading, before: Observed | None) -> bool:
    return reading.number is not None and (before is None or before.number != reading.number)
