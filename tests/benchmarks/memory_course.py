"""How much memory a process needs while it works."""

import sys
import time

import psutil

_SHOWN_EVERY = 5.0
_MEBIBYTE = 2**20


class MemoryCourse:
    """Samples of the resident memory of one process, in MiB, shown every few seconds on standard error."""

    def __init__(self, pid: int, title: str) -> None:
        self._process = psutil.Process(pid)
        self._title = title
        self._began = time.monotonic()
        self._shown = 0.0
        self._samples: list[tuple[float, float]] = []  # seconds since the beginning, MiB

    def sample(self) -> None:
        """Look once."""
        seconds, used = time.monotonic() - self._began, self._process.memory_info().rss / _MEBIBYTE
        self._samples.append((seconds, used))
        if seconds - self._shown >= _SHOWN_EVERY:
            self._shown = seconds
            sys.stderr.write(f"{self._title}: {seconds:.0f} s, {used:.1f} MiB\n")

    @property
    def seconds(self) -> float:
        """How long it took up to the last sample."""
        return self._samples[-1][0]

    @property
    def peak(self) -> float:
        """The most of all."""
        return max(used for _, used in self._samples)

    @property
    def growth(self) -> float:
        """How much higher the peak of the last two thirds of the time is than that of the first third."""
        third = self.seconds / 3
        return self.peak - max(used for seconds, used in self._samples if seconds <= third)
