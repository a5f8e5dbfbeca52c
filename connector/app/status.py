"""What is going on, as `paylayer status` and `/api/status` tell it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connector.app.core import Core
from connector.app.sync_log_keeping import told_of
from connector.app.sync_report import times_of
from connector.app.syncs import report
from connector.budget.shared import SharedBudget
from connector.state.connections import Connection
from connector.state.inbox import Counts
from connector.state.pauses import Pause
from contracts.entities import KINDS
from contracts.topics import SIDES


@dataclass(frozen=True, slots=True)
class EntityStatus:
    """Rows of one kind on one side."""

    waiting: int
    retrying: int
    rejected: int
    applied: int
    oldest: datetime | None
    last_written: datetime | None = None


@dataclass(frozen=True, slots=True)
class PauseStatus:
    """Why a side stands still, since when, and when it tries by itself: none = only a person ends it."""

    kind: str
    reason: str
    since: datetime
    next_probe: datetime | None
    probes: int


@dataclass(frozen=True, slots=True)
class SideStatus:
    """One side of a connection; `waiting` counts every row that is not applied yet for any reason but refusal."""

    waiting: int
    retrying: int
    rejected: int
    applied: int
    paused: str | None
    pause: PauseStatus | None
    oldest_waiting: datetime | None
    entities: dict[str, EntityStatus]


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """Calls of the running window, as far as they are known."""

    limit: int
    used: int
    window_seconds: float


@dataclass(frozen=True, slots=True)
class SyncLogStatus:
    """One data type of SparkLayer's sync log: what there is to tell, when it was told, and whether it was refused."""

    last_update: datetime | None
    full_sync_started: datetime | None
    last_full_sync: datetime | None
    last_full_sync_succeeded: bool | None
    told_at: datetime | None
    refused: str | None


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """One connection."""

    id: str
    state: str
    sides: dict[str, SideStatus]
    budget: BudgetStatus
    calls: dict[str, int]
    sync: dict[str, object] | None
    conflicts: int  # changes of both sides that did not know of each other, as far as they are on record
    problems: int = 0
    sync_log: dict[str, SyncLogStatus] = field(default_factory=dict)  # by data type
    notes: list[str] = field(default_factory=list)  # what its settings leave out, for people


async def statuses(core: Core, only: str | None = None) -> list[ConnectionStatus]:
    """The status of every connection, or of one. Raises `UserFault` for an unknown one."""
    known = [await core.connections.get(only)] if only else await core.connections.all()
    counted = await core.census.counts(only)
    paused = await core.pauses.all()
    conflicts = await core.conflicts.counts(only)
    problems = await core.problems.counts(only)
    return [await _status(core, connection, counted, paused, conflicts, problems=problems) for connection in known]


def _pause(pause: Pause | None) -> PauseStatus | None:
    if pause is None:
        return None
    return PauseStatus(pause.kind, pause.reason, pause.since, pause.probe_at, pause.probes)


async def _status(
    core: Core,
    connection: Connection,
    counted: Mapping[tuple[str, str, str], Counts],
    paused: Mapping[tuple[str, str], Pause],
    conflicts: Mapping[str, int],
    *,
    problems: Mapping[str, int],
) -> ConnectionStatus:
    pauses = {side: paused[connection.id, side] for side in SIDES if (connection.id, side) in paused}
    written = await core.last_writes.read(connection.id)
    sides: dict[str, SideStatus] = {}
    for side in SIDES:
        entities = {
            entity: EntityStatus(
                count.waiting,
                count.retrying,
                count.rejected,
                count.applied,
                count.oldest,
                written.get((connection.id, side, entity)),
            )
            for entity in sorted(KINDS)
            if (count := counted.get((connection.id, side, entity))) is not None
        }
        sides[side] = SideStatus(
            waiting=sum(entity.waiting for entity in entities.values()),
            retrying=sum(entity.retrying for entity in entities.values()),
            rejected=sum(entity.rejected for entity in entities.values()),
            applied=sum(entity.applied for entity in entities.values()),
            paused=pauses[side].reason if side in pauses else None,
            pause=_pause(pauses.get(side)),
            oldest_waiting=min((e.oldest for e in entities.values() if e.oldest is not None), default=None),
            entities=entities,
        )
    budget = SharedBudget(
        core.budgets,
        connection.sparkpay.url,
        clock=core.clock,
        limit=connection.settings.sparkpay.limit,
        period=connection.settings.sparkpay.window_seconds,
    )
    window = await budget.snapshot()
    run = await core.runs.latest(connection.id)
    return ConnectionStatus(
        id=connection.id,
        state=connection.state,
        sides=sides,
        budget=BudgetStatus(window.limit, window.used, window.window_seconds),
        calls=await core.usage.read(connection.id),
        sync=None if run is None else report(run),
        conflicts=conflicts.get(connection.id, 0),
        problems=problems.get(connection.id, 0),
        sync_log=await _sync_log(core, connection),
        notes=_notes(connection),
    )


def _notes(connection: Connection) -> list[str]:
    settings = connection.settings
    if settings.b2b.customer_type_ids or "customer" not in settings.kinds_from("sparkpay"):
        return []
    remedy = f"paylayer connections update {connection.id} --b2b-customer-types all"
    return [f"no customer type is served, so customers are not read from Spark Pay: {remedy}"]


async def _sync_log(core: Core, connection: Connection) -> dict[str, SyncLogStatus]:
    told = await told_of(core, connection.id)
    found: dict[str, SyncLogStatus] = {}
    for times in await times_of(core, connection, [name for name, one in told.items() if one.unknown]):
        one = told[times.data_type]
        found[times.data_type] = SyncLogStatus(
            times.updated,
            times.started,
            times.finished,
            times.succeeded,
            None if one.told_at is None else datetime.fromisoformat(one.told_at),
            one.refused or one.refused_part,
        )
    return found
