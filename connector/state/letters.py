"""What people decided about dead letters. The letters themselves stay in their topics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock
from connector.state.among import among
from connector.state.claims import chunks
from connector.state.columns import headers_of, headers_text
from connector.state.database import Database
from connector.state.tables import letters
from connector.state.upsert import insert

Fate = Literal["new", "replayed", "discarded", "superseded"]
Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a letter, when, and by whom."""

    state: Fate
    replay_id: str | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    note: str | None = None
    edited: bool = False
    edits: int = 0


@dataclass(frozen=True, slots=True)
class Deciding:
    """One decision to record; `mended` where something else than the original was sent, which counts as an edit."""

    id: str
    state: Fate
    note: str | None = None
    mended: bool = False


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be sent instead of the original value and, where given, headers."""

    value: bytes
    headers: Headers | None


class Letters:
    """Decisions by letter id (`<dlt topic>:<partition>:<offset>`); a letter without one is `new`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def states(self, ids: Sequence[str]) -> dict[str, Decision]:
        """The decision about each of these letters."""
        found = {id_: Decision("new") for id_ in ids}
        columns = (column for column in letters.c if column.name not in ("edited_value", "edited_headers"))
        statement = sa.select(*columns, letters.c.edited_value.is_not(None).label("edited"))
        async with self._db.read() as transaction:
            for chunk in chunks(sorted(found)):
                for row in await transaction.execute(statement.where(among(letters.c.id, chunk))):
                    found[row.id] = Decision(
                        row.state,
                        row.replay_id,
                        row.decided_at,
                        row.decided_by,
                        row.note,
                        bool(row.edited),
                        row.edits,
                    )
        return found

    async def mark(
        self, ids: Sequence[str], state: Fate, *, by: str, replay_id: str | None = None, note: str | None = None
    ) -> None:
        """Record one decision about these letters; an edit stays."""
        decisions = [Deciding(id_, state, note) for id_ in sorted(set(ids))]
        if decisions:
            now = self._clock.now()
            await self._db.run(lambda connection: decide(connection, decisions, now, by, replay_id))

    async def restore(self, decided: Mapping[str, tuple[Decision, Edit | None]]) -> None:
        """Take over decisions that another database, or this one, recorded; letters that have one keep their own."""
        statement = insert(self._db, letters).on_conflict_do_nothing()
        rows = [
            {
                "id": id_,
                "state": decision.state,
                "replay_id": decision.replay_id,
                "decided_at": decision.decided_at,
                "decided_by": decision.decided_by,
                "note": decision.note,
                "edits": decision.edits,
                "edited_value": None if edit is None else edit.value,
                "edited_headers": None if edit is None or edit.headers is None else headers_text(edit.headers),
            }
            for id_, (decision, edit) in sorted(decided.items())
        ]
        if rows:
            await self._db.run(lambda connection: connection.execute(statement, rows))

    async def save_edit(self, id: str, value: bytes, headers: Headers | None = None) -> None:  # noqa: A002
        """Keep what a replay will send instead of the original; the letter is new again."""
        edited = {"edited_value": value, "edited_headers": None if headers is None else headers_text(headers)}
        made = insert(self._db, letters).values(id=id, state="new", edits=1, **edited)
        statement = made.on_conflict_do_update(
            index_elements=["id"], set_={**edited, "state": "new", "edits": letters.c.edits + 1}
        )
        async with self._db.begin() as transaction:
            await transaction.execute(statement)

    async def edit_count(self, id: str) -> int:  # noqa: A002
        """How often this letter was mended."""
        statement = sa.select(letters.c.edits).where(letters.c.id == id)
        async with self._db.read() as transaction:
            return int((await transaction.execute(statement)).scalar_one_or_none() or 0)

    async def edits(self, ids: Sequence[str]) -> dict[str, Edit]:
        """The edits of these letters; those without one are left out."""
        return {
            row.id: Edit(
                bytes(row.edited_value), None if row.edited_headers is None else headers_of(row.edited_headers)
            )
            for row in await self._rows(ids)
            if row.edited_value is not None
        }

    async def _rows(self, ids: Sequence[str]) -> Sequence[sa.Row[Any]]:
        found: list[sa.Row[Any]] = []
        async with self._db.read() as transaction:
            for chunk in chunks(sorted(set(ids))):
                found.extend(await transaction.execute(sa.select(letters).where(among(letters.c.id, chunk))))
        return found


async def decide(
    connection: AsyncConnection,
    decisions: Sequence[Deciding],
    now: datetime,
    by: str,
    replay_id: str | None,
) -> None:
    """Write decisions within a transaction of the caller's; an edit stays."""
    made = postgresql.insert(letters) if connection.dialect.name == "postgresql" else sqlite.insert(letters)
    changed = {name: made.excluded[name] for name in ("state", "replay_id", "decided_at", "decided_by", "note")}
    statement = made.on_conflict_do_update(
        index_elements=["id"], set_={**changed, "edits": letters.c.edits + made.excluded.edits}
    )
    common = {"replay_id": replay_id, "decided_at": now, "decided_by": by}
    rows = [
        {"id": one.id, "state": one.state, "note": one.note, "edits": int(one.mended), **common}
        for one in sorted(decisions, key=lambda one: one.id)
    ]
    await connection.execute(statement, rows)
