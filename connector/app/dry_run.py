"""What a sync would do to the other side, told and not done.

The whole engine plays it: the poller reads, the inbox decides what is new, the handlers make their requests. But the
state is a copy that is thrown away, events go from the poller straight into that copy, and the clients keep the writes
to themselves. What was never applied is looked at first, so that what is there already is not announced.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from connector.app.both_ways import echoes, two_way
from connector.app.core import Core
from connector.app.differences import Change
from connector.app.inlet import Inlet, QuietOffice
from connector.app.platforms import Platforms, Transport, real_network
from connector.app.scratch import copy_known, doubt_what_was_never_applied, scratch_core
from connector.app.there import There
from connector.bus.dead_letters import Refusal
from connector.choice import Choice
from connector.engine.applier import Applier
from connector.engine.metrics import Metrics
from connector.engine.policies import Breaker, BreakerPolicy
from connector.engine.tally import Tally
from connector.engine.usage import CallMeter
from connector.errors import UserFault
from connector.mapping_rules import mapping_of
from connector.ports import Progress
from connector.rehearsal import Rehearsal
from connector.sparklayer import SparkLayerClient
from connector.sparklayer.watch import SiteWatch, kinds_told
from connector.sparkpay.poller import Poller
from connector.state.claims import SideDirectory
from connector.state.connections import Connection
from connector.state.entities import SideEntities
from connector.state.intents import SideIntents
from connector.state.known import KnownThere
from connector.state.observations import SourceMemory
from contracts.entities import KINDS
from contracts.topics import SIDES
from handlers import sparklayer as to_sparklayer
from handlers import sparkpay as to_sparkpay
from handlers.mapped import mapped
from handlers.outcome import Handler

_RUN = "dry-run"
_ROUNDS = 4  # rows that failed are tried again, as a sync would
_LONGEST_WAIT = 15.0

MOST_REFUSALS = 1000
"""Refusals that are kept by name; the others are counted."""

Say = Callable[[Change], None]
"""Told of every change, one after the other: nothing of it is kept here."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What the other side would not take."""

    entity: str
    key: str
    code: str | None
    message: str


@dataclass(slots=True)
class DryRun:
    """What it came to. `undecided` waits for something that is not there, or could not be looked at."""

    connection: str
    read: int = 0
    created: int = 0
    changed: int = 0
    removed: int = 0
    refused: list[Refused] = field(default_factory=list)
    refused_in_all: int = 0
    undecided: int = 0
    calls: Mapping[str, int] = field(default_factory=dict)

    def refuse(self, refusal: Refusal) -> None:
        """One that would become a dead letter."""
        self.refused_in_all += 1
        if len(self.refused) < MOST_REFUSALS:
            self.refused.append(Refused(refusal.entity or "", refusal.key or "", refusal.code, refusal.message))

    def count(self, change: Change) -> None:
        """One more."""
        match change.act:
            case "create":
                self.created += 1
            case "change":
                self.changed += 1
            case _:
                self.removed += 1


def summary(found: DryRun) -> dict[str, Any]:
    """The sums as scripts read them."""
    return {
        "connection": found.connection,
        "read": found.read,
        "create": found.created,
        "change": found.changed,
        "remove": found.removed,
        "refuse": found.refused_in_all,
        "undecided": found.undecided,
        "refusals": [
            {"entity": one.entity, "key": one.key, "code": one.code, "message": one.message} for one in found.refused
        ],
        "calls": dict(found.calls),
    }


async def dry_run(
    core: Core,
    id_: str,
    *,
    say: Say,
    entities: Sequence[str] = (),
    choice: Choice | None = None,
    progress: Progress | None = None,
    transport: Transport = real_network,
) -> DryRun:
    """Play a sync of what both sides are sources of. Raises `UserFault` and what the platforms raise."""
    connection = await core.connections.get(id_)
    settings = connection.settings
    sources = {"sparkpay": settings.kinds_from("sparkpay"), "sparklayer": kinds_told(settings)}
    kinds = frozenset(entities or KINDS) & frozenset[str]().union(*sources.values())
    if not kinds:
        named = " or ".join(entities) or "entity"
        raise UserFault(f"the flow of {id_} takes no {named} from either side: see paylayer connections show {id_}")
    hurried = connection.settings.with_values({"apply.linger_seconds": "0", "apply.sync_linger_seconds": "0"})
    async with scratch_core(core, [connection]) as scratch:
        await copy_known(core, scratch, id_)
        await scratch.connections.update(id_, settings=hurried)
        play = _Play(core, scratch, await scratch.connections.get(id_), kinds, say, transport)
        return await play.run(choice, progress, bool(entities))


