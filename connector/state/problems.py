"""Sync problems: entities, and parts of them, that are not where they should be, until that is mended."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Literal, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock
from connector.state.among import among
from connector.state.columns import Moment
from connector.state.database import Database
from connector.state.tables import inbox, sync_problems, unmapped

_CHUNK = 500
PATIENCE = timedelta(minutes=15)
"""What waits or fails for less than this may well mend itself: a product is followed by its stock."""

Trouble = Literal["left-out", "refused", "waiting", "failing", "unmapped", "note"]
"""Left out of what was written; refused whole (its dead letter says more); waits for something else; fails and is
tried again; shown by a platform and not to be said in PayLayer's words; written whole, but not quite as it was."""


class Skipped(Protocol):
    """Anything that says which part was left out and why, for instance a handler's own `Skip`."""

    @property
    def code(self) -> str:
        """Stable, for programs."""
        ...

    @property
    def message(self) -> str:
        """For people."""
        ...

    @property
    def part(self) -> str | None:
        """None: the whole entity."""
        ...

    @property
    def note(self) -> bool:
        """Nothing was left out; somebody should know all the same."""
        ...


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing about an entity that somebody should mend."""

    code: str
    message: str
    part: str | None = None
    note: bool = False


@dataclass(frozen=True, slots=True)
class SyncProblem:
    """A stored problem: whose it is and since when. `side` is written to, or where it is `unmapped` read."""

    connection: str
    side: str
    entity: str
    key: str
    part: str | None
    code: str
    message: str
    since: datetime
    trouble: Trouble = "left-out"


class Problems:
    """The problems of all entities: what handlers left out, rows of the inbox, what readers could not map."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def replace(self, connection: str, side: str, entity: str, key: str, problems: Sequence[Skipped]) -> None:
        """These are all problems of that entity now; one that was there keeps its `since`."""
        async with self._db.begin() as transaction:
            await replace(transaction, connection, side, {(entity, key): problems}, self._clock.now())

    async def list(
        self, connection: str | None = None, limit: int = 1000, *, kinds: Collection[str] | None = None
    ) -> Sequence[SyncProblem]:
        """The newest problems of one connection or of all, of some kinds of entity or of all; notes come last."""
        found: list[SyncProblem] = []
        async with self._db.read() as transaction:
            for statement in (*self._statements(connection), _left_out("note", _of(connection))):
                listed = statement.subquery()
                chosen = sa.select(listed).order_by(listed.c.since.desc(), listed.c.key, listed.c.entity).limit(limit)
                if kinds is not None:
                    chosen = chosen.where(listed.c.entity.in_(sorted(kinds)))
                found += [_problem(row) for row in await transaction.execute(chosen)]
        found.sort(key=lambda one: (one.key, one.entity, one.part or "", one.code))
        found.sort(key=lambda one: (one.trouble != "note", one.since), reverse=True)
        return found[:limit]

    async def counts(self, connection: str | None = None) -> Mapping[str, int]:
        """How many there are, by connection; notes do not count."""
        counted: dict[str, int] = {}
        async with self._db.read() as transaction:
            for statement in self._statements(connection):
                listed = statement.subquery()
                grouped = sa.select(listed.c.connection, sa.func.count()).group_by(listed.c.connection)
                for row in await transaction.execute(grouped):
                    counted[row[0]] = counted.get(row[0], 0) + int(row[1])
        return counted

    def _statements(self, connection: str | None) -> Sequence[sa.Select[Any]]:
        """Each finds its rows by an index of their own, however many others there are."""
        of = _of(connection)
        not_mapped = sa.select(
            unmapped.c.connection,
            unmapped.c.source.label("side"),
            *(unmapped.c[name] for name in ("entity", "key", "part", "code", "message", "since")),
            sa.literal("unmapped").label("trouble"),
        )
        long_ago = self._clock.now() - PATIENCE
        return [
            _left_out("left-out", of),
            not_mapped.where(*(unmapped.c.connection == one for one in of)),
            _rows("refused", sa.text("state = 'rejected'"), of),
            _rows("failing", sa.text("state = 'retrying'"), of).where(_troubled_since <= long_ago),
            _rows("waiting", inbox.c.waiting_for.is_not(None), of).where(_troubled_since <= long_ago),
        ]


_troubled_since = sa.func.coalesce(inbox.c.waiting_since, inbox.c.received_at, type_=Moment)


def _of(connection: str | None) -> Sequence[str]:
    return [] if connection is None else [connection]


def _left_out(trouble: Literal["left-out", "note"], of: Sequence[str]) -> sa.Select[Any]:
    return sa.select(
        *(column for column in sync_problems.c if column.name != "note"), sa.literal(trouble).label("trouble")
    ).where(
        sync_problems.c.note.is_(sa.true() if trouble == "note" else sa.false()),
        *(sync_problems.c.connection == one for one in of),
    )


def _rows(trouble: Trouble, which: sa.ColumnElement[bool] | sa.TextClause, of: Sequence[str]) -> sa.Select[Any]:
    """Rows of the inbox; `which` as the partial index spells it."""
    return sa.select(
        inbox.c.connection,
        inbox.c.side,
        inbox.c.entity,
        inbox.c.key,
        sa.literal("").label("part"),
        sa.func.coalesce(inbox.c.error_code, trouble).label("code"),
        sa.func.coalesce(inbox.c.error_message, "").label("message"),
        _troubled_since.label("since"),
        sa.literal(trouble).label("trouble"),
    ).where(which, *(inbox.c.connection == one for one in of))


def _problem(row: sa.Row[Any]) -> SyncProblem:
    return SyncProblem(
        row.connection,
        row.side,
        row.entity,
        row.key,
        row.part or None,
        row.code,
        row.message,
        row.since,
        row.trouble,
    )


async def replace(
    transaction: AsyncConnection,
    connection: str,
    side: str,
    problems: Mapping[tuple[str, str], Sequence[Skipped]],
    now: datetime,
) -> None:
    """`Problems.replace` of several (entity, key) within a transaction; what has none and had none costs nothing."""
    side_of = (sync_problems.c.connection == connection, sync_problems.c.side == side)
    since: dict[tuple[str, str, str, str], datetime] = {}
    for entity, group in groupby(sorted(problems), key=lambda name: name[0]):
        keys = [key for _, key in group]
        for start in range(0, len(keys), _CHUNK):
            whose = (
                *side_of,
                sync_problems.c.entity == entity,
                among(sync_problems.c.key, keys[start : start + _CHUNK]),
            )
            found = (await transaction.execute(sa.select(sync_problems).where(*whose))).all()
            if found:
                since |= {(entity, row.key, row.part, row.code): row.since for row in found}
                await transaction.execute(sa.delete(sync_problems).where(*whose))
    rows = {
        name: {
            "connection": connection,
            "side": side,
            "entity": entity,
            "key": key,
            "part": problem.part or "",
            "code": problem.code,
            "message": problem.message,
            "since": since.get(name, now),
            "note": problem.note,
        }
        for (entity, key), listed in problems.items()
        for problem in listed
        for name in [(entity, key, problem.part or "", problem.code)]
    }
    if rows:
        await transaction.execute(sa.insert(sync_problems), list(rows.values()))
