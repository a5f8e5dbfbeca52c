"""Where a benchmark runs: a given broker or the embedded one, SQLite or a given PostgreSQL."""

import contextlib
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg

from connector.bus.embedded import EmbeddedBroker
from connector.demo.stage import settings_for
from connector.settings import Settings
from tests.support.databases import server_binaries, started


@contextlib.contextmanager
def place(kafka: str | None, postgres: str | None) -> Iterator[Settings]:
    """Settings for one run: fresh topics, a fresh database."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if kafka is None:
            broker = stack.enter_context(EmbeddedBroker())
            base = settings_for(folder, broker.bootstrap_servers, prefix=f"b{secrets.token_hex(3)}")
            settings = broker.settings(base)
        else:
            settings = settings_for(folder, kafka, prefix=f"b{secrets.token_hex(3)}")
        if postgres is not None:
            settings = settings.model_copy(update={"database_url": postgres})
        yield settings


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL server of this machine's packages."""
    found = server_binaries()
    if found is None:
        raise SystemExit("there is no PostgreSQL server on this machine: give one with --postgres")
    with started(found, durable=True) as url:
        yield url


async def fresh_database(server: str) -> str:
    """A new database on a PostgreSQL server given as postgresql://user:password@host:port/postgres."""
    name = f"bench_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
    return f"{server.rpartition('/')[0]}/{name}"
