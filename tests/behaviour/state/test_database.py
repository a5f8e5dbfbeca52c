"""Opening a database: the schema is made once, and what is wrong is said in one sentence."""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import make_url

from connector.clock import SteppedClock
from connector.errors import Unavailable, UserFault
from connector.state.address import parse, shown
from connector.state.database import Database
from connector.state.tables import metadata

NOBODY = 65534


async def test_several_processes_may_create_at_once(database_url: str) -> None:
    opened = await asyncio.gather(*(Database.open(database_url, create=True) for _ in range(4)))
    try:
        await asyncio.gather(*(database.check() for database in opened))
    finally:
        for database in opened:
            await database.close()


class ClockThatLetsGo(SteppedClock):
    """Another process holds the file until somebody has waited for it `turns` times."""

    def __init__(self, path: Path, turns: int) -> None:
        super().__init__()
        self._turns = turns
        self._other = sqlite3.connect(path, isolation_level=None)
        self._other.execute("BEGIN IMMEDIATE")

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        self._turns -= 1
        if self._turns == 0:
            self.close()

    def close(self) -> None:
        self._other.close()


async def test_a_new_sqlite_file_that_another_process_holds_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    clock = ClockThatLetsGo(path, turns=3)
    database = await Database.open(f"sqlite:///{path}", create=True, clock=clock)
    try:
        await database.check()
        async with database.read() as connection:
            assert (await connection.execute(sa.text("PRAGMA journal_mode"))).scalar_one() == "wal"
    finally:
        await database.close()
    assert clock.monotonic() == pytest.approx(3 * 0.05)


async def test_a_new_sqlite_file_that_is_held_for_good_is_told(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    clock = ClockThatLetsGo(path, turns=-1)
    with (
        contextlib.closing(clock),
        pytest.raises(Unavailable, match=r"new\.db is held by another process for too long"),
    ):
        await Database.open(f"sqlite:///{path}", create=True, clock=clock)
    assert 15 <= clock.monotonic() < 16


async def test_migrations_build_exactly_the_tables(db: Database) -> None:
    def differences(connection: sa.Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with db.read() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_failed_block_leaves_nothing(db: Database) -> None:
    async def fail_after_writing() -> None:
        async with db.begin() as connection:
            await connection.execute(sa.insert(metadata.tables["budgets"]).values(store="a", state={}))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_after_writing()
    async with db.read() as connection:
        assert (await connection.execute(sa.select(metadata.tables["budgets"].c.store))).all() == []


async def test_check_names_what_is_missing(db: Database) -> None:
    async with db.begin() as connection:
        await connection.execute(sa.text("DROP TABLE letters"))
    with pytest.raises(UserFault, match="lacks the table letters"):
        await db.check()


async def test_using_a_missing_table_is_one_sentence(db: Database) -> None:
    async with db.begin() as connection:
        await connection.execute(sa.text("DROP TABLE letters"))
    with pytest.raises(Unavailable, match="lacks a table"):
        async with db.read() as connection:
            await connection.execute(sa.select(metadata.tables["letters"]))


async def test_a_newer_schema_is_refused(db: Database, database_url: str) -> None:
    async with db.begin() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UserFault, match="newer PayLayer"):
        await db.check()
    with pytest.raises(UserFault, match="newer PayLayer"):
        await Database.open(database_url, create=True)


async def test_an_empty_database_says_how_to_fill_it(postgres_url: str) -> None:
    with pytest.raises(UserFault, match="no PayLayer tables yet"):
        await Database.open(postgres_url)


async def test_an_absent_file_says_so(sqlite_url: str) -> None:
    with pytest.raises(UserFault, match="does not exist"):
        await Database.open(sqlite_url)


async def test_the_folder_is_made(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:///{tmp_path}/a b%20c/ü/100%25/paylayer.db", create=True)
    await database.close()
    assert (tmp_path / "a b c" / "ü" / "100%" / "paylayer.db").is_file()


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("dear all, " * 200)
    with pytest.raises(UserFault, match="is no SQLite database"):
        await Database.open(f"sqlite:///{path}", create=True)


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder that a user without privileges can enter, and that user's eyes for the length of the test."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / "kept.db").touch(mode=0o400)
    was_root = os.geteuid() == 0
    if was_root:
        os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield folder
    finally:
        if was_root:
            os.setresuid(0, 0, 0)
        shutil.rmtree(folder)


async def test_a_file_that_cannot_be_written(nobody: Path) -> None:
    with pytest.raises(UserFault, match="cannot be written"):
        await Database.open(f"sqlite:///{nobody / 'kept.db'}", create=True)


async def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match="is a folder"):
        await Database.open(f"sqlite:///{tmp_path}", create=True)


async def test_a_server_that_is_down() -> None:
    with pytest.raises(Unavailable, match="does not answer") as caught:
        await Database.open("postgresql://me:hidden-pw@127.0.0.1:9/x", create=True)
    assert "hidden-pw" not in str(caught.value)


async def test_a_database_that_does_not_exist(postgres_server: str) -> None:
    url = make_url(postgres_server).set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(UserFault, match="does not exist: create it"):
        await Database.open(url, create=True)


async def test_a_user_that_is_refused(postgres_server: str) -> None:
    url = make_url(postgres_server).set(username="nobody-here", password="hidden-pw").render_as_string(False)
    with pytest.raises(UserFault, match="refuses user nobody-here") as caught:
        await Database.open(url, create=True)
    assert "hidden-pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("sqlite:////tmp/x.db", "sqlite+aiosqlite"),
        ("sqlite+pysqlite:////tmp/x.db", "sqlite+aiosqlite"),
        ("postgresql://u:p@h/d", "postgresql+asyncpg"),
        ("postgres://u:p@h/d", "postgresql+asyncpg"),
        ("postgresql+psycopg2://u:p@h:1/d?sslmode=require", "postgresql+asyncpg"),
    ],
)
def test_any_spelling_of_a_driver(text: str, driver: str) -> None:
    url = parse(text)
    assert url.drivername == driver
    assert "p@" not in shown(url)


