"""The one door to the database: opening, transactions, schema."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, nullcontext, suppress
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from connector.clock import Clock, SystemClock
from connector.errors import Unavailable, UserFault
from connector.state import schema
from connector.state.address import parse, shown
from connector.state.faults import transient, translated
from connector.state.tables import metadata
from connector.state.writer_queue import WriterQueue

Result = TypeVar("Result")
Fence = Callable[[AsyncConnection], Awaitable[None]]

_WRITES = "paylayer_writes"
_BUSY_MS = 15_000
_TRIES = 6
_POOL = 16
_SWITCH_SECONDS = 0.05  # for another process to switch a new SQLite file to WAL
_STATEMENT_SECONDS = 120.0  # a server that went away without a word does not answer any later
_IDLE_TRANSACTION_MS = 5_000  # a process that was frozen within a transaction must not hold up the others
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

    def __init__(
        self,
        engine: AsyncEngine,
        url: URL,
        *,
        writers: WriterQueue | None = None,
        fence: Fence | None = None,
        urgent: bool = False,
    ) -> None:
        self._engine = engine
        # On PostgreSQL each statement sees what is committed when it begins, in a transaction or not: so reading can do
        # without, which saves two of three round trips.
        self._reader = engine.execution_options(isolation_level="AUTOCOMMIT") if _is_postgresql(url) else engine
        self._url = url
        self._apart: list[Database] = []
        self._writers = writers or WriterQueue() if self.dialect == "sqlite" else None
        self._fence = fence
        self._urgent = urgent

    @classmethod
    async def open(cls, url: str, *, create: bool = False, clock: Clock | None = None) -> "Database":
        """Connect. With `create`, bring the schema up to date first: safe for several processes at once.

        Without it, a schema that is missing, too old or too new is an error. The clock is for the wait until others
        let go of a new SQLite file.
        """
        parsed = parse(url)
        if create and parsed.get_backend_name() == "sqlite":
            _make_folder(parsed)
        database = cls(_engine(parsed, create=create), parsed)
        try:
            if create:
                await database._made(clock or SystemClock())
                async with database.begin() as connection:
                    await connection.run_sync(schema.upgrade, shown(parsed))
            else:
                await database.check()
        except BaseException:
            await database.close()
            raise
        return database

    def fenced(self, fence: Fence) -> "Database":
        """The same database; every write transaction begins with `fence`, whose exception ends it."""
        return Database(self._engine, self._url, writers=self._writers, fence=fence)

    def apart(self) -> "Database":
        """The same database with a connection of its own, which on SQLite writes before all others that wait to.

        For heartbeats: a process that stands in its own queue for seconds loses its leases. Closed with this one.
        """
        view = Database(_engine(self._url, create=False, pool=1), self._url, writers=self._writers, urgent=True)
        self._apart.append(view)
        return view

    async def close(self) -> None:
        """Give all connections back."""
        for view in self._apart:
            await view.close()
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
        turn = nullcontext() if self._writers is None else self._writers.one(urgent=self._urgent)
        async with turn, self._transaction(writes=True) as connection:
            if self._fence is not None:
                await self._fence(connection)
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

    async def copy_to(self, path: Path) -> None:
        """Write everything, as it is at one moment, to a new SQLite file; nobody is held up.

        Raises `UserFault` where this is not SQLite, or the file exists or cannot be written.
        """
        if self.dialect != "sqlite":
            raise UserFault(f"{self.where} is copied by PostgreSQL's own tool: pg_dump --format=custom --file=FILE")
        if path.exists():  # noqa: ASYNC240 (a local stat)
            raise UserFault(f"{path} exists already: name a new file")
        try:
            await asyncio.to_thread(_vacuum_into, str(self._url.database), str(path))
        except sqlite3.Error as error:
            raise UserFault(f"{path} cannot be written: {error}") from error

    async def check(self) -> None:
        """Raise `Unavailable` or `UserFault` where the database cannot be used as it is; for `paylayer doctor`."""
        if self.dialect == "sqlite" and not Path(str(self._url.database)).exists():  # noqa: ASYNC240 (a local stat)
            raise UserFault(f"{self.where} does not exist: start `paylayer run` once, or check PAYLAYER_DATABASE_URL")
        async with self.begin() as connection:
            await connection.run_sync(schema.check, self.where)
            await connection.execute(sa.delete(metadata.tables["tokens"]).where(sa.false()))  # may we write?

    async def _made(self, clock: Clock) -> None:
        """The first connection switches a new SQLite file to WAL, which another process may be doing as well.

        SQLite refuses that at once, however long it would wait for any other lock.
        """
        until = clock.monotonic() + _BUSY_MS / 1000
        while self.dialect == "sqlite":
            try:
                async with self.read():
                    return
            except Unavailable as refused:
                if "locked" not in str(refused.__cause__) or clock.monotonic() >= until:
                    raise
                await clock.sleep(_SWITCH_SECONDS)

    @asynccontextmanager
    async def _transaction(self, *, writes: bool) -> AsyncGenerator[AsyncConnection, None]:
        try:
            async with (self._engine if writes else self._reader).connect() as connection:
                if writes and self.dialect == "sqlite":
                    await connection.execution_options(**{_WRITES: True})
                async with connection.begin():
                    yield connection
        except (sa.exc.SQLAlchemyError, OSError, OverflowError, UnicodeEncodeError) as error:
            if not transient(error) and (told := translated(error, self._url)):
                raise told from error
            raise


def _roll_back(raw: Any, _record: object, _error: object) -> None:  # noqa: ANN401
    """A connection is given up because a task was cancelled in it, and will be closed next.

    SQLite keeps it and its lock for as long as anything, such as the traceback, refers to one of its statements.
    """
    rolling_back = raw.driver_connection.rollback()
    with suppress(StopIteration, ValueError):
        rolling_back.send(None)  # asks its thread, which does it before it closes; nobody waits for the answer
    rolling_back.close()


def _is_postgresql(url: URL) -> bool:
    return url.get_backend_name() == "postgresql"


def _engine(url: URL, *, create: bool, pool: int | None = None) -> AsyncEngine:
    if _is_postgresql(url):
        engine = create_async_engine(
            url,
            pool_size=pool or _POOL,
            max_overflow=0,
            connect_args={
                "timeout": 10,
                "command_timeout": _STATEMENT_SECONDS,
                "server_settings": {
                    "application_name": "paylayer",
                    "idle_in_transaction_session_timeout": str(_IDLE_TRANSACTION_MS),
                },
            },
        )
        event.listen(engine.sync_engine, "checkout", _replace_closed)
        return engine
    mode = "rwc" if create else "rw"
    path = str(url.database).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    opened = URL.create("sqlite+aiosqlite", database=f"file:{path}", query={"mode": mode, "uri": "true"})
    engine = create_async_engine(
        opened, pool_size=pool or 4, max_overflow=0 if pool else 4, connect_args={"timeout": _BUSY_MS / 1000}
    )

    event.listen(engine.sync_engine, "invalidate", _roll_back)

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


def _replace_closed(_raw: Any, record: ConnectionPoolEntry, _proxy: object) -> None:  # noqa: ANN401
    """Instead of a ping before each use: a server that went away closed its connections, and the driver knows that."""
    driver = record.driver_connection
    if driver is not None and driver.is_closed():
        raise sa.exc.DisconnectionError


def _vacuum_into(source: str, target: str) -> None:
    """Outside of any transaction, which the engine would begin."""
    with closing(sqlite3.connect(source, timeout=_BUSY_MS / 1000)) as connection:
        connection.execute("VACUUM INTO ?", (target,))


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
