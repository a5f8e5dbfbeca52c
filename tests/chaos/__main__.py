"""Play seeds: `python -m tests.chaos --seeds 20 --from 1 --jobs 2`; or `--recovery 10`: measure a restart."""

import argparse
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

from tests.chaos.plan import Database, plan
from tests.chaos.recovery import measure
from tests.chaos.runner import Outcome, forget, play
from tests.chaos.servers import Missing, Servers, servers


def main() -> int:
    """Every seed, each job on servers of its own; 0 when all passed."""
    options = _options()
    folder = Path(options.folder or tempfile.mkdtemp(prefix="paylayer-chaos-seeds-"))
    if options.recovery:
        return _recovery(options.recovery, folder)
    seeds = range(options.first, options.first + options.seeds)
    _tell(f"seeds {seeds[0]} to {seeds[-1]}; what a failing one leaves is in {folder}")
    shares = [(list(seeds[number :: options.jobs]), folder, options.keep) for number in range(options.jobs)]
    if options.jobs == 1:
        results = [_some(*shares[0])]
    else:
        with ProcessPoolExecutor(options.jobs) as pool:
            results = list(pool.map(_some, *zip(*shares, strict=True)))
    outcomes = [outcome for result in results for outcome in result]
    _tell(_summary(outcomes))
    forget(folder)
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def _some(seeds: list[int], folder: Path, keep: bool) -> list[Outcome]:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))  # what was started is ended as well
    with servers() as there:
        return [_one(seed, there, folder, keep=keep) for seed in seeds]


def _one(seed: int, there: Servers, folder: Path, *, keep: bool) -> Outcome:
    try:
        outcome = play(seed, there, folder, keep=keep)
    except Exception:  # noqa: BLE001 - one seed's end is not the others'
        outcome = Outcome(plan(seed), [traceback.format_exc()], 0.0, 0.0, {}, folder / f"seed-{seed}")
    _tell(outcome.line() if outcome.passed else f"{outcome.line()}\n{outcome.report()}")
    return outcome


def _summary(outcomes: Sequence[Outcome]) -> str:
    failed = sorted(outcome.plan.seed for outcome in outcomes if not outcome.passed)
    took = [outcome.seconds for outcome in outcomes]
    quiet = [outcome.quiet_after for outcome in outcomes]
    return (
        f"{len(outcomes) - len(failed)} of {len(outcomes)} seeds passed; {median(took):.1f} s a seed in the middle, "
        f"{max(took):.1f} s at most; quiet after {median(quiet):.1f} s in the middle, {max(quiet):.1f} s at most"
        + (f"\nfailed: {', '.join(map(str, failed))}" if failed else "")
    )


def _recovery(times: int, folder: Path) -> int:
    databases: tuple[Database, ...] = ("sqlite", "postgresql")
    with servers() as there:
        for database in databases:
            _tell(measure(database, times, there, folder).line())
    return 0


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="how many")
    parser.add_argument("--from", dest="first", type=int, default=1, help="the first one")
    parser.add_argument("--jobs", type=int, default=1, help="worlds side by side, each with its own servers")
    parser.add_argument("--recovery", type=int, metavar="TIMES", help="measure the recovery after SIGKILL instead")
    parser.add_argument("--keep", action="store_true", help="keep what passed seeds leave as well")
    parser.add_argument("--folder", help="where failing seeds leave what they have")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Missing as missing:
        sys.exit(f"no chaos here: {missing}")
