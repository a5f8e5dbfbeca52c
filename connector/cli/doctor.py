"""`paylayer doctor`: what is wrong and what to do."""

from typing import Annotated

import typer

from connector.app.doctor import Diagnosis, examine
from connector.cli.options import Json
from connector.cli.output import as_json, console, run_async
from connector.settings import load


def doctor(
    json: Json = False,
    offline: Annotated[bool, typer.Option("--offline", help="Make no call to a platform.")] = False,
) -> None:
    """Look at settings, database, broker, topics and each connection. Exit code 1 where something is wrong."""

    async def work() -> list[Diagnosis]:
        found = []
        async for diagnosis in examine(load(), connections=not offline):
            found.append(diagnosis)
            if not json:
                _say(diagnosis)
        return found

    found = run_async(work())
    if json:
        as_json([{"what": d.what, "ok": d.ok, "message": d.message, "advice": d.advice} for d in found])
    bad = sum(not diagnosis.ok for diagnosis in found)
    if not json:
        console().print("all is well" if bad == 0 else f"{bad} of {len(found)} need attention")
    if bad:
        raise typer.Exit(1)


def _say(diagnosis: Diagnosis) -> None:
    out = console()
    out.print(f"{'ok' if diagnosis.ok else '!!'}  {diagnosis.what}: {diagnosis.message}")
    if diagnosis.advice and not diagnosis.ok:
        out.print(f"    -> {diagnosis.advice}")
