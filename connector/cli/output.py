"""How commands speak: tables for people, JSON for scripts, one sentence for an error."""

import json
import os
import sys
from collections.abc import Coroutine, Iterable, Sequence
from datetime import datetime
from typing import Any, NoReturn, TypeVar

from rich.console import Console
from rich.table import Table

from connector.cli.interruption import interruptible

Result = TypeVar("Result")
_WIDTH_OF_A_FILE = 1000


class ReaderLeft(Exception):
    """Who read our standard output does so no longer (`| head`): nothing to say, and nowhere to say it."""


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Rich would end the process with exit code 1 as if something had failed."""
        raise ReaderLeft


def console() -> Console:
    """Standard output as text: nothing in it is taken for markup, and without a terminal nothing is folded."""
    terminal = sys.stdout.isatty() or "COLUMNS" in os.environ
    return _Console(highlight=False, markup=False, emoji=False, width=None if terminal else _WIDTH_OF_A_FILE)


def fail(message: str, code: int) -> NoReturn:
    """Say it on standard error and leave."""
    sys.stderr.write(f"paylayer: {message}\n")
    sys.exit(code)


def write(text: str) -> None:
    """Put text on standard output; what its encoding cannot say is written out. Raises `ReaderLeft`."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderLeft from error


def as_json(value: object) -> None:
    """Print one JSON document."""
    write(json.dumps(value, ensure_ascii=False, indent=2, default=plain) + "\n")


def plain(value: object) -> str:
    """What JSON has no word for: times as the API writes them (`2026-11-22T10:00:00Z`), anything else as its text."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print a table that folds long texts instead of cutting them; `empty` where there are no rows."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007
        drawn.add_row(*("" if cell is None else visible(str(cell)) for cell in row))
    if count:
        console().print(drawn)
    else:
        console().print(empty)


def visible(text: str) -> str:
    """Text of others with its control characters written out, so that it cannot speak to the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a command's work; SIGTERM and Ctrl-C end it with `KeyboardInterrupt` after its cleanup."""
    return interruptible(work)
