"""What one entity comes to: as its source shows it, as PayLayer understands it, as the other side would be told.

The readings, the mapping, the rules and the handlers are those of the service; only the clients are others: they read,
and write nothing. Neither the topics nor the inbox hear of it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from connector.app.core import Core
from connector.app.platforms import Platforms, Transport, real_network
from connector.app.sources import Found, Source
from connector.app.sparklayer_source import SparkLayerSource
from connector.app.sparkpay_source import SparkPaySource
from connector.budget.shared import SharedBudget
from connector.engine.metrics import Metrics
from connector.engine.usage import CallMeter
from connector.errors import UserFault
from connector.mapping_rules import RuleFailed, mapping_of
from connector.ports import Desired, Holder
from connector.rehearsal import Heard, Intended, Rehearsal
from connector.sparklayer import SparkLayerClient
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.rehearsal import FIRST_ID
from connector.state.claims import SideDirectory
from connector.state.connections import Connection
from connector.state.entities import SideEntities
from connector.state.inbox import Row
from contracts.entities import KINDS, Entity
from contracts.topics import SIDES
from handlers import sparklayer as to_sparklayer
from handlers import sparkpay as to_sparkpay
from handlers.mapped import mapped
from handlers.outcome import (
    Applied,
    Context,
    EntityDirectory,
    Failed,
    Handler,
    Outcome,
    Rejected,
    SkuDirectory,
    Task,
    Waiting,
)

_SOMEBODY = "(to come)"


@dataclass(frozen=True, slots=True)
class Previewed:
    """One entity on its way.

    `mapped` is none where the connection has no rules for it; `outcome` says in words what would become of it, and
    `needed` whether anything would be sent at all, as the other side has it last.
    """

    key: str
    entity: Entity
    mapped: Entity | None
    requests: Sequence[Intended]
    outcome: str
    needed: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """Everything that was found under one id."""

    connection: str
    kind: str
    source: str
    side: str
    read: Sequence[Heard]
    entities: Sequence[Previewed]
    calls: Mapping[str, int] = field(default_factory=dict)


async def preview(
    core: Core, id_: str, kind: str, entity_id: str, *, source: str | None = None, transport: Transport = real_network
) -> Preview:
    """Raises `UserFault` where the id is unknown or the kind does not flow from there, and what platforms raise."""
    connection = await core.connections.get(id_)
    source = source or _usual_source(connection, kind)
    if source not in SIDES:
        raise UserFault(f"--from {source!r}: write sparkpay or sparklayer")
    side = next(each for each in SIDES if each != source)
    rehearsal = Rehearsal()
    async with _clients(core, connection, rehearsal, transport) as (pay, layer):
        reader: Source = (
            SparkPaySource(pay, connection.settings, core.clock)
            if source == "sparkpay"
            else SparkLayerSource(layer, connection.settings, core.clock)
        )
        found = await _read(reader, kind, entity_id, rehearsal)
        if not found:
            raise UserFault(f"{connection.id} has no {kind} {entity_id!r} on {source}: {reader.named_by(kind)}")
        mapping = mapping_of(connection.settings.mapping.rules)
        handlers = mapped(_handlers(side, pay, layer), mapping, side)
        stage = _Stage(core, connection, side, reader, handlers, rehearsal)
        shown = [await stage.show(one) for one in found]
    return Preview(connection.id, kind, source, side, rehearsal.heard, shown, dict(rehearsal.calls))


def _usual_source(connection: Connection, kind: str) -> str:
    """Where the connection's flow says that it comes from; Spark Pay where that leaves a choice."""
    if kind not in KINDS:
        raise UserFault(f"--entity {kind!r}: write {', '.join(KINDS)}")
    to_pay = connection.settings.to_side(kind, "sparkpay")
    return "sparklayer" if to_pay and not connection.settings.to_side(kind, "sparklayer") else "sparkpay"


@asynccontextmanager
async def _clients(
    core: Core, connection: Connection, rehearsal: Rehearsal, transport: Transport
) -> AsyncIterator[tuple[SparkPayClient, SparkLayerClient]]:
    platforms = Platforms(core, CallMeter(core.usage, Metrics()), transport)
    budget: SharedBudget = platforms.budget(connection)
    try:
        async with (
            platforms.sparkpay(connection, budget, rehearsal=rehearsal) as pay,
            platforms.sparklayer(connection, rehearsal=rehearsal) as layer,
        ):
            yield pay, layer
    finally:
        await budget.close()


async def _read(reader: Source, kind: str, entity_id: str, rehearsal: Rehearsal) -> Sequence[Found]:
    await reader.prepare()
    rehearsal.listening = True
    try:
        return await reader.read(kind, entity_id)
    finally:
        rehearsal.listening = False


def _handlers(side: str, pay: SparkPayClient, layer: SparkLayerClient) -> Mapping[str, Handler]:
    return to_sparklayer.handlers(layer) if side == "sparklayer" else to_sparkpay.handlers(pay)


