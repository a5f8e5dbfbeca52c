"""How long work goes, on standard error: a bar on a terminal, elsewhere a line every few seconds."""

import sys
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from connector.clock import Clock, SystemClock

EVERY_SECONDS = 5.0


class LongWork:
    """Told how many are done; without a terminal, and with `quiet`, it says nothing at all."""

    def __init__(self, *, quiet: bool = False, clock: Clock | None = None, stream: TextIO | None = None) -> None:
        self._clock = clock or SystemClock()
        self._stream = stream or sys.stderr
        terminal = self._stream.isatty()
        self._silent = quiet and not terminal
        self._bar = _bar(self._stream) if terminal else None
        self._doing = ""
        self._began = self._told = 0.0

    def __enter__(self) -> Self:
        """Begin."""
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the line as it is."""
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, doing: str, done: int, of: int | None) -> None:
        """So many are done, of so many where that is known."""
        if self._silent:
            return
        now = self._clock.monotonic()
        if doing != self._doing:
            self._doing, self._began, self._told = doing, now, now
            if self._bar is not None:
                self._bar.add_task(doing, total=of)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[-1], completed=done, total=of)
        elif now - self._told >= EVERY_SECONDS:
            self._told = now
            self.say(in_words(doing, done, of, now - self._began))

    def say(self, line: str) -> None:
        """One line beside the progress."""
        if self._silent:
            return
        if self._bar is not None:
            self._bar.console.print(line, soft_wrap=True)
        else:
            self._stream.write(line + "\n")
            self._stream.flush()


def in_words(doing: str, done: int, of: int | None, seconds: float) -> str:
    """`sending: 1,200 of 5,000, 240/s, 16 s left`."""
    rate = done / seconds if seconds > 0 else 0.0
    told = f"{doing}: {done:,}" + (f" of {of:,}" if of is not None else "")
    if rate > 0:
        told += f", {rate:,.0f}/s" if rate >= 1 else f", {rate * 60:,.1f}/min"
        if of is not None:
            told += f", {max(0, of - done) / rate:,.0f} s left"
    return told


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f}/s")


def _bar(stream: TextIO) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=Console(file=stream, highlight=False, markup=False, emoji=False),
    )
