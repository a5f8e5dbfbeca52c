"""Databases for tests: a fresh SQLite file or a fresh PostgreSQL database for each test that asks.

PostgreSQL is the server named by PAYLAYER_TEST_POSTGRES (an address whose user may create databases), else one that
is started from local binaries for the session. Without either the tests are skipped, or fail where
PAYLAYER_TEST_REQUIRE=1.
"""

import asyncio
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy.engine import make_url

from connector.state.database import Database
from tests.support.ports import free_port

_NOT_THERE = "no PostgreSQL: set PAYLAYER_TEST_POSTGRES, or install its server (initdb and postgres are not found)"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a server whose user may create databases."""
    if given := os.environ.get("PAYLAYER_TEST_POSTGRES"):
        yield given
        return
    found = server_binaries()
    if found is None:
        if os.environ.get("PAYLAYER_TEST_REQUIRE") == "1":
            pytest.fail(_NOT_THERE)
        pytest.skip(_NOT_THERE)
    with started(found) as url:
        yield url


@pytest_asyncio.fixture
async def postgres_url(postgres_server: str) -> AsyncIterator[str]:
    """An empty PostgreSQL database of this test's own."""
    name = f"paylayer_test_{uuid.uuid4().hex[:12]}"
    await _administer(postgres_server, f'CREATE DATABASE "{name}"')
    yield make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    await _administer(postgres_server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file of this test's own; not made yet."""
    return f"sqlite:///{tmp_path / 'paylayer.sqlite3'}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Each test runs once on either kind of database."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """An open database with all tables."""
    database = await Database.open(database_url, create=True)
    yield database
    await database.close()


@contextmanager
def started(binaries: Path, *, durable: bool = False) -> Iterator[str]:
    """A server with its data in a temporary folder, listening on a free local port; gone afterwards.

    Without `durable` it does not wait for the disk: tests kill processes, not the machine.
    """
    folder = Path(tempfile.mkdtemp(prefix="paylayer-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        data, port = folder / "data", free_port()
        as_postgres([str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"])
        options = (
            f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c max_connections=200"
        )
        if not durable:
            options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        control = [str(binaries / "pg_ctl"), "-D", str(data), "-w", "-t", "30"]
        as_postgres([*control, "-o", options, "-l", str(folder / "log"), "start"])
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            as_postgres([*control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def as_postgres(command: list[str]) -> None:
    """PostgreSQL refuses to run as root; its own user does it then."""
    if os.geteuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/", check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout.decode(errors='replace')}"


def server_binaries() -> Path | None:
    """The folder of initdb and pg_ctl: the newest of Debian's, else what PATH has."""

    def version(path: Path) -> int:
        return int(path.parent.name) if path.parent.name.isdigit() else 0

    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=version, reverse=True)
    named = shutil.which("initdb")
    on_path = [Path(named).resolve().parent] if named else []
    return next((path for path in [*packaged, *on_path] if (path / "pg_ctl").exists()), None)


def run_on_postgres(url: str, statement: str) -> None:
    """One statement, outside of any event loop."""
    asyncio.run(_administer(url, statement))


async def _administer(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", "").replace("postgres://", "postgresql://"))
    try:
        await asyncio.wait_for(connection.execute(statement), 30)
    finally:
        await connection.close()
