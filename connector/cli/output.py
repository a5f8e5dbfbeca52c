"""How commands speak: tables for people, JSON for scripts, one sentence for an error."""

import asyncio
import json
import sys
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, NoReturn, TypeVar

from rich.console import Console
from rich.table import Table

Result = TypeVar("Result")


def console() -> Console:
    """Standard output; plain text without a terminal."""
    return Console(soft_wrap=False, highlight=False)


def fail(message: str, code: int) -> NoReturn:
    """Say it on standard error and leave."""
    sys.stderr.write(f"paylayer: {message}\n")
    sys.exit(code)


def as_json(value: object) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print a table that folds long texts instead of cutting them; `empty` where there are no rows."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007
        drawn.add_row(*("" if cell is None else str(cell) for cell in row))
    if count:
        console().print(drawn)
    else:
        console().print(empty)


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a command's work; Ctrl-C ends it with `KeyboardInterrupt` after its cleanup."""
    return asyncio.run(work)
