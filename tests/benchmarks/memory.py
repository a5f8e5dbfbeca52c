"""Memory of a `paylayer run` process after a full sync of a small and of a large catalogue."""

import os
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.acceptance.system import System, running, until
from tests.benchmarks.figures import Figure, at_most

_PEAK_EVERY = 0.25


def measure(
    folder: Path, bootstrap: str, small: int, large: int, *, label: str, database: Callable[[Path], str]
) -> list[Figure]:
    """`database` makes an empty one for each catalogue."""
    peaks = {count: _peak(folder / f"{label}-{count}", bootstrap, count, database) for count in (small, large)}
    grown = (peaks[large] - peaks[small]) / 2**20
    return [
        *(
            Figure("memory", f"peak at {count:,} products, {label}", peak / 2**20, "MiB")
            for count, peak in peaks.items()
        ),
        at_most("memory", f"growth from {small:,} to {large:,} products, {label}", grown, "MiB", 40),
    ]


def _peak(folder: Path, bootstrap: str, products: int, database: Callable[[Path], str]) -> int:
    folder.mkdir(parents=True)
    system = System(folder, bootstrap, database(folder), f"mem{os.getpid()}-{folder.name}")
    with running(system):
        system.sandboxes(products=products, limit=1000)
        system.connect("sparkpay.limit=1000")
        system.service()
        process = psutil.Process(system.processes["service"].pid)
        peak = 0

        def done() -> bool:
            nonlocal peak
            peak = max(peak, process.memory_info().rss)
            return "sync_finished" in system.log("service")

        until(f"{products} products are synchronised", done, seconds=3600, every=_PEAK_EVERY)
        return peak
