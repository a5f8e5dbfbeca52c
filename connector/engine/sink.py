"""From records to the inbox: the second half of the intake, the one that knows connections and the database."""

from collections.abc import Callable, Mapping, Sequence

from connector.bus.dead_letters import INTAKE, Refusal
from connector.bus.incoming import Incoming
from connector.clock import Clock
from connector.engine.book import ConnectionBook
from connector.engine.linking import Ambiguous, Linker
from connector.engine.metrics import Metrics
from connector.errors import Unstorable
from connector.settings import ConnectionSettings
from connector.state.connections import Connection
from connector.state.inbox import Arrival, Inbox
from contracts.events import Event, entity_name, is_deletion

_DEFAULT = ConnectionSettings()


class InboxSink:
    """Stores events as the desired state of one side. Never waits for a platform."""

    def __init__(
        self,
        side: str,
        *,
        inbox: Inbox,
        book: ConnectionBook,
        linker: Linker,
        clock: Clock,
        metrics: Metrics,
        wake: Callable[[str, str, str], None],
    ) -> None:
        self._side = side
        self._inbox = inbox
        self._book = book
        self._linker = linker
        self._clock = clock
        self._metrics = metrics
        self._wake = wake

    async def concerned(self, records: Sequence[tuple[str | None, bytes | None]]) -> list[bool]:
        """Whether this side may want records of these (kind, key); what it does not want need not be decoded.

        A record whose key names no known connection is looked at where any connection has such a flow, so that it is
        refused by the sides that somebody uses.
        """
        names = [(key or b"").partition(b"/")[0].decode(errors="replace") for _, key in records]
        known = await self._book.covering(set(names))
        strangers: dict[str | None, bool] = {}
        wanted: list[bool] = []
        for (entity, _), name in zip(records, names, strict=True):
            connection = known.get(name)
            if connection is not None and entity is not None:
                wanted.append(connection.settings.to_side(entity, self._side))
                continue
            if entity not in strangers:
                strangers[entity] = entity is None or self._is_used(entity, known)
            wanted.append(strangers[entity])
        self._metrics.intake(self._side, "skipped", wanted.count(False))
        return wanted

    def _is_used(self, entity: str, known: Mapping[str, Connection]) -> bool:
        return any(each.to_side(entity, self._side) for each in (_DEFAULT, *(one.settings for one in known.values())))

    async def take(self, incoming: Sequence[Incoming]) -> list[Refusal | None]:
        """Store a batch; one answer per record, none = taken. Raises when the database does not take it.

        A value that no database takes refuses its own record only: the batch is halved until that stands alone.
        """
        try:
            return await self._take(incoming)
        except Unstorable as error:
            if len(incoming) == 1:
                return [_refusal(incoming[0].event, "unstorable", str(error))]
            middle = len(incoming) // 2
            return [*await self.take(incoming[:middle]), *await self.take(incoming[middle:])]

    async def _take(self, incoming: Sequence[Incoming]) -> list[Refusal | None]:
        known = await self._book.covering({record.event.connection for record in incoming})
        verdicts = [self._wanted(record, known) for record in incoming]
        wanted = [record for record, verdict in zip(incoming, verdicts, strict=True) if verdict is True]
        keys = iter(await self._linker.keys_of([record.event for record in wanted]))
        answers: list[Refusal | None] = []
        arrivals: list[Arrival] = []
        for record, verdict in zip(incoming, verdicts, strict=True):
            answer = verdict if isinstance(verdict, Refusal) else None
            if verdict is True:
                key = next(keys)
                if isinstance(key, Ambiguous):
                    answer = _refusal(record.event, "ambiguous_link", key.message)
                else:
                    arrivals.append(self._arrival(record, key))
            answers.append(answer)
        if arrivals:
            result = await self._inbox.put(arrivals)
            for name in ("new", "newer", "repeated", "stale"):
                self._metrics.intake(self._side, name, getattr(result, name))
            for lane in {(arrival.connection, arrival.entity) for arrival in arrivals}:
                self._wake(lane[0], self._side, lane[1])
        self._metrics.intake(self._side, "skipped", verdicts.count(False))
        return answers

    def _wanted(self, record: Incoming, known: Mapping[str, Connection]) -> bool | Refusal:
        """Whether this side wants the event; false where its flow is off, it came from here, or the connection left."""
        event = record.event
        connection = known.get(event.connection)
        if connection is None:
            if event.connection in self._book.departed():
                return False
            return _refusal(
                event,
                "unknown_connection",
                f"there is no connection {event.connection!r}: add it with paylayer connections add, then replay",
            )
        return event.source != self._side and connection.settings.to_side(entity_name(event), self._side)

    def _arrival(self, record: Incoming, key: str) -> Arrival:
        event = record.event
        return Arrival(
            connection=event.connection,
            side=self._side,
            entity=entity_name(event),
            key=key,
            version_time=event.time,
            event_id=event.id,
            deleted=is_deletion(event),
            priority=int(record.priority),
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            record_key=record.key,
            value=record.value,
            headers=record.headers,
            refs=_refs(event, key),
            replay=record.replay,
        )


def _refs(event: Event, key: str) -> Mapping[str, str]:
    """The event's, and the publisher's own id of an entity that is known by another key."""
    own = event.data.key
    if own == key or ":" not in own:
        return event.data.refs
    system, _, id_ = own.partition(":")
    return {**event.data.refs, system: id_}


def _refusal(event: Event, code: str, message: str) -> Refusal:
    return Refusal(
        INTAKE,
        "Refused",
        message,
        code=code,
        connection=event.connection,
        entity=entity_name(event),
        key=event.data.key,
    )
