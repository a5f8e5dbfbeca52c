"""CPU seconds, which other programs on the machine change less than they change the clock."""

import re
import time

import psutil
import sqlalchemy as sa

from connector.state.database import Database

_HOUSEWORK = re.compile("autovacuum|checkpointer|background writer|walwriter|logger|launcher")


class Spent:
    """CPU seconds of this process and of a PostgreSQL server on this machine, but for its housework."""

    def __init__(self, server: psutil.Process | None) -> None:
        self._server = server

    @classmethod
    async def of(cls, database: Database) -> "Spent":
        if database.dialect != "postgresql":
            return cls(None)
        async with database.read() as transaction:
            pid = int((await transaction.execute(sa.text("SELECT pg_backend_pid()"))).scalar_one())
        try:
            backend = psutil.Process(pid)
            return cls(backend.parent() if "postgres" in backend.name() else None)
        except psutil.Error:
            return cls(None)

    def seconds(self) -> float:
        """So far."""
        spent = time.process_time()
        if self._server is not None:
            for process in self._server.children():
                if not _HOUSEWORK.search(" ".join(process.cmdline())):
                    times = process.cpu_times()
                    spent += times.user + times.system
        return spent
