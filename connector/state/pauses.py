"""Sides that stand still until somebody acts or a probe succeeds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock
from connector.state.database import Database
from connector.state.tables import connections, side_pauses
from connector.state.upsert import insert, upsert

PauseKind = Literal["credentials", "scope", "breaker", "by hand"]
"""Why: refused credentials; no permission to write; nearly all rows refused; a person, or what one has to confirm."""

BY_HAND: PauseKind = "by hand"
OF_WRITING: frozenset[PauseKind] = frozenset({"scope", "breaker"})
"""Those of which reading knows nothing."""
BY_ACCESS: frozenset[PauseKind] = frozenset({"credentials", "scope"})
"""Those that may be over once a harmless read succeeds."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Why and since when a side stands still; `probe_at` is when one row may try again, none = never by itself."""

    reason: str
    since: datetime
    probe_at: datetime | None
    kind: PauseKind = BY_HAND
    probes: int = 0  # that failed

    @property
    def stops_reading(self) -> bool:
        """Whether the side is not read either."""
        return self.kind not in OF_WRITING

    def probe_is_due(self, now: datetime) -> bool:
        """Whether it is time to try."""
        return self.probe_at is not None and self.probe_at <= now


class SidePauses:
    """Pauses per connection and side."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def pause(
        self,
        connection: str,
        side: str,
        reason: str,
        resume_probe_at: datetime | None = None,
        *,
        kind: PauseKind = BY_HAND,
        probes: int = 0,
        version: int | None = None,
    ) -> bool | None:
        """Pause a side; whether it was running, or none where nothing was done.

        One that is paused keeps its `since`, and a pause by hand stays one.

        `version` is that of the connection with which the cause was met: nothing is done where it is another by now,
        for what was wrong may just have been put right.
        """
        values = {
            "connection": connection,
            "side": side,
            "reason": reason,
            "since": self._clock.now(),
            "probe_at": resume_probe_at,
            "kind": kind,
            "probes": probes,
        }
        statement = upsert(self._db, side_pauses, keep=("since",))
        if kind != BY_HAND:
            statement = upsert(self._db, side_pauses, keep=("since",), where=side_pauses.c.kind != BY_HAND)
        first = insert(self._db, side_pauses).on_conflict_do_nothing()
        async with self._db.begin() as transaction:
            if version is not None and await self._is_past(transaction, connection, version):
                return None
            if (await transaction.execute(first, values)).rowcount:
                return True
            await transaction.execute(statement, values)
            return False

    async def _is_past(self, transaction: AsyncConnection, connection: str, version: int) -> bool:
        """Whether the connection is not the one of that version; until the transaction ends it stays as it is."""
        now = sa.select(connections.c.version).where(connections.c.id == connection).with_for_update(read=True)
        return (await transaction.execute(now)).scalar_one_or_none() != version

    async def probe_failed(self, connection: str, side: str, probe_at: datetime) -> None:
        """Try again then; nothing happens to a pause by hand, or where there is none any more."""
        async with self._db.begin() as transaction:
            await transaction.execute(
                sa.update(side_pauses)
                .where(*_of(connection, side), side_pauses.c.kind != BY_HAND)
                .values(probe_at=probe_at, probes=side_pauses.c.probes + 1)
            )

    async def end(self, connection: str, side: str, kind: PauseKind) -> bool:
        """A probe succeeded: end a pause of that kind. False where there is none."""
        async with self._db.begin() as transaction:
            done = await transaction.execute(
                sa.delete(side_pauses).where(*_of(connection, side), side_pauses.c.kind == kind)
            )
        return bool(done.rowcount)

    async def resume(self, connection: str, side: str) -> None:
        """End a pause, whoever made it; nothing happens where there is none."""
        async with self._db.begin() as transaction:
            await transaction.execute(sa.delete(side_pauses).where(*_of(connection, side)))

    async def paused(self, connection: str) -> dict[str, Pause]:
        """The sides of a connection that stand still."""
        async with self._db.read() as transaction:
            found = await transaction.execute(sa.select(side_pauses).where(side_pauses.c.connection == connection))
            return {row.side: _pause(row) for row in found}

    async def all(self) -> dict[tuple[str, str], Pause]:
        """Every pause, by connection and side."""
        async with self._db.read() as transaction:
            found = await transaction.execute(sa.select(side_pauses))
            return {(row.connection, row.side): _pause(row) for row in found}


def _of(connection: str, side: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return side_pauses.c.connection == connection, side_pauses.c.side == side


def _pause(row: sa.Row[tuple[object, ...]]) -> Pause:
    return Pause(row.reason, row.since, row.probe_at, row.kind, row.probes)
