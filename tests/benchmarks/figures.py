"""One measured figure and how the figures are shown."""

import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value beside what it should be; `holds` is none where there is no target."""

    benchmark: str
    what: str
    value: float
    unit: str
    target: str = ""
    holds: bool | None = None


def at_most(benchmark: str, what: str, value: float, unit: str, limit: float) -> Figure:
    return Figure(benchmark, what, value, unit, f"<= {limit:g}", value <= limit)


def at_least(benchmark: str, what: str, value: float, unit: str, limit: float) -> Figure:
    return Figure(benchmark, what, value, unit, f">= {limit:g}", value >= limit)


def plain(benchmark: str, what: str, value: float, unit: str) -> Figure:
    return Figure(benchmark, what, value, unit)


def show(figures: Sequence[Figure], out: Path | None) -> None:
    drawn = Table(title=f"Python {platform.python_version()}, {platform.machine()}")
    for column in ("benchmark", "figure", "value", "unit", "target", "holds"):
        drawn.add_column(column, overflow="fold", justify="right" if column == "value" else "left")
    for figure in figures:
        holds = "" if figure.holds is None else "yes" if figure.holds else "NO"
        value = f"{figure.value:,.3f}".rstrip("0").rstrip(".")
        drawn.add_row(figure.benchmark, figure.what, value, figure.unit, figure.target, holds)
    Console(width=None if sys.stdout.isatty() else 110).print(drawn)
    text = json.dumps([asdict(figure) for figure in figures], indent=2)
    if out is None:
        sys.stdout.write(text + "\n")
    else:
        out.write_text(text + "\n")
