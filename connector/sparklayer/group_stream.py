"""Customer groups of a site: one short list."""

from connector.clock import Clock
from connector.ports import Memory, Priority, Progress
from connector.settings import ConnectionSettings
from connector.sparklayer.customer_groups import CustomerGroups
from connector.sparklayer.mapping.customer import ROOT, group_entity
from connector.sparklayer.mapping.faults import MappingFault
from connector.sparklayer.stream import OnProblem, log_problem, problem_of, report
from connector.sparklayer.telling import Reading, Teller, Told

_CURSOR = "listed:customer-group"
_OF_THE_SHOP = "ct-"


class GroupStream:
    """Reads the whole list each time. What is missing from it is gone; an empty list proves nothing.

    The root group is not told: it is there on every site, and stands for no customer type. Where both sides edit
    groups, those of customer types that are there at the first look were changed by nobody.
    """

    kind = "customer-group"

    def __init__(
        self,
        groups: CustomerGroups,
        teller: Teller,
        memory: Memory,
        *,
        settings: ConnectionSettings,
        clock: Clock,
        on_problem: OnProblem = log_problem,
    ) -> None:
        self._groups = groups
        self._teller = teller
        self._memory = memory
        self._settings = settings
        self._clock = clock
        self._on_problem = on_problem

    async def look(self, priority: Priority) -> Told:
        """One call."""
        return await self._tell(priority, force=False)

    async def whole(
        self,
        run_id: str,  # noqa: ARG002 - see `Stream`: it begins anew, for it is one call
        priority: Priority,
        progress: Progress | None,
        *,
        force: bool,
    ) -> Told:
        """One call as well."""
        told = await self._tell(priority, force=force)
        await report(progress, told)
        return told

    async def _tell(self, priority: Priority, *, force: bool) -> Told:
        read_at = self._clock.now()
        rows = await self._groups.all()
        position = await self._memory.cursor(_CURSOR)
        first = position is None and self._settings.both_ways(self.kind)
        readings: dict[str, Reading] = {}
        skipped = 0
        for row in rows:
            try:
                entity = group_entity(row, self._settings)
            except MappingFault as fault:
                self._on_problem(problem_of(self.kind, str(row.get("slug")), fault))
                skipped += 1
                continue
            if entity.key != ROOT:
                known = first and entity.key.startswith(_OF_THE_SHOP)
                readings[entity.key] = Reading(entity.key, entity, read_at, first_is_known=known)
        before = [str(key) for key in (position or {}).get("keys", ())]
        gone = [Reading(key, None, read_at) for key in before if key not in readings] if rows and not skipped else []
        published = await self._teller.tell(self.kind, [*readings.values(), *gone], priority, force=force)
        if position is None or gone or not readings.keys() <= set(before):
            await self._memory.save_cursor(_CURSOR, {"keys": sorted(readings)})
        return Told(len(rows), published, skipped)
