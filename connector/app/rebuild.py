"""State restored from the topics and the platforms: after the loss of the database, or from an old copy of it.

Two halves. First everything that the topics tell becomes the wanted state again, each row in doubt. Until that is done
both sides stand still, so that no service writes what is there already. Then appliers look at the other side before
they write, and write only what differs; what that half has not reached when it is interrupted, any service goes on
with. What the store changed meanwhile is found by the sync that a rebuild asks for.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from connector.app.core import Core
from connector.app.known_letters import KnowingOffice, known_letters
from connector.app.platforms import Transport, real_network
from connector.app.rebuild_reading import Restored, restore
from connector.app.scratch import scratch_core
from connector.app.service import Service, started
from connector.engine.tally import Tally
from connector.errors import UserFault
from connector.state.connections import Connection
from connector.state.observations import SourceMemory
from connector.state.runs import Runs
from connector.state.workers import TTL_SECONDS
from contracts.topics import SIDES, TopicNames
from handlers.outcome import A_WRITE

LOOK_SECONDS = 0.5
_MEMORY, _PHASE = "rebuild", "phase"

Say = Callable[[str], None]
"""Told in a few words how far it is."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How a rebuild of one connection ended.

    `state` is done, or paused where a platform does not let us in; `rows` were restored, of which `unchanged` were
    found there as they should be, `written` were not, and `rejected` are dead letters. `differences` (kind, key, what)
    are what a dry run would have written. `observed` is what the producers remember again.
    """

    id: str
    state: str
    rows: int
    observed: int
    unchanged: int
    written: int
    rejected: int
    waiting: int
    calls: Mapping[str, int]
    differences: Sequence[tuple[str, str, str]] = ()
    message: str | None = None


class Outcomes(Tally):
    """Counts by connection what became of rows."""

    def __init__(self, runs: Runs) -> None:
        super().__init__(runs)
        self.of: dict[str, Counter[str]] = {}

    def note(self, connection: str, outcome: str) -> None:
        """One row was settled."""
        super().note(connection, outcome)
        self.of.setdefault(connection, Counter())[outcome] += 1


async def rebuild(
    core: Core,
    ids: Sequence[str],
    *,
    force: bool = False,
    dry_run: bool = False,
    say: Say = lambda _text: None,
    transport: Transport = real_network,
) -> list[Rebuilt]:
    """Restore these connections, all where none is named. One that was interrupted goes on.

    Raises `UserFault` where a connection is unknown, paused or (without `force`) not empty, and while a service runs;
    `Unavailable` where broker or database do not answer. A dry run changes nothing and may be made at any time.
    """
    connections = [await core.connections.get(id_) for id_ in ids] if ids else await core.connections.all()
    if not connections:
        raise UserFault("there is nothing to rebuild: add the connections first, with --no-sync")
    for connection in connections:
        if connection.state != "active":
            raise UserFault(f"{connection.id} is paused: resume it first, paylayer connections resume {connection.id}")
    if dry_run:
        async with scratch_core(core, connections) as scratch:
            return await _rebuild(scratch, connections, look_only=True, say=say, transport=transport)
    await _alone(core)
    for connection in connections:
        if force:
            await _memory(core, connection.id).save_cursor(_PHASE, None)
        else:
            await _require_empty(core, connection.id)
    return await _rebuild(core, connections, look_only=False, say=say, transport=transport)


async def _rebuild(
    core: Core, connections: Sequence[Connection], *, look_only: bool, say: Say, transport: Transport
) -> list[Rebuilt]:
    restored = await _restore(core, [connection.id for connection in connections], say)
    return await _Verification(core, restored, look_only, say, transport).run()


async def _restore(core: Core, ids: Sequence[str], say: Say) -> dict[str, Restored]:
    """The first half, where it was not done before; what is left then is what is still in doubt."""
    begun = {id_: await _memory(core, id_).cursor(_PHASE) for id_ in ids}
    done = {id_: Restored(await core.inbox.doubtful(id_), 0) for id_ in ids if (begun[id_] or {}).get("read")}
    fresh = [id_ for id_ in ids if id_ not in done]
    if not fresh:
        return done
    for id_ in fresh:
        await _memory(core, id_).save_cursor(_PHASE, {"read": False})
        for side in SIDES:
            reason = f"it is being rebuilt; if that was interrupted, go on with: paylayer rebuild {id_}"
            await core.pauses.pause(id_, side, reason)
    records = 0

    def on_read(count: int) -> None:
        nonlocal records
        records += count
        say(f"{records} events read from the topics")

    found = await restore(core, fresh, on_read)
    for id_ in fresh:
        if not await core.runs.next_requested(id_):
            await core.runs.request(id_, entities=(), full=False, requested_by="rebuild")
        await _memory(core, id_).save_cursor(_PHASE, {"read": True})
        for side in SIDES:
            await core.pauses.resume(id_, side)
    return done | found


@dataclass(slots=True)
class _Verification:
    """The second half: appliers, and nothing else of a service, until nothing is left to do."""

    core: Core
    restored: Mapping[str, Restored]
    look_only: bool
    say: Say
    transport: Transport
    _outcomes: dict[str, Counter[str]] = field(default_factory=dict)

    async def run(self) -> list[Rebuilt]:
        """Raises what the service raises."""
        core, ids = self.core, list(self.restored)
        known = await known_letters(core.settings, ids)
        async with started(core, frozenset({"appliers"}), self.transport) as service:
            tally = Outcomes(core.runs)
            self._outcomes = tally.of
            service.tally, service.look_only = tally, self.look_only
            names = TopicNames(core.settings.topic_prefix)
            service.office = KnowingOffice(service.publisher, names, core.clock, known=known, post=not self.look_only)
            before = {id_: await service.meter.total(id_) for id_ in ids}
            stopped = await self._work(service)
            calls = {id_: await service.meter.total(id_) - before[id_] for id_ in ids}
        return [await self._report(id_, stopped.get(id_), calls[id_]) for id_ in ids]

    async def _work(self, service: Service) -> dict[str, str]:
        """Run until done; why not, of connections that stopped before."""
        working = asyncio.create_task(service.run())
        watching = asyncio.create_task(self._watch())
        try:
            await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not watching.done():
                await working  # it ended first: with its error
        finally:
            for task in (watching, working):
                task.cancel()
            await asyncio.wait({watching, working})
        return await watching

    async def _watch(self) -> dict[str, str]:
        stopped: dict[str, str] = {}
        left = set(self.restored)
        while left:
            for id_ in sorted(left):
                if pause := next(iter((await self.core.pauses.paused(id_)).values()), None):
                    stopped[id_] = pause.reason
                    left.discard(id_)
                elif not await self.core.inbox.busy(id_):
                    await _memory(self.core, id_).save_cursor(_PHASE, None)
                    left.discard(id_)
            self.say(self._progress())
            if left:
                await self.core.clock.sleep(LOOK_SECONDS)
        return stopped

    def _progress(self) -> str:
        counts = sum(self._outcomes.values(), Counter())
        total = sum(restored.rows for restored in self.restored.values())
        decided = counts["unchanged"] + _written(counts) + counts["rejected"]
        return f"{counts['seen']} products read, {decided} of {total} rows decided, {_written(counts)} of them written"

    async def _report(self, id_: str, stopped: str | None, calls: Counter[str]) -> Rebuilt:
        counts = self._outcomes.get(id_, Counter())
        differences = await self.core.inbox.waiting(id_, A_WRITE)
        waiting = sum(count.waiting for count in (await self.core.inbox.counts(id_)).values())
        return Rebuilt(
            id=id_,
            state="paused" if stopped else "done",
            rows=self.restored[id_].rows,
            observed=self.restored[id_].observed,
            unchanged=counts["unchanged"],
            written=_written(counts),
            rejected=counts["rejected"],
            waiting=waiting - len(differences),
            calls={side: calls[side] for side in SIDES},
            differences=differences,
            message=stopped,
        )


def _written(counts: Counter[str]) -> int:
    return counts["applied"] + counts["partly"]


def _memory(core: Core, id_: str) -> SourceMemory:
    return SourceMemory(core.database, core.clock, id_, _MEMORY)


async def _alone(core: Core) -> None:
    """Wait until a process that was killed a moment ago counts as dead; refuse where one lives."""
    end = core.clock.monotonic() + TTL_SECONDS + 1
    while alive := await core.workers.alive():
        if core.clock.monotonic() >= end:
            shown = ", ".join(f"{worker.host} (process {worker.pid})" for worker in alive)
            raise UserFault(f"a service is running on {shown}: stop it, rebuild, then start it again")
        await core.clock.sleep(LOOK_SECONDS)


async def _require_empty(core: Core, id_: str) -> None:
    if await _memory(core, id_).cursor(_PHASE) is None and not await core.inbox.empty(id_):
        raise UserFault(
            f"{core.database.where} knows {id_} already: a rebuild is for a database that was lost. Where it was "
            f"restored from an older copy, or is in doubt, look at everything again: paylayer rebuild {id_} --force"
        )
