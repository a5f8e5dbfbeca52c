"""Partitions whose intake stopped before a flood of dead letters, until somebody releases them."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from connector.clock import Clock
from connector.state.database import Database
from connector.state.tables import intake_stops
from connector.state.upsert import upsert


@dataclass(frozen=True, slots=True)
class Stop:
    """One partition that a side's intake does not read on."""

    side: str
    topic: str
    partition: int
    reason: str
    since: datetime


class IntakeStops:
    """Implements `connector.bus.flood.Stops`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def stopped(self, side: str, topic: str, partition: int, reason: str) -> None:
        """A partition stands still; where it did already, since then."""
        values = {
            "side": side, "topic": topic, "topic_partition": partition, "reason": reason, "since": self._clock.now()
        }  # fmt: skip
        async with self._db.begin() as transaction:
            await transaction.execute(upsert(self._db, intake_stops, keep=("since",)), values)

    async def still(self, side: str) -> set[tuple[str, int]]:
        """The partitions (topic, number) that nobody has released."""
        return {(stop.topic, stop.partition) for stop in await self.all() if stop.side == side}

    async def all(self) -> list[Stop]:
        """Every stopped partition."""
        async with self._db.read() as transaction:
            found = await transaction.execute(
                sa.select(intake_stops).order_by(
                    intake_stops.c.side, intake_stops.c.topic, intake_stops.c.topic_partition
                )
            )
            return [Stop(row.side, row.topic, row.topic_partition, row.reason, row.since) for row in found]

    async def release(self, side: str | None = None, topic: str | None = None) -> int:
        """Let them go on: all, or those of a side, of a topic. Gives how many."""
        statement = sa.delete(intake_stops)
        if side is not None:
            statement = statement.where(intake_stops.c.side == side)
        if topic is not None:
            statement = statement.where(intake_stops.c.topic == topic)
        async with self._db.begin() as transaction:
            return int((await transaction.execute(statement)).rowcount)
