"""The first half of a rebuild: what the compacted topics tell, into the inbox and into the producers' memory."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from aiokafka import ConsumerRecord

from connector.app.core import Core
from connector.bus.bounded import read_all
from connector.bus.incoming import Incoming, read_record
from connector.engine.book import ConnectionBook
from connector.engine.linking import PLATFORMS, Linker
from connector.engine.metrics import Metrics
from connector.engine.sink import InboxSink
from connector.ports import Holder
from connector.sparkpay.ledger import SOURCE
from connector.sparkpay.recall import Recollection
from connector.state.claims import SkuClaims, source_side
from connector.state.database import Database
from connector.state.links import Links
from connector.state.observations import SourceMemory
from contracts.events import entity_name
from contracts.topics import SIDES, TopicNames

_WHAT = "reading the topics"

Read = Callable[[int], None]
"""Told of every batch how many records it had."""


class ShownClaims(SkuClaims):
    """Who has a SKU on a side; where nobody knows any more, whose it is at its source.

    An event of another service finds its product by item number, and the sides are not looked at yet.
    """

    def __init__(self, db: Database) -> None:
        super().__init__(db)

    async def holders(self, connection: str, side: str, skus: Sequence[str]) -> dict[str, list[Holder]]:
        """As `SkuClaims.holders`."""
        found = await super().holders(connection, side, skus)
        return {**await super().holders(connection, source_side(SOURCE), skus), **found}


@dataclass(frozen=True, slots=True)
class Restored:
    """What the topics gave for one connection: rows of the inbox, and what the producers remember again."""

    rows: int
    observed: int


async def restore(core: Core, ids: Sequence[str], on_read: Read) -> dict[str, Restored]:
    """Read every source topic up to its end as it is now, whatever the consumer groups have committed.

    Afterwards every row of these connections is in doubt. Records that nobody can read, and those of other
    connections, are left out: they are dead letters, or somebody else's. Safe to repeat. Raises `Unavailable`.
    """
    names = TopicNames(core.settings.topic_prefix)
    book = ConnectionBook(core.connections, core.clock)
    recollections = {id_: Recollection(SourceMemory(core.database, core.clock, id_, SOURCE)) for id_ in ids}
    sinks = {side: _sink(core, side, book) for side in SIDES}
    linked_later = False
    for side, sink in sinks.items():
        async for batch in _events(core, names.all_sources(), side, ids):
            on_read(len(batch))
            if side == SIDES[0]:
                for id_, recollection in recollections.items():
                    await recollection.note([one.event for one in batch if one.event.connection == id_])
            linked_later = linked_later or any(map(_is_foreign_product, batch))
            await sink.take([one for one in batch if not _is_foreign_product(one)])
    for recollection in recollections.values():
        await recollection.finish()
    for side, sink in sinks.items() if linked_later else ():  # now that it is known whose each item number is
        async for batch in _events(core, [names.of("product")], side, ids):
            await sink.take([one for one in batch if _is_foreign_product(one)])
    rows = {id_: sum([await core.inbox.doubt(id_, side) for side in SIDES]) for id_ in ids}
    return {id_: Restored(rows[id_], recollections[id_].restored) for id_ in ids}


def _sink(core: Core, side: str, book: ConnectionBook) -> InboxSink:
    return InboxSink(
        side,
        inbox=core.inbox,
        book=book,
        linker=Linker(core.inbox, ShownClaims(core.database), Links(core.database), side),
        clock=core.clock,
        metrics=Metrics(),
        wake=lambda _connection, _side, _entity: None,
    )


async def _events(
    core: Core, topics: Sequence[str], side: str, ids: Sequence[str]
) -> AsyncIterator[Sequence[Incoming]]:
    names, wanted = TopicNames(core.settings.topic_prefix), set(ids)

    def event_of(record: ConsumerRecord) -> Incoming | None:
        found = read_record(record, side, names)
        return found if isinstance(found, Incoming) and found.event.connection in wanted else None

    async for records in read_all(core.settings, topics, what=_WHAT):
        yield [found for record in records if (found := event_of(record)) is not None]


def _is_foreign_product(incoming: Incoming) -> bool:
    event = incoming.event
    return entity_name(event) == "product" and event.data.key.partition(":")[0] not in PLATFORMS