@dataclass(frozen=True, slots=True)
class _Stage:
    """One preview: where it reads, where it would write."""

    core: Core
    connection: Connection
    side: str
    reader: Source
    handlers: Mapping[str, Handler]
    rehearsal: Rehearsal

    async def show(self, found: Found) -> Previewed:
        """What the handler would send."""
        rules = mapping_of(self.connection.settings.mapping.rules).of(self.side, found.kind)
        entity: Entity | None = None
        if rules is not None:
            try:
                entity = rules.apply(found.entity)
            except RuleFailed as error:
                return Previewed(found.key, found.entity, None, (), f"refused by the field mapping: {error}", True)
        if found.kind not in self.handlers:
            words = f"nothing applies a {found.kind} to {self.side}"
            return Previewed(found.key, found.entity, entity, (), words, needed=False)
        row = await self.core.inbox.get(self.connection.id, self.side, found.kind, found.key)
        outcome = await self._apply(found, row, self._context())
        words = in_words(outcome, self.side)
        if isinstance(outcome, Waiting):  # what would be sent once that is there
            await self._bring(outcome.for_)
            outcome = await self._apply(found, row, self._later())
            words += f"; then {in_words(outcome, self.side)}"
        needed = True
        if row is not None and row.applied_hash is not None and isinstance(outcome, Applied):
            needed = outcome.hash != row.applied_hash
        return Previewed(found.key, found.entity, entity, self.rehearsal.taken(), words, needed)

    async def _apply(self, found: Found, row: Row | None, context: Context) -> Outcome:
        """As if it were not there as it should be: what is remembered of it counts, but for that."""
        refs = {**found.entity.refs, **({} if row is None else row.refs)}
        ledger = {} if row is None else row.ledger
        task = Task(self.connection.id, found.key, found.entity, refs=refs, ledger=ledger)
        (outcome,) = await self.handlers[found.kind].apply([task], context)
        return outcome

    async def _bring(self, wanted: str) -> None:
        """Let the handlers believe that what is waited for was brought (a group that is known to the site only)."""
        kind, _, key = wanted.partition(":")
        if kind in self.handlers:
            for first in await self.reader.read(kind, key.removeprefix("sparkpay:")):
                await self._apply(first, None, self._later())
        self.rehearsal.taken()

    def _context(self) -> Context:
        database, id_ = self.core.database, self.connection.id
        return Context(
            settings=self.connection.settings,
            skus=SideDirectory(database, id_, self.side),
            now=self.core.clock.now(),
            known=SideEntities(database, id_, self.side),
            intents=Unmarked(),
        )

    def _later(self) -> Context:
        context = self._context()
        return replace(context, skus=AllSold(context.skus), known=AllThere(context.known, self.side))


@dataclass(frozen=True, slots=True)
class AllSold:
    """A directory in which every SKU is sold, as it will be when its product is applied."""

    known: SkuDirectory

    async def holders(self, skus: Sequence[str]) -> Mapping[str, Sequence[Holder]]:
        """Those that hold a SKU, or somebody."""
        found = await self.known.holders(skus)
        return {sku: [*found.get(sku, ()), Holder(_SOMEBODY, _SOMEBODY, "live")] for sku in skus}

    async def desired(self, product: str) -> Desired:
        """As it is."""
        return await self.known.desired(product)


@dataclass(frozen=True, slots=True)
class AllThere:
    """A directory in which everything is there, as it will be when it is applied."""

    known: EntityDirectory
    side: str

    async def refs(self, entity: str, keys: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """The ids of what is there, and ids that stand for those to come."""
        found = await self.known.refs(entity, keys)
        return {key: found.get(key) or {self.side: str(FIRST_ID)} for key in keys}


class Unmarked:
    """Intents of a rehearsal: nothing is marked, because nothing is sent."""

    async def first(self, _entity: str, _key: str, _step: str) -> bool:
        """Every call is the first."""
        return True

    async def displaces(self, _product: str, _sku: str, _part: str) -> None:
        """Nobody has to leave anything."""


def in_words(outcome: Outcome, side: str) -> str:
    """What would become of an entity."""
    match outcome:
        case Applied():
            skipped = [skip.message for skip in outcome.skips]
            return f"taken by {side}" + (f"; without: {'; '.join(skipped)}" if skipped else "")
        case Rejected():
            return f"refused, {outcome.code}: {outcome.message}"
        case Waiting():
            return f"waits for {outcome.for_}: {outcome.message}"
        case Failed():
            return f"not decided: {outcome.message}"
        case _:
            return "looked at, not decided"


def report(shown: Preview) -> dict[str, Any]:
    """The JSON shape of `paylayer mapping preview --json`."""
    return {
        "connection": shown.connection,
        "entity": shown.kind,
        "source": shown.source,
        "side": shown.side,
        "read": [
            {"method": one.method, "path": one.path, "status": one.status, "body": one.answer} for one in shown.read
        ],
        "entities": [
            {
                "key": one.key,
                "canonical": one.entity.model_dump(mode="json", exclude_none=True),
                "mapped": None if one.mapped is None else one.mapped.model_dump(mode="json", exclude_none=True),
                "requests": [{"method": call.method, "path": call.path, "body": call.body} for call in one.requests],
                "outcome": one.outcome,
                "needed": one.needed,
            }
            for one in shown.entities
        ],
        "calls": dict(shown.calls),
    }
