"""`paylayer contracts`: what other services build against."""

from pathlib import Path
from typing import Annotated

import typer

from connector.cli.output import console
from contracts.export import write

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """What other services build against: JSON Schemas and the AsyncAPI document."""


@app.command()
def export(
    folder: Annotated[Path, typer.Option("--to", help="Folder to write to; made where it is missing.")] = Path(
        "contracts-export"
    ),
) -> None:
    """Write the JSON Schemas and the AsyncAPI document to a folder."""
    written = list(write(folder))
    console().print(f"{len(written)} files in {folder}/")
    for path in written:
        console().print(f"  {path}")
