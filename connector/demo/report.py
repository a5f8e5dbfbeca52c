"""The demo's words in 80 columns, with or without a terminal: progress lines, and the summary at the end."""

from collections.abc import Iterator
from typing import IO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from connector.demo.result import SPARK_LAYER, SPARK_PAY, Calls, DemoResult, Refused, WindowUse

WIDTH = 80
_WINDOWS_SHOWN = 8
_DIFFERENCES_SHOWN = 12
_BAR = 20
_LONGEST_KEY = 24
_REASONS = {
    "sku_duplicate": "another product has the same SKU; the older one keeps it",
    "duplicate-sku": "another product has the same SKU; the older one keeps it",
    "sku_missing": "it has no SKU, so nobody could order it",
    "sku_too_long": "its SKU has more than 100 characters",
    "title_missing": "it has neither a name nor an item number",
    "variant_sku_ambiguous": "several combinations of its options have the same SKU",
    "price_rule_unknown": "its price follows a rule that SparkLayer cannot know",
    "country_unknown": "no country has the name in one of its addresses",
    "price_too_large": "SparkLayer does not take a price that large",
}


def demo_console(file: IO[str] | None = None) -> Console:
    """A console for the demo: 80 columns, colours only where `file` (default: standard output) is a terminal."""
    shown = Console(file=file, width=WIDTH, highlight=False)
    if shown.file.isatty():
        return shown
    return Console(file=file, width=WIDTH, highlight=False, force_terminal=False, no_color=True)


def progress(seconds: float, phase: str, *, done: int | None = None, of: int | None = None, note: str = "") -> Text:
    """One line while the demo runs: when, what, how far."""
    line = Text()
    line.append(f"{seconds:6.1f} s  ", style="dim")
    line.append(phase)
    if done is not None:
        line.append(f"  {done:,} of {of:,}" if of is not None else f"  {done:,}", style="cyan")
    if note:
        line.append(f"  {' '.join(note.split())}", style="dim")
    line.truncate(WIDTH, overflow="ellipsis")
    return line


def show_progress(
    console: Console, seconds: float, phase: str, *, done: int | None = None, of: int | None = None, note: str = ""
) -> None:
    """Print one progress line."""
    console.print(progress(seconds, phase, done=done, of=of, note=note))


def show_summary(console: Console, result: DemoResult) -> None:
    """Print the summary."""
    console.print(summary(result))


def summary(result: DemoResult) -> RenderableType:
    """Everything a person wants to know after the run, the verdict last."""
    return Group(*_parts(result))


def reason(refused: Refused) -> str:
    """Why a record was refused, in words; the platform's own where the code is not known."""
    return _REASONS.get(refused.code, " ".join(refused.message.split()) or refused.code or "no reason was given")


def _parts(result: DemoResult) -> Iterator[RenderableType]:
    held = result.synchronised
    yield _heading("What SparkLayer holds now")
    yield _indented(
        f"{_count(held.products, 'product')}, {_count(held.variants, 'variant')}, "
        f"{_count(held.prices, 'price')} in {_count(held.price_lists, 'price list')}, "
        f"{_count(held.stock_rows, 'stock level')}, {_count(held.customers, 'customer')}, "
        f"{_count(held.purchases, 'order')}"
    )
    if result.changes:
        yield _heading("What the merchant did meanwhile")
        yield _indented(", ".join(f"{number:,} {what}" for what, number in result.changes.items()))
    yield _heading("Time and calls")
    yield _phases(result)
    yield _heading("Calls per side")
    yield _sides(result)
    yield _heading("Spark Pay's rate window")
    yield from _window(result.window)
    if result.refused:
        yield _heading("Refused, and kept as dead letters")
        yield _letters(result)
    if result.replays:
        yield _heading("Edited and replayed")
        yield from map(_indented, result.replays)
    yield _heading("Comparison of both platforms")
    yield from _verdict(result)


