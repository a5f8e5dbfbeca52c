"""What belongs to a sync run: outcomes of rows and calls to platforms while it is under way."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from connector.engine.usage import CallMeter
from connector.state.runs import Runs

_COUNTED = {"applied": "applied", "partly": "applied", "unchanged": "unchanged", "rejected": "rejected"}


class Tally:
    """Outcomes per connection, kept in memory and added to the running sync of that connection once a second.

    Rows carry no run: a change that arrives while a sync runs is counted with it.
    """

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._unsaved: dict[str, Counter[str]] = {}
        self._saving = asyncio.Lock()  # whoever asks for a save gets everything saved that was noted before

    def note(self, connection: str, outcome: str) -> None:
        """One row was settled; `outcome` as the applier names it."""
        if outcome in _COUNTED:
            self._unsaved.setdefault(connection, Counter())[_COUNTED[outcome]] += 1

    async def save(self) -> None:
        """Add what was noted to the runs that are under way; without a run it is forgotten."""
        async with self._saving:
            saving, self._unsaved = self._unsaved, {}
            under_way = await self._runs.under_way() if saving else {}
            for connection, counts in saving.items():
                if connection in under_way:
                    await self._runs.progress(
                        under_way[connection],
                        applied=counts["applied"],
                        unchanged=counts["unchanged"],
                        rejected=counts["rejected"],
                    )


@dataclass(slots=True)
class CallsOfRun:
    """The calls that were made for a connection since the run began here."""

    connection: str
    run: str
    runs: Runs
    meter: CallMeter
    _before: Counter[str] = field(default_factory=Counter)

    async def begin(self) -> None:
        """Count from now."""
        self._before = await self.meter.total(self.connection)

    async def add(self) -> None:
        """Add what was called since to the run."""
        now = await self.meter.total(self.connection)
        await self.runs.progress(self.run, calls={side: now[side] - self._before[side] for side in now})
        self._before = now
