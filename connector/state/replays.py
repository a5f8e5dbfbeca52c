"""The record of replays: who, what, how far. With the letters' fates it is what an interrupted one resumes from."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock
from connector.errors import UserFault
from connector.state.database import Database
from connector.state.letters import Deciding, decide
from connector.state.tables import replays

Ends = Mapping[str, Mapping[int, int]]  # topic -> partition -> offset of the first record that is not meant
ReplayState = Literal["running", "complete", "interrupted", "dry run"]
COMPLETE = "complete"
DRY_RUN = "dry run"
SILENCE = timedelta(seconds=60)  # a replay that is at work records something more often


@dataclass(frozen=True, slots=True)
class Replay:
    """One replay as it was recorded. `outcome` is none while it runs, and after a process that died with it."""

    id: str
    started_at: datetime
    finished_at: datetime | None
    updated_at: datetime | None
    by: str
    selection: Mapping[str, Any]
    ends: Ends
    transform: str | None
    dry_run: bool
    selected: int
    sent: int
    superseded: int
    skipped: int
    outcome: str | None

    def state(self, now: datetime) -> ReplayState:
        """How it stands; one that has said nothing for `SILENCE` and did not end has died."""
        if self.dry_run:
            return "dry run"
        if self.outcome is not None:
            return "complete" if self.outcome == COMPLETE else "interrupted"
        return "running" if self.updated_at is not None and now - self.updated_at < SILENCE else "interrupted"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a replay, until somebody else resumes it."""

    replay: Replay
    runner: str


class Replays:
    """All replays of a deployment."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def start(
        self,
        by: str,
        selection: Mapping[str, Any],
        *,
        ends: Ends,
        transform: str | None = None,
        dry_run: bool = False,
        selected: int = 0,
        superseded: int = 0,
        skipped: int = 0,
    ) -> Claim:
        """Record that a replay begins, or that a dry run was made."""
        now, runner = self._clock.now(), secrets.token_hex(8)
        values = {
            "id": secrets.token_hex(6),
            "started_at": now,
            "updated_at": now,
            "started_by": by,
            "selection": dict(selection),
            "ends": {topic: {str(number): end for number, end in found.items()} for topic, found in ends.items()},
            "transform": transform,
            "dry_run": dry_run,
            "selected": selected,
            "sent": 0,
            "superseded": superseded,
            "skipped": skipped,
            "runner": None if dry_run else runner,
            "finished_at": now if dry_run else None,
            "outcome": DRY_RUN if dry_run else None,
        }
        async with self._db.begin() as transaction:
            await transaction.execute(sa.insert(replays).values(values))
        return Claim(await self.get(str(values["id"])), runner)

    async def take_over(self, id: str) -> Claim:  # noqa: A002
        """The right to go on with a replay, taken from whoever has it. Raises `UserFault`."""
        if (await self.get(id)).dry_run:
            raise UserFault(f"replay {id} was a dry run: there is nothing to resume")
        runner = secrets.token_hex(8)
        values = {"runner": runner, "updated_at": self._clock.now(), "finished_at": None, "outcome": None}
        async with self._db.begin() as transaction:
            await transaction.execute(sa.update(replays).where(replays.c.id == id).values(values))
        return Claim(await self.get(id), runner)

    async def record(
        self,
        claim: Claim,
        decisions: Sequence[Deciding],
        *,
        by: str,
        sent: int = 0,
        superseded: int = 0,
        skipped: int = 0,
    ) -> None:
        """Record a slice, letters and counts in one transaction. Raises `UserFault` where it was taken over."""
        now = self._clock.now()
        counted = {"sent": sent, "superseded": superseded, "skipped": skipped}
        values = {name: replays.c[name] + count for name, count in counted.items()}

        async def work(transaction: AsyncConnection) -> None:
            await self._change(transaction, claim, {**values, "updated_at": now})
            if decisions:
                await decide(transaction, decisions, now, by, claim.replay.id)

        await self._db.run(work)

    async def count(self, claim: Claim, selected: int) -> None:
        """Record how many letters it means: known after they were looked through."""
        async with self._db.begin() as transaction:
            await self._change(transaction, claim, {"selected": selected, "updated_at": self._clock.now()})

    async def finish(self, claim: Claim, outcome: str) -> None:
        """Record how it ended. Raises `UserFault` where it was taken over meanwhile."""
        values = {"finished_at": self._clock.now(), "outcome": outcome, "runner": None}
        async with self._db.begin() as transaction:
            await self._change(transaction, claim, values)

    async def _change(self, transaction: AsyncConnection, claim: Claim, values: Mapping[str, Any]) -> None:
        mine = (replays.c.id == claim.replay.id, replays.c.runner == claim.runner)
        done = await transaction.execute(sa.update(replays).where(*mine).values(values))
        if done.rowcount != 1:
            raise UserFault(f"replay {claim.replay.id} was resumed by somebody else: this one stops here")

    async def get(self, id: str) -> Replay:  # noqa: A002
        """One replay. Raises `UserFault` for an unknown id."""
        async with self._db.read() as transaction:
            row = (await transaction.execute(sa.select(replays).where(replays.c.id == id))).one_or_none()
        if row is None:
            raise UserFault(f"there is no replay {id!r}: paylayer dlq replays lists them")
        return _replay(row)

    async def newest(self, limit: int = 100) -> list[Replay]:
        """The newest replays first."""
        statement = sa.select(replays).order_by(replays.c.started_at.desc(), replays.c.id).limit(limit)
        async with self._db.read() as transaction:
            return [_replay(row) for row in await transaction.execute(statement)]


def _replay(row: sa.Row[Any]) -> Replay:
    ends = {topic: {int(number): end for number, end in found.items()} for topic, found in (row.ends or {}).items()}
    return Replay(
        id=row.id,
        started_at=row.started_at,
        finished_at=row.finished_at,
        updated_at=row.updated_at,
        by=row.started_by,
        selection=row.selection,
        ends=ends,
        transform=row.transform,
        dry_run=bool(row.dry_run),
        selected=row.selected,
        sent=row.sent,
        superseded=row.superseded,
        skipped=row.skipped,
        outcome=row.outcome,
    )
