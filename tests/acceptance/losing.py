"""Databases that are lost, copied and put back, under a system of real processes."""

import asyncio
import subprocess
from pathlib import Path

import asyncpg
import pytest

from tests.acceptance.system import System
from tests.support.databases import server_binaries


def lose_database(system: System) -> None:
    """Nothing of it is left."""
    if system.database_url.startswith("sqlite"):
        for path in system.folder.glob("state.sqlite3*"):
            path.unlink()
    else:
        asyncio.run(_run(system.database_url, "DROP SCHEMA public CASCADE; CREATE SCHEMA public"))


def back_up(system: System, path: Path) -> None:
    """As docs/operations.md says, while everything runs."""
    if system.database_url.startswith("sqlite"):
        system.command("backup", str(path))
    else:
        _tool("pg_dump", "--format=custom", f"--file={path}", system.database_url)


def put_back(system: System, path: Path) -> None:
    """The database is as it was when it was copied."""
    lose_database(system)
    if system.database_url.startswith("sqlite"):
        (system.folder / "state.sqlite3").write_bytes(path.read_bytes())
    else:
        _tool("pg_restore", "--no-owner", "--dbname", system.database_url, str(path))


def _tool(name: str, *arguments: str) -> None:
    folder = server_binaries()
    if folder is None or not (folder / name).exists():
        pytest.skip(f"{name} is not there")
    done = subprocess.run([str(folder / name), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def _run(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
