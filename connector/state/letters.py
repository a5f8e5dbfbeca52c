"""What people decided about dead letters, and the record of replays. The letters themselves stay in their topics."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from connector.clock import Clock
from connector.state.claims import chunks
from connector.state.columns import headers_of, headers_text
from connector.state.database import Database
from connector.state.tables import letters, replays
from connector.state.upsert import insert, upsert

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


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be sent instead of the original value and, where given, headers."""

    value: bytes
    headers: Headers | None


@dataclass(frozen=True, slots=True)
class Replay:
    """One replay as it was recorded."""

    id: str
    started_at: datetime
    finished_at: datetime | None
    by: str
    selection: Mapping[str, Any]
    dry_run: bool
    selected: int
    sent: int
    outcome: str | None


class Letters:
    """Decisions by letter id (`<dlt topic>:<partition>:<offset>`); a letter without one is `new`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def states(self, ids: Sequence[str]) -> dict[str, Decision]:
        """The decision about each of these letters."""
        found = {id_: Decision("new") for id_ in ids}
        for row in await self._rows(ids):
            found[row.id] = Decision(
                row.state, row.replay_id, row.decided_at, row.decided_by, row.note, row.edited_value is not None
            )
        return found

    async def mark(
        self, ids: Sequence[str], state: Fate, *, by: str, replay_id: str | None = None, note: str | None = None
    ) -> None:
        """Record one decision about these letters; an edit stays."""
        if not ids:
            return
        values = {
            "state": state,
            "replay_id": replay_id,
            "decided_at": self._clock.now(),
            "decided_by": by,
            "note": note,
        }
        statement = upsert(self._db, letters, keep=("edited_value", "edited_headers", "edits"))
        async with self._db.begin() as transaction:
            await transaction.execute(statement, [{"id": id_, **values} for id_ in sorted(set(ids))])

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

    async def start_replay(self, by: str, selection: Mapping[str, Any], *, dry_run: bool, selected: int) -> str:
        """Record that a replay begins; returns its id."""
        id_ = uuid.uuid4().hex[:12]
        values = {
            "id": id_,
            "started_at": self._clock.now(),
            "started_by": by,
            "selection": dict(selection),
            "dry_run": dry_run,
            "selected": selected,
            "sent": 0,
        }
        async with self._db.begin() as transaction:
            await transaction.execute(sa.insert(replays).values(values))
        return id_

    async def finish_replay(self, id: str, sent: int, outcome: str, *, selected: int | None = None) -> None:  # noqa: A002
        """Record how it ended; `selected` where it was not known at the start."""
        values: dict[str, Any] = {"finished_at": self._clock.now(), "sent": sent, "outcome": outcome}
        if selected is not None:
            values["selected"] = selected
        async with self._db.begin() as transaction:
            await transaction.execute(sa.update(replays).where(replays.c.id == id).values(values))

    async def replays(self, limit: int = 100) -> Sequence[Replay]:
        """The newest replays."""
        statement = sa.select(replays).order_by(replays.c.started_at.desc(), replays.c.id).limit(limit)
        async with self._db.read() as transaction:
            return [
                Replay(
                    row.id,
                    row.started_at,
                    row.finished_at,
                    row.started_by,
                    row.selection,
                    bool(row.dry_run),
                    row.selected,
                    row.sent,
                    row.outcome,
                )
                for row in await transaction.execute(statement)
            ]

    async def _rows(self, ids: Sequence[str]) -> Sequence[sa.Row[Any]]:
        found: list[sa.Row[Any]] = []
        async with self._db.read() as transaction:
            for chunk in chunks(sorted(set(ids))):
                found.extend(await transaction.execute(sa.select(letters).where(letters.c.id.in_(chunk))))
        return found
