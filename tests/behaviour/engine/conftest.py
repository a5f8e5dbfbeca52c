import pytest_asyncio

from connector.state.database import Database
from tests.behaviour.engine.bench import Bench
from tests.support.databases import database_url, db, postgres_server, postgres_url, sqlite_url

__all__ = ["bench", "database_url", "db", "postgres_server", "postgres_url", "sqlite_url"]


@pytest_asyncio.fixture
async def bench(db: Database) -> Bench:
    return await Bench.made(db)
