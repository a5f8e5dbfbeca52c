"""Play seeds: `python -m tests.both_ways --seeds 200 [--from 1]`; exit code 0 when all passed."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.both_ways.play import Verdict, play
from tests.both_ways.world import make_template


async def _play(first: int, seeds: int) -> list[Verdict]:
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory(prefix="paylayer-both-ways-") as place:
        template = await make_template(Path(place) / "template.sqlite3")
        for seed in range(first, first + seeds):
            folder = Path(place) / str(seed)
            folder.mkdir()
            verdict = await play(seed, folder, template)
            verdicts.append(verdict)
            for problem in verdict.problems:
                _tell(f"seed {seed}: {problem}")
    return verdicts


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Play and sum up."""
    parser = argparse.ArgumentParser(prog="python -m tests.both_ways", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--from", dest="first", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    verdicts = asyncio.run(_play(options.first, options.seeds))
    failed = [verdict.seed for verdict in verdicts if verdict.problems]
    _tell(
        f"{len(verdicts)} seeds, {len(failed)} failed {failed[:20]}, {time.monotonic() - began:.0f} s; "
        f"polls with writes after the last change: at most {max(verdict.rounds for verdict in verdicts)}; "
        f"{sum(verdict.conflicts for verdict in verdicts)} conflicts, "
        f"{sum(verdict.writes for verdict in verdicts)} writes"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
