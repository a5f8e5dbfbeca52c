from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from connector.app.core import open_core
from connector.bus.publisher import Publisher
from connector.clock import SystemClock
from tests.behaviour.app.letter_desk import LetterDesk
from tests.support.brokers import embedded_kafka, real_kafka, with_topics
from tests.support.databases import database_url, postgres_server, postgres_url, sqlite_url

__all__ = ["database_url", "embedded_kafka", "postgres_server", "postgres_url", "real_kafka", "sqlite_url"]

KEY = "behaviour-tests-only-0123456789-01234567"
_REAL = pytest.param(("real_kafka", "postgres_url"), id="real", marks=[pytest.mark.kafka, pytest.mark.postgres])


@pytest.fixture(params=[pytest.param(("embedded_kafka", "sqlite_url"), id="embedded"), _REAL])
def addresses(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Broker and database: the embedded one with SQLite, and a real one with PostgreSQL."""
    kafka, database = (str(request.getfixturevalue(name)) for name in request.param)
    return kafka, database


@pytest_asyncio.fixture
async def desk(addresses: tuple[str, str], tmp_path: Path) -> AsyncIterator[LetterDesk]:
    """A deployment with nothing in it."""
    kafka, database = addresses
    settings = (await with_topics(kafka)).model_copy(update={"database_url": database, "secret_key": SecretStr(KEY)})
    clock = SystemClock()
    async with open_core(settings, clock) as core, Publisher.connected(settings, clock) as publisher:
        yield LetterDesk(core, publisher, tmp_path)
