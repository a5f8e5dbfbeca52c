"""Memory of a `paylayer run` process after a full sync of a small and of a large catalogue."""

import os
from pathlib import Path

import psutil

from tests.acceptance.system import System, running, until
from tests.benchmarks.figures import Figure, at_most

_PEAK_EVERY = 0.25


def measure(folder: Path, bootstrap: str, small: int, large: int, database_url: str | None) -> list[Figure]:
    peaks = {count: _peak(folder / str(count), bootstrap, count, database_url) for count in (small, large)}
    grown = (peaks[large] - peaks[small]) / 2**20
    return [
        *(Figure("memory", f"peak at {count:,} products", peak / 2**20, "MiB") for count, peak in peaks.items()),
        at_most("memory", f"growth from {small:,} to {large:,} products", grown, "MiB", 40),
    ]


def _peak(folder: Path, bootstrap: str, products: int, database_url: str | None) -> int:
    folder.mkdir(parents=True)
    url = database_url or f"sqlite:///{folder / 'state.sqlite3'}"
    system = System(folder, bootstrap, url, f"mem{os.getpid()}-{products}")
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
