"""A copy of the database that is taken while it is written to."""

import asyncio
from pathlib import Path

import pytest

from connector.clock import SteppedClock
from connector.errors import UserFault
from connector.state.database import Database
from connector.state.inbox import Inbox
from tests.behaviour.state.arrivals import arrival


async def test_a_copy_holds_one_moment_and_nobody_waits_for_it(sqlite_url: str, tmp_path: Path) -> None:
    """Rows are put two by two: whichever moment the copy shows, it shows both or neither."""
    database = await Database.open(sqlite_url, create=True)
    inbox = Inbox(database, SteppedClock())

    async def write() -> None:
        for number in range(150):
            await inbox.put([arrival(f"a:{number}"), arrival(f"b:{number}")])

    writing = asyncio.create_task(write())
    path = tmp_path / "copy.sqlite3"
    try:
        while (await inbox.counts()).get(("acme", "sparklayer", "product")) is None:
            await asyncio.sleep(0)
        await database.copy_to(path)
        await writing
    finally:
        await database.close()
    copy = await Database.open(f"sqlite:///{path}")
    try:
        async with copy.read() as transaction:
            keys = set((await transaction.exec_driver_sql("SELECT key FROM inbox")).scalars())
    finally:
        await copy.close()
    assert keys
    assert {f"b:{key[2:]}" for key in keys if key.startswith("a:")} == {key for key in keys if key.startswith("b:")}


async def test_a_copy_never_replaces_a_file(sqlite_url: str, tmp_path: Path) -> None:
    database = await Database.open(sqlite_url, create=True)
    try:
        there = tmp_path / "there"
        there.write_text("mine")
        with pytest.raises(UserFault, match="exists already"):
            await database.copy_to(there)
        with pytest.raises(UserFault, match="cannot be written"):
            await database.copy_to(tmp_path / "no folder" / "copy")
    finally:
        await database.close()
    assert there.read_text() == "mine"


@pytest.mark.postgres
async def test_postgresql_has_its_own_tool_for_that(postgres_url: str, tmp_path: Path) -> None:
    database = await Database.open(postgres_url, create=True)
    try:
        with pytest.raises(UserFault, match="pg_dump"):
            await database.copy_to(tmp_path / "copy")
    finally:
        await database.close()
