"""The right of one process to do one job, and how a process that was frozen finds out that it has lost it."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock
from connector.errors import PayLayerError
from connector.state.tables import leases


class LeaseLost(PayLayerError):
    """Another process does this job by now: what was read under the lease is out of date and must not be written."""


@dataclass(slots=True, eq=False)
class Lease:
    """One tenure: `since` tells it from an earlier or later one of the same process.

    Two looks, because neither is enough alone. `held` costs nothing and can be asked right before a call: it is the
    process's own monotonic clock, which a freeze does not stop. `confirm` is exact: the database is asked in the very
    transaction that writes, and nobody can take the lease until that ends.
    """

    name: str
    worker: str
    since: datetime
    clock: Clock
    until: float  # monotonic seconds; the heartbeat moves it on

    def held(self) -> bool:
        """Whether no other process can have the lease yet."""
        return self.clock.monotonic() < self.until

    def require(self) -> None:
        """Raise `LeaseLost` where another process may have it."""
        if not self.held():
            raise self._lost()

    async def confirm(self, transaction: AsyncConnection) -> None:
        """Raise `LeaseLost` unless this tenure still is on record; keep it there until the transaction ends."""
        statement = (
            sa.select(leases.c.name)
            .where(leases.c.name == self.name, leases.c.worker == self.worker, leases.c.since == self.since)
            .with_for_update(read=True)
        )
        if (await transaction.execute(statement)).first() is None:
            raise self._lost()

    def _lost(self) -> LeaseLost:
        return LeaseLost(f"{self.name} is another process's by now; this one was silent for too long and starts anew")
