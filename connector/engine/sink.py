"""From records to the inbox: the second half of the intake, the one that knows connections and the database."""

from collections.abc import Callable, Sequence

from connector.bus.dead_letters import INTAKE, Refusal
from connector.bus.incoming import Incoming
from connector.clock import Clock
from connector.engine.book import ConnectionBook
from connector.engine.linking import Ambiguous, Linker
from connector.engine.metrics import Metrics
from connector.state.inbox import Arrival, Inbox
from contracts.events import Event, entity_name, is_deletion


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
        wake: Callable[[str, str], None],
    ) -> None:
        self._side = side
        self._inbox = inbox
        self._book = book
        self._linker = linker
        self._clock = clock
        self._metrics = metrics
        self._wake = wake

    async def take(self, incoming: Sequence[Incoming]) -> list[Refusal | None]:
        """Store a batch; one answer per record, none = taken. Raises when the database does not take it."""
        answers: list[Refusal | None] = []
        arrivals: list[Arrival] = []
        skipped = 0
        for record in incoming:
            verdict = await self._judge(record)
            answers.append(verdict if isinstance(verdict, Refusal) else None)
            if isinstance(verdict, Arrival):
                arrivals.append(verdict)
            elif verdict is None:
                skipped += 1
        if arrivals:
            result = await self._inbox.put(arrivals)
            for name in ("new", "newer", "repeated", "stale"):
                self._metrics.intake(self._side, name, getattr(result, name))
            for connection in {arrival.connection for arrival in arrivals}:
                self._wake(connection, self._side)
        self._metrics.intake(self._side, "skipped", skipped)
        return answers

    async def _judge(self, record: Incoming) -> Arrival | Refusal | None:
        event = record.event
        connection = await self._book.find(event.connection)
        if connection is None:
            return _refusal(
                event,
                "unknown_connection",
                f"there is no connection {event.connection!r}: add it with paylayer connections add, then replay",
            )
        if not connection.settings.to_side(entity_name(event), self._side) or event.source == self._side:
            return None
        key = await self._linker.key_of(event)
        if isinstance(key, Ambiguous):
            return _refusal(event, "ambiguous_link", key.message)
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
            refs=dict(event.data.refs),
            replay=record.replay,
        )


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
