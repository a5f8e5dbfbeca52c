"""Customers of a site that are known already, read again one by one, and those that orders name."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from connector.clock import Clock
from connector.errors import ConfirmationNeeded
from connector.ports import Known, Memory, Priority, Progress
from connector.settings import ConnectionSettings
from connector.sparklayer.kept import kept_customer
from connector.sparklayer.mapping.customer import customer_entity, customer_key
from connector.sparklayer.mapping.faults import MappingFault
from connector.sparklayer.people import People
from connector.sparklayer.stream import OnProblem, log_problem, problem_of, report
from connector.sparklayer.telling import Reading, Teller, Told
from contracts.entities import Customer

_CURSOR = "round:customers"
AT_ONCE = 10
_FEW = 3  # that may be gone at once without a question


class CustomerStream:
    """There is no list of customers (vendor docs: customers), so a round over those that are known goes on slowly.

    A customer's `updated_at` says nothing about an edit, for what is written from here moves it as well: the version of
    a change is when it was seen.
    """

    kind = "customer"

    def __init__(
        self,
        people: People,
        known: Known,
        teller: Teller,
        memory: Memory,
        *,
        settings: ConnectionSettings,
        connection: str,
        clock: Clock,
        on_problem: OnProblem = log_problem,
    ) -> None:
        self._people = people
        self._known = known
        self._teller = teller
        self._memory = memory
        self._settings = settings
        self._connection = connection
        self._clock = clock
        self._on_problem = on_problem

    async def look(self, priority: Priority) -> Told:
        """Read the next few of the round; after the last it begins anew."""
        position = await self._memory.cursor(_CURSOR)
        told, after = await self._next(str((position or {}).get("after", "")), priority)
        await self._memory.save_cursor(_CURSOR, {"after": after})
        return told

    async def whole(self, run_id: str, priority: Priority, progress: Progress | None, *, force: bool) -> Told:
        """Read all that are known. The same run goes on after the last that was told."""
        name = f"full:{run_id}:{self.kind}"
        position = await self._memory.cursor(name)
        after, told = str((position or {}).get("after", "")), Told()
        while True:
            of_step, after = await self._next(after, priority, force=force)
            told += of_step
            await report(progress, of_step)
            if not after:
                await self._memory.save_cursor(name, None)
                return told
            await self._memory.save_cursor(name, {"after": after})

    async def tell_named(self, ids: Iterable[str], priority: Priority) -> Told:
        """Those that an order names, who may be new. Their orders follow, so they are told first."""
        readings: list[Reading] = []
        skipped = 0
        for id_ in ids:
            read_at = self._clock.now()
            row = await self._people.get(id_)
            if row is None:
                continue
            key = f"sparklayer:{id_}"
            try:
                key = customer_key(row)
                entity = customer_entity(row, self._settings, key)
            except MappingFault as fault:
                self._on_problem(problem_of(self.kind, key, fault))
                skipped += 1
            else:
                readings.append(Reading(key, entity, read_at))
        readings = await self._kept(readings)
        return Told(len(readings), await self._teller.tell(self.kind, readings, priority), skipped)

    async def _next(self, after: str, priority: Priority, *, force: bool = False) -> tuple[Told, str]:
        """A few customers and the key of the last of them, which is empty at the end of the round."""
        few = await self._known.entities(self.kind, after, AT_ONCE)
        readings: list[Reading] = []
        skipped = 0
        for key, id_ in few:
            read_at = self._clock.now()
            row = await self._people.get(id_, afresh=True) if id_ else None
            if not id_:
                continue
            try:
                entity = None if row is None else customer_entity(row, self._settings, key)
            except MappingFault as fault:
                self._on_problem(problem_of(self.kind, key, fault))
                skipped += 1
            else:
                readings.append(Reading(key, entity, read_at, refs={"sparklayer": id_}))
        self._ask_about(readings)
        readings = await self._kept(readings)
        published = await self._teller.tell(self.kind, readings, priority, force=force)
        return Told(len(few), published, skipped), few[-1][0] if len(few) == AT_ONCE else ""

    async def _kept(self, readings: Sequence[Reading]) -> list[Reading]:
        """Those that are not about to be written for the first time, each with what SparkLayer cannot hold of it.

        What somebody changes while a newer state is on its way must be seen before that is written.
        """
        wanted = await self._known.wanted(self.kind, [reading.key for reading in readings])
        kept: list[Reading] = []
        for reading in readings:
            plan = wanted.get(reading.key)
            if plan is None:
                kept.append(reading)
            elif plan.settled or plan.applied_at is not None:
                shown, there = reading.entity, plan.entity
                if isinstance(shown, Customer) and isinstance(there, Customer):
                    shown = kept_customer(shown, there, self._settings)
                kept.append(replace(reading, entity=shown))
        return kept

    def _ask_about(self, readings: Sequence[Reading]) -> None:
        """So many at once are rather another site's keys than customers who were deleted."""
        gone = [reading for reading in readings if reading.entity is None]
        if (
            len(gone) > max(_FEW, self._settings.poll.deletions_at_once * AT_ONCE)
            and self._settings.poll.deletions_at_once < 1
        ):
            shown = ", ".join(reading.key for reading in gone[:_FEW])
            raise ConfirmationNeeded(
                f"SparkLayer has {len(gone)} of {len(readings)} customers no more that {self._connection} wrote there "
                f"({shown}, ...). Where that is right, allow it: paylayer connections update {self._connection} "
                f"--set poll.deletions_at_once=1, then paylayer connections resume {self._connection}. Otherwise see "
                "whether the address and keys are those of the right site"
            )
