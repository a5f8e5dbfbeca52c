"""`paylayer sync --dry-run`: what a sync would do, change by change, while it is found out."""

import json as json_text
from collections.abc import Sequence
from dataclasses import dataclass

from connector.app.core import open_core
from connector.app.differences import Change, in_words
from connector.app.dry_run import DryRun, dry_run, summary
from connector.choice import Choice
from connector.cli.output import console, plain, run_async, visible, write
from connector.cli.progress import LongWork
from connector.settings import load

_MOST_FIELDS = 30
_BEGIN = '{"changes": ['


def show_dry_run(id_: str, kinds: Sequence[str], choice: Choice | None, *, json: bool) -> None:
    """Print every change as it is found, then the sums; with `json` one document, written as it grows."""
    told = 0

    def say(change: Change) -> None:
        nonlocal told
        if json:
            write(f"{',' if told else _BEGIN}\n{json_text.dumps(change.as_json(), ensure_ascii=False, default=plain)}")
        else:
            console().print("\n".join(_lines(change)))
        told += 1

    async def work() -> DryRun:
        with LongWork(quiet=True) as progress:
            async with open_core(load()) as core:
                counting = _Rows(progress)
                return await dry_run(core, id_, say=say, entities=kinds, choice=choice, progress=counting)

    found = run_async(work())
    if json:
        sums = json_text.dumps(summary(found), ensure_ascii=False, indent=2)
        write(f'{"" if told else _BEGIN}\n], "summary": {sums}}}\n')
    else:
        _say(found)


@dataclass(slots=True)
class _Rows:
    """Shows how many rows were read; implements `Progress`."""

    shown: LongWork
    rows: int = 0

    async def __call__(self, *, read: int = 0, published: int = 0, skipped: int = 0) -> None:  # noqa: ARG002
        """Counts to add."""
        self.rows += read
        self.shown("rows read", self.rows, None)


def _lines(change: Change) -> list[str]:
    lines = [f"{change.act} {visible(change.what)} on {change.side}"]
    shown = in_words(change.fields[:_MOST_FIELDS])
    lines += [f"  {visible(line)}" for line in shown]
    if len(change.fields) > len(shown):
        lines.append(f"  and {len(change.fields) - len(shown)} more fields: --json shows all")
    return lines


def _say(found: DryRun) -> None:
    out = console()
    for one in found.refused:
        out.print(f"refuse {one.entity} {visible(one.key)}: {one.code}: {visible(one.message)}")
    if found.refused_in_all > len(found.refused):
        out.print(f"and {found.refused_in_all - len(found.refused)} more refusals")
    out.print(
        f"{found.read} rows read: {found.created} to create, {found.changed} to change, {found.removed} to remove, "
        f"{found.refused_in_all} would be refused, {found.undecided} undecided"
    )
    pay, layer = found.calls.get("sparkpay", 0), found.calls.get("sparklayer", 0)
    out.print(f"nothing was written; calls: {pay} to Spark Pay, {layer} to SparkLayer")
