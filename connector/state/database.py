"""The one door to the database: opening, transactions, schema."""

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from connector.errors import UserFault
from connector.state import schema
from connector.state.address import parse, shown
from connector.state.faults import transient, translated
from connector.state.tables import metadata

Result = TypeVar("Result")

_WRITES = "paylayer_writes"
_BUSY_MS = 15_000
_TRIES = 6
# A connection's cache would grow with the file; the operating system caches it anyway, once for all of them.
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    f"busy_timeout={_BUSY_MS}",
    "foreign_keys=ON",
    "cache_size=-1000",
)


class Database:
    """A pool of connections to SQLite or PostgreSQL.

    Every method that touches the database raises `Unavailable` or `UserFault` with one sentence where the server,
    the file or the schema is at fault. On SQLite write transactions queue inside the process and take the file's
    write lock at their start, so that they never fail half-way for want of it.
    """

    def __init__(self, engine: AsyncEngine, url: URL) -> None:
        self._engine = engine
        self._url = url
        self._writers = asyncio.Lock() if self.dialect == "sqlite" else None

    @classmethod
    async def open(cls, url: str, *, create: bool = False) -> "Database":
        """Connect. With `create`, bring the schema up to date first: safe for several processes at once.

        Without it, a schema that is missing, too old or too new is an error.
        """
        parsed = parse(url)
        if create and parsed.get_backend_name() == "sqlite":
            _make_folder(parsed)
        database = cls(_engine(parsed, create=create), parsed)
        try:
            if create:
                async with database.begin() as connection:
                    await connection.run_sync(schema.upgrade, shown(parsed))
            else:
                await database.check()
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Give all connections back."""
        await self._engine.dispose()

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._url.get_backend_name()

    @property
    def where(self) -> str:
        """For messages: which database this is; no user, no password."""
        return shown(self._url)

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[AsyncConnection, None]:
        """A write transaction: committed at the end of the block, rolled back by an exception."""
        if self._writers is None:
            async with self._transaction(writes=True) as connection:
                yield connection
        else:
            async with self._writers, self._transaction(writes=True) as connection:
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection, None]:
        """A transaction for reading; on SQLite it sees one state of the file and holds up no writer."""
        async with self._transaction(writes=False) as connection:
            yield connection

    async def run(self, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        """Run a write transaction, again when the database broke it off as a deadlock. `work` may run repeatedly."""
        for left in reversed(range(_TRIES)):
            try:
                async with self.begin() as connection:
                    return await work(connection)
            except sa.exc.DBAPIError as error:
                if not left or not transient(error):
                    raise
        raise AssertionError("unreachable: the last try returns or raises")

    async def check(self) -> None:
        """Raise `Unavailable` or `UserFault` where the database cannot be used as it is; for `paylayer doctor`."""
        if self.dialect == "sqlite" and not Path(str(self._url.database)).exists():  # noqa: ASYNC240 (a local stat)
            raise UserFault(f"{self.where} does not exist: start `paylayer run` once, or check PAYLAYER_DATABASE_URL")
        async with self.begin() as connection:
            await connection.run_sync(schema.check, self.where)
            await connection.execute(sa.delete(metadata.tables["tokens"]).where(sa.false()))  # may we write?

    @asynccontextmanager
    async def _transaction(self, *, writes: bool) -> AsyncGenerator[AsyncConnection, None]:
        try:
            async with self._engine.connect() as connection:
                if writes and self.dialect == "sqlite":
                    await connection.execution_options(**{_WRITES: True})
                async with connection.begin():
                    yield connection
        except (sa.exc.SQLAlchemyError, OSError) as error:
            if not transient(error) and (told := translated(error, self._url)):
                raise told from error
            raise


def _engine(url: URL, *, create: bool) -> AsyncEngine:
    if url.get_backend_name() == "postgresql":
        return create_async_engine(
            url,
            pool_size=8,
            max_overflow=8,
            pool_pre_ping=True,
            connect_args={"timeout": 10, "server_settings": {"application_name": "paylayer"}},
        )
    mode = "rwc" if create else "rw"
    path = str(url.database).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    opened = URL.create("sqlite+aiosqlite", database=f"file:{path}", query={"mode": mode, "uri": "true"})
    engine = create_async_engine(opened, pool_size=4, max_overflow=4, connect_args={"timeout": _BUSY_MS / 1000})

    @event.listens_for(engine.sync_engine, "connect")
    def _connected(raw: Any, _record: object) -> None:  # noqa: ANN401
        raw.isolation_level = None  # transactions begin where this module says so, not where sqlite3 guesses
        cursor = raw.cursor()
        try:
            for pragma in _PRAGMAS:
                cursor.execute(f"PRAGMA {pragma}")
        finally:
            cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _make_folder(url: URL) -> None:
    path = Path(str(url.database))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserFault(f"the folder {path.parent} cannot be made ({error.strerror}): name another file") from error
    if path.is_dir():
        raise UserFault(f"{path} is a folder: name a file in PAYLAYER_DATABASE_URL")
    if path.exists() and not os.access(path, os.W_OK):
        raise UserFault(f"SQLite file {path} cannot be written: check its permissions")
