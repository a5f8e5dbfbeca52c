"""What must not be done twice at once, over all processes, and, where it has a result, never again."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock
from connector.errors import Unavailable
from connector.state.connections import locked
from connector.state.database import Database
from connector.state.tables import turns
from connector.state.upsert import insert

Result = TypeVar("Result")
HELD = timedelta(seconds=60)  # longer than anything that is done in a turn; who died is waited for as long
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.25


class TurnTaken(Unavailable):
    """Another process has it and does not leave it in time."""


@dataclass(slots=True)
class Turn:
    """One's own turn. `result` is what came of an earlier one."""

    result: str | None


class Turns:
    """Turns of one connection's work, by name."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._here: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def result(self, connection: str, name: str) -> str | None:
        """What came of an earlier turn, without waiting for one that is held."""
        statement = sa.select(turns.c.result).where(turns.c.connection == connection, turns.c.name == name)
        async with self._db.read() as transaction:
            found: str | None = (await transaction.execute(statement)).scalar_one_or_none()
        return found

    @asynccontextmanager
    async def taken(
        self, connection: str, name: str, wait_seconds: float, *, final: bool = False
    ) -> AsyncIterator[Turn]:
        """Wait for the turn and hold it for the block; a result that the block sets on the turn is kept.

        Within a process they queue, so that one of them asks the database. Raises `TurnTaken` where another process
        does not leave it in time, and `UserFault` for a connection that is gone. `final`: a result is there for good,
        and nobody waits for a turn once there is one; a block that is cancelled keeps its turn until that lapses, for
        what it has begun may still go on where it was sent to.
        """
        async with self._here.setdefault((connection, name), asyncio.Lock()):
            if final and (known := await self.result(connection, name)) is not None:
                yield Turn(known)
                return
            holder = secrets.token_hex(8)
            try:
                turn = await self._wait(connection, name, holder, wait_seconds)
            except asyncio.CancelledError:  # it may just have been taken
                await _to_its_end(self._leave(connection, name, holder, None))
                raise
            before, stays = turn.result, False
            try:
                yield turn
            except asyncio.CancelledError:
                stays = final
                raise
            finally:
                if not stays:
                    result = turn.result if turn.result != before else None
                    await _to_its_end(self._leave(connection, name, holder, result))

    async def _wait(self, connection: str, name: str, holder: str, seconds: float) -> Turn:
        last, pause = self._clock.monotonic() + seconds, _FIRST_PAUSE
        while (turn := await _to_its_end(self._take(connection, name, holder))) is None:
            if self._clock.monotonic() >= last:
                raise TurnTaken(f"the same thing is being done already ({name}): try again")
            await self._clock.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 1.5)
        return turn

    async def _take(self, connection: str, name: str, holder: str) -> Turn | None:
        now = self._clock.now()
        values = {"connection": connection, "name": name, "holder": holder, "until": now + HELD}
        mine = (turns.c.connection == connection, turns.c.name == name)

        async def work(transaction: AsyncConnection) -> Turn | None:
            await locked(transaction, connection)
            taken = await transaction.execute(
                insert(self._db, turns)
                .values(values)
                .on_conflict_do_update(
                    index_elements=["connection", "name"],
                    set_={"holder": holder, "until": now + HELD},
                    where=turns.c.until < now,
                )
            )
            if taken.rowcount != 1:
                return None
            return Turn((await transaction.execute(sa.select(turns.c.result).where(*mine))).scalar_one())

        return await self._db.run(work)

    async def _leave(self, connection: str, name: str, holder: str, result: str | None) -> None:
        """Without a result there is nothing to remember."""
        mine = (turns.c.connection == connection, turns.c.name == name, turns.c.holder == holder)
        past = self._clock.now() - timedelta(microseconds=1)
        async with self._db.begin() as transaction:
            if result is not None:
                await transaction.execute(sa.update(turns).where(*mine).values(until=past, result=result))
                return
            await transaction.execute(sa.delete(turns).where(*mine, turns.c.result.is_(None)))
            await transaction.execute(sa.update(turns).where(*mine).values(until=past))


async def _to_its_end(work: Coroutine[Any, Any, Result]) -> Result:
    """Whoever is cancelled meanwhile knows that it is done, or has failed, and does not just hope so."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # nobody hears it: the cancellation goes on
        raise