@pytest.mark.parametrize(
    "text",
    ["mysql://x/y", "nonsense", "sqlite://", "sqlite:///:memory:", "postgresql://h", "postgresql://u@h/d?what=1"],
)
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(UserFault):
        parse(text)


@pytest.mark.postgres
async def test_connections_that_the_server_closed_are_replaced_without_an_error(postgres_url: str) -> None:
    database = await Database.open(postgres_url, create=True)
    try:
        async with database.read() as one, database.read() as other:
            raw = [(await each.get_raw_connection()).driver_connection for each in (one, other)]
        server = await asyncpg.connect(postgres_url)
        for killed in raw:
            await server.execute("SELECT pg_terminate_backend($1)", killed.get_server_pid())
        await server.close()
        async with asyncio.timeout(60):
            while not all(killed.is_closed() for killed in raw):
                await asyncio.sleep(0)
        for _ in raw:
            async with database.begin() as transaction:
                assert (await transaction.execute(sa.text("SELECT 1"))).scalar_one() == 1
    finally:
        await database.close()


async def test_heartbeats_have_a_connection_of_their_own(db: Database) -> None:
    apart = db.apart()
    async with contextlib.AsyncExitStack() as held:
        for _ in range(8):  # SQLite's pool is as large as that
            await held.enter_async_context(db.read())
        async with asyncio.timeout(20), apart.read() as transaction:
            assert (await transaction.execute(sa.text("SELECT 1"))).scalar_one() == 1


async def test_heartbeats_write_before_those_that_wait(sqlite_url: str) -> None:
    """On SQLite; the writers of PostgreSQL do not wait for each other."""
    db = await Database.open(sqlite_url, create=True)
    apart = db.apart()
    wrote: list[str] = []

    async def write(name: str, door: Database) -> None:
        async with door.begin() as transaction:
            await transaction.execute(sa.text("SELECT 1"))
            wrote.append(name)

    async with asyncio.timeout(20), db.begin():
        waiting = []
        for name, door in (("first", db), ("second", db), ("heartbeat", apart)):
            waiting.append(asyncio.create_task(write(name, door)))
            await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await asyncio.gather(*waiting)
    await db.close()
    assert wrote == ["heartbeat", "first", "second"]