@dataclass(slots=True)
class _Play:
    core: Core
    scratch: Core
    connection: Connection
    kinds: frozenset[str]
    say: Say
    transport: Transport
    rehearsal: Rehearsal = field(default_factory=Rehearsal)

    async def run(self, choice: Choice | None, progress: Progress | None, limited: bool) -> DryRun:  # noqa: FBT001
        """Read, decide, tell."""
        found = DryRun(self.connection.id)
        platforms = Platforms(self.core, CallMeter(self.core.usage, Metrics()), self.transport)
        async with AsyncExitStack() as stack:
            budget = platforms.budget(self.connection)
            stack.push_async_callback(budget.close)
            pay = await stack.enter_async_context(platforms.sparkpay(self.connection, budget, rehearsal=self.rehearsal))
            layer = await stack.enter_async_context(platforms.sparklayer(self.connection, rehearsal=self.rehearsal))
            office = QuietOffice(found.refuse)
            outlet = Inlet(self.scratch, office)
            memory = SourceMemory(self.scratch.database, self.scratch.clock, self.connection.id, "sparkpay")
            poller = Poller(
                pay,
                memory,
                outlet,
                self.connection.settings,
                self.connection.id,
                self.scratch.clock,
                echoes=echoes(self.scratch.database, self.scratch.clock, self.connection, memory, "sparkpay"),
            )
            counting = _Counting(found, progress)
            only = self.kinds if limited else None
            if choice is not None:
                await poller.sync_chosen(_RUN, choice, counting, force=True, only=only or frozenset())
            else:
                await poller.full_sync(_RUN, counting, force=True, only=only)
                await self._watch(layer, outlet).full_sync(_RUN, counting, force=True, only=only)
            await doubt_what_was_never_applied(self.scratch, self.connection.id)
            there = There(pay, layer, self.rehearsal)
            for side in filter(self.connection.settings.goes_to, SIDES):
                handlers = to_sparklayer.handlers(layer) if side == "sparklayer" else to_sparkpay.handlers(pay)
                async for change in self._applied(side, handlers, office, there):
                    found.count(change)
                    self.say(change)
            counts = await self.scratch.inbox.counts(self.connection.id)
            found.undecided = sum(each.waiting for (_, _, kind), each in counts.items() if kind in self.kinds)
        found.calls = {side: self.rehearsal.calls[side] for side in SIDES}
        return found

    def _watch(self, layer: SparkLayerClient, outlet: Inlet) -> SiteWatch:
        side, database, clock = "sparklayer", self.scratch.database, self.scratch.clock
        memory = SourceMemory(database, clock, self.connection.id, side)
        return SiteWatch(
            layer,
            memory,
            outlet,
            self.connection.settings,
            self.connection.id,
            clock,
            known=KnownThere(database, self.connection.id, side, shown_by=("sparkpay",)),
            echoes=echoes(database, clock, self.connection, memory, side),
        )

    async def _applied(
        self, side: str, handlers: Mapping[str, Handler], office: QuietOffice, there: There
    ) -> AsyncIterator[Change]:
        """Apply kind after kind until nothing is left that can be decided."""
        wanted = {name: handler for name, handler in handlers.items() if name in self.kinds}
        applier = self._applier(side, wanted, office)
        for _ in range(_ROUNDS):
            decided = True
            while decided:
                decided = False
                for kind in wanted:
                    while await applier.step(kind) <= 0:
                        decided = True
                        for intended in self.rehearsal.taken():
                            async for change in there.changes(intended):
                                yield change
            if (wait := await self._until_due(side, list(wanted))) is None:
                return
            await self.core.clock.sleep(wait)

    async def _until_due(self, side: str, kinds: Sequence[str]) -> float | None:
        """Seconds until rows that failed are tried again; none where none will be soon."""
        backlog = (await self.scratch.inbox.backlog(self.connection.id, side, kinds)).values()
        now = self.core.clock.now()
        waits = [0.5 for each in backlog if each.due]
        waits += [(each.next_due - now).total_seconds() for each in backlog if each.next_due is not None]
        soonest = min(waits, default=_LONGEST_WAIT)
        return max(0.0, soonest) if soonest < _LONGEST_WAIT else None

    def _applier(self, side: str, handlers: Mapping[str, Handler], office: QuietOffice) -> Applier:
        database, clock, id_ = self.scratch.database, self.scratch.clock, self.connection.id
        mapping = mapping_of(self.connection.settings.mapping.rules)
        return Applier(
            id_,
            side,
            settings=self.connection.settings,
            handlers=mapped(handlers, mapping, side),
            inbox=self.scratch.inbox,
            directory=SideDirectory(database, id_, side),
            entities=SideEntities(database, id_, side),
            intents=SideIntents(database, clock, id_, side),
            office=office,
            pauses=self.scratch.pauses,
            clock=clock,
            metrics=Metrics(),
            tally=Tally(self.scratch.runs),
            breaker=Breaker(BreakerPolicy(ratio=2.0)),  # never opens: everything is to be told
            two_way=two_way(database, clock, id_, side, mapping),
        )


@dataclass(slots=True)
class _Counting:
    """Implements `Progress`."""

    found: DryRun
    inner: Progress | None

    async def __call__(self, *, read: int = 0, published: int = 0, skipped: int = 0) -> None:
        """Counts to add."""
        self.found.read += read
        if self.inner is not None:
            await self.inner(read=read, published=published, skipped=skipped)