def _phases(result: DemoResult) -> Table:
    table = _table("Phase", ">Time", ">Changed", ">Spark Pay calls", ">SparkLayer calls")
    for phase in result.phases:
        table.add_row(
            Text(phase.name),
            f"{phase.seconds:.1f} s",
            f"{phase.changed:,}",
            _made(phase.sparkpay),
            _made(phase.sparklayer),
        )
    table.add_section()
    total = [_made(result.total(side)) for side in (SPARK_PAY, SPARK_LAYER)]
    table.add_row("All", f"{result.seconds:.1f} s", f"{result.changed:,}", *total)
    return table


def _sides(result: DemoResult) -> Table:
    table = _table("Platform", ">Calls", ">Least possible", ">Above that", ">Per changed entity")
    for side in (SPARK_PAY, SPARK_LAYER):
        calls = result.total(side)
        least = "unknown" if calls.least is None else f"{calls.least:,}"
        above = f"{(calls.made - calls.least) / calls.least:+.0%}" if calls.least else "-"
        each = f"{calls.made / result.changed:.3f}" if result.changed else "-"
        table.add_row(side, f"{calls.made:,}", least, above, each)
    return table


def _window(window: WindowUse) -> Iterator[RenderableType]:
    highest = max(window.used, default=0)
    yield _indented(
        f"{window.limit} calls are allowed in {window.seconds:g} s. In {_count(len(window.used), 'window')} "
        f"the highest use was {highest} of {window.limit}; refused: {window.refused}."
    )
    for number, used in enumerate(window.used[:_WINDOWS_SHOWN], start=1):
        bar = "#" * min(_BAR, round(_BAR * used / window.limit))
        yield _indented(f"window {number:>3}  {used:>4} / {window.limit}  {bar}")
    if len(window.used) > _WINDOWS_SHOWN:
        rest = window.used[_WINDOWS_SHOWN:]
        yield _indented(f"and {len(rest)} more with {min(rest)} to {max(rest)} calls")
    if window.refused:
        yield _indented("The budget let calls through that the store refused. That should not happen.", "bold red")


def _letters(result: DemoResult) -> Table:
    table = _table("Record", "Why", "What became of it")
    table.columns[0].no_wrap = True
    for letter in result.refused:
        key = letter.key if len(letter.key) <= _LONGEST_KEY else f"{letter.key[: _LONGEST_KEY - 1]}…"
        table.add_row(Text(f"{letter.entity}\n{key}"), Text(reason(letter)), Text(letter.fate))
    return table


def _verdict(result: DemoResult) -> Iterator[RenderableType]:
    verdict = result.verdict
    if result.agrees:
        yield _indented(
            f"{verdict.fields_compared:,} fields compared, no difference. Both platforms agree.", "bold green"
        )
        return
    if not verdict.fields_compared:
        yield _indented("Nothing was compared, so nothing is proved.", "bold red")
    if verdict.differences:
        number = _count(len(verdict.differences), "difference")
        yield _indented(f"{verdict.fields_compared:,} fields compared, {number}:", "bold red")
        for words in verdict.differences[:_DIFFERENCES_SHOWN]:
            yield _indented(words)
        if len(verdict.differences) > _DIFFERENCES_SHOWN:
            yield _indented(f"and {len(verdict.differences) - _DIFFERENCES_SHOWN:,} more")


def _table(*titles: str) -> Table:
    """A table without lines but one under the titles; `>` sets a column to the right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=True, show_edge=False, header_style="bold", width=WIDTH)
    for title in titles:
        right = title.startswith(">")
        table.add_column(title.lstrip(">"), justify="right" if right else "left", no_wrap=right)
    return table


def _heading(words: str) -> RenderableType:
    return Padding(Text(words, style="bold"), (1, 0, 0, 0), expand=False)


def _indented(words: str, style: str = "") -> RenderableType:
    return Padding(Text(words, style=style), (0, 0, 0, 2), expand=False)


def _made(calls: Calls) -> str:
    return f"{calls.made:,}" if calls.least is None else f"{calls.made:,} (least {calls.least:,})"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
