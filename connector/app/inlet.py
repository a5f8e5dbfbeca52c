"""The way of an event past Kafka: from a producer straight into an inbox, and refusals onto a list."""

from collections import Counter
from collections.abc import Callable, Sequence

from connector.app.core import Core
from connector.bus.dead_letters import DeadLetterOffice, Refusal
from connector.bus.incoming import Incoming
from connector.bus.record import HeaderList, Place, Record
from connector.engine.book import ConnectionBook
from connector.engine.linking import Linker
from connector.engine.metrics import Metrics
from connector.engine.sink import InboxSink
from connector.ports import Priority
from connector.state.links import Links
from contracts.events import Event, encode, entity_name
from contracts.topics import SIDES, TopicNames


class QuietOffice(DeadLetterOffice):
    """Tells of what would become a dead letter."""

    def __init__(self, tell: Callable[[Refusal], None]) -> None:
        self._tell = tell

    async def refuse(self, record: Record, side: str, refusal: Refusal) -> Place:  # noqa: ARG002
        """Nothing is sent."""
        self._tell(refusal)
        return Place(record.topic, record.partition, record.offset)


class Inlet:
    """An outlet that leads into the inbox; implements `Outlet`."""

    def __init__(self, scratch: Core, office: DeadLetterOffice) -> None:
        self._names = TopicNames(scratch.settings.topic_prefix)
        self._office = office
        self._told: Counter[str] = Counter()
        book = ConnectionBook(scratch.connections, scratch.clock)
        self._sinks = {
            side: InboxSink(
                side,
                inbox=scratch.inbox,
                book=book,
                linker=Linker(scratch.inbox, scratch.claims, Links(scratch.database), side),
                clock=scratch.clock,
                metrics=Metrics(),
                wake=lambda _connection, _side, _entity: None,
            )
            for side in SIDES
        }

    async def publish(self, events: Sequence[Event], priority: Priority, target: str | None = None) -> None:
        """Return when the inbox has them."""
        for side, sink in self._sinks.items():
            if target not in (None, side):
                continue
            incoming = [self._incoming(event, priority) for event in events]
            for one, refusal in zip(incoming, await sink.take(incoming), strict=True):
                if refusal is not None:
                    await self._office.refuse(one, side, refusal)

    def _incoming(self, event: Event, priority: Priority) -> Incoming:
        key, value, headers = encode(event)
        topic = self._names.of(entity_name(event))
        self._told[topic] += 1
        kept: HeaderList = tuple(headers)
        return Incoming(event, topic, 0, self._told[topic], key, value, kept, None, priority)
