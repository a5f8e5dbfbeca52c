"""Feeds everything that reads what others write: python -m tests.fuzz --inputs 100000 [--seed S] [--only NAME]."""

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.fuzz.playing import Result, play
from tests.fuzz.targets import targets
from tests.support.databases import server_binaries, started


def main() -> int:
    """Play, print the table and the findings; 1 where there is one."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="in all, shared out over the targets")
    parser.add_argument("--seed", default="1", help="another seed makes other inputs")
    parser.add_argument("--only", default="", help="targets whose name holds this")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="paylayer-fuzz-") as folder, postgres() as url:
        os.environ["PAYLAYER_DATABASE_URL"] = f"sqlite:///{folder}/absent.sqlite3"  # commands find none
        results = _play_all(Path(folder), url, asked.inputs, asked.seed, asked.only)
    print(table(results))  # noqa: T201
    findings = [finding for result in results for finding in result.findings]
    for finding in {(finding.target, finding.cause): finding for finding in findings}.values():
        print(f"\n{finding}")  # noqa: T201
    print(f"\nseed {asked.seed}: {sum(result.inputs for result in results)} inputs, {len(findings)} findings")  # noqa: T201
    return 1 if findings else 0


def _play_all(folder: Path, postgres_url: str | None, inputs: int, seed: str, only: str) -> list[Result]:
    chosen = [(target, share) for target, share in targets(folder, postgres_url) if only in target.name]
    whole = sum(share for _, share in chosen)
    return [play(target, round(inputs * share / whole), seed) for target, share in chosen]


@contextmanager
def postgres() -> Iterator[str | None]:
    """A server of its own where its programs are installed, else none."""
    found = server_binaries()
    if found is None:
        yield None
    else:
        with started(found) as url:
            yield url


def table(results: Sequence[Result]) -> str:
    """Inputs, seconds and outcomes per target."""
    lines = [f"{'TARGET':22} {'INPUTS':>8} {'SECONDS':>8} {'FINDINGS':>8}  OUTCOMES"]
    for result in results:
        ends = ", ".join(f"{name} {count}" for name, count in result.outcomes.most_common(9))
        lines.append(f"{result.target:22} {result.inputs:>8} {result.seconds:>8.1f} {len(result.findings):>8}  {ends}")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
