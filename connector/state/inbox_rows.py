"""What goes into the inbox and what comes out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from connector.ports import Doubt, Priority
from connector.state.columns import EPOCH, headers_of
from contracts.events import Version

RowState = Literal["pending", "waiting", "retrying", "applied", "rejected"]
OPEN = ("pending", "waiting", "retrying")  # still to be applied


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record that Kafka brought: the wanted state of one entity on one side."""

    connection: str
    side: str
    entity: str
    key: str
    version_time: datetime
    event_id: str
    deleted: bool
    priority: int
    topic: str
    partition: int
    offset: int
    record_key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes | None]] = ()
    refs: Mapping[str, str] = field(default_factory=dict)
    replay: str | None = None

    @property
    def version(self) -> Version:
        """What decides which of two wanted states is newer."""
        return Version(self.version_time, self.event_id)

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """Connection, side, entity and key: one row of the inbox."""
        return self.connection, self.side, self.entity, self.key


@dataclass(frozen=True, slots=True)
class PutResult:
    """What became of the arrivals: every one is counted once."""

    new: int = 0
    newer: int = 0  # replaced what was wanted before, or opened a rejected row again (a replay)
    repeated: int = 0  # the very event that is there already
    stale: int = 0  # older than what is there


@dataclass(frozen=True, slots=True)
class Row(Arrival):
    """One row of the inbox as it was read: the newest wanted state and what is known of applying it.

    `refs` are the event's, with those that applying brought (`SetApplied.refs`) on top. `revision` and `read_at`
    are how a settlement finds out that something happened to the row meanwhile.
    """

    state: RowState = "pending"
    received_at: datetime = EPOCH
    due_at: datetime | None = None
    attempts: int = 0
    waiting_for: str | None = None
    waiting_since: datetime | None = None
    error_status: int | None = None
    error_code: str | None = None
    error_message: str | None = None
    applied_hash: str | None = None
    applied_event_id: str | None = None
    applied_at: datetime | None = None
    ledger: Mapping[str, Any] = field(default_factory=dict)
    doubt: Doubt = Doubt.NONE
    revision: int = 0
    read_at: datetime = EPOCH

    @property
    def open(self) -> bool:
        """Whether the wanted state is still to be applied."""
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class Backlog:
    """What one kind of entity has to do; `due` is exact up to `BACKLOG_BOUND` and says no more than that above."""

    due: int
    oldest: datetime | None  # when the longest waiting due row arrived
    next_due: datetime | None  # when the next row becomes due that is not due yet


@dataclass(frozen=True, slots=True)
class Counts:
    """Exact numbers of rows. `waiting` is everything not yet applied for any reason but refusal, retrying included."""

    waiting: int = 0
    retrying: int = 0
    rejected: int = 0
    applied: int = 0
    oldest: datetime | None = None


def row_of(found: sa.Row[Any], read_at: datetime) -> Row:
    """A row of the table `inbox`."""
    return Row(
        connection=found.connection,
        side=found.side,
        entity=found.entity,
        key=found.key,
        version_time=found.version_time,
        event_id=found.event_id,
        deleted=bool(found.deleted),
        priority=Priority(found.priority),
        topic=found.topic,
        partition=found.topic_partition,
        offset=found.topic_offset,
        record_key=bytes(found.record_key),
        value=bytes(found.value),
        headers=headers_of(found.headers),
        refs={**found.refs, **(found.applied_refs or {})},
        replay=found.replay,
        state=found.state,
        received_at=found.received_at,
        due_at=found.due_at,
        attempts=found.attempts,
        waiting_for=found.waiting_for,
        waiting_since=found.waiting_since,
        error_status=found.error_status,
        error_code=found.error_code,
        error_message=found.error_message,
        applied_hash=found.applied_hash,
        applied_event_id=found.applied_event_id,
        applied_at=found.applied_at,
        ledger=found.ledger or {},
        doubt=Doubt(found.doubt),
        revision=found.revision,
        read_at=read_at,
    )
