"""`paylayer backup`: a copy of the SQLite database, taken while everything runs."""

from pathlib import Path
from typing import Annotated

import typer

from connector.cli.output import console, run_async
from connector.settings import load
from connector.state.database import Database


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy; it must not exist yet.")],
) -> None:
    """Copy the SQLite database to FILE as it is at one moment, while the service runs.

    PostgreSQL has its own tool for that: pg_dump. Keep PAYLAYER_SECRET_KEY beside the copy: without it the credentials
    in it cannot be read. After the copy was put back: paylayer rebuild --force.
    """

    async def work() -> str:
        database = await Database.open(load().database)
        try:
            await database.copy_to(file)
            return database.where
        finally:
            await database.close()

    where = run_async(work())
    console().print(f"copied {where} to {file}")
