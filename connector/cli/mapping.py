"""`paylayer mapping`: the connection's own field mapping, and what an entity comes to."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from connector.app.core import open_core
from connector.app.preview import Preview, Previewed, preview, report
from connector.cli.options import ConnectionId, Json
from connector.cli.output import as_json, console, plain, run_async, visible, write
from connector.errors import UserFault
from connector.mapping_rules import check_mapping
from connector.redaction import without_secrets
from connector.settings import load
from connector.state.connections import Connection
from contracts.entities import KINDS

app = typer.Typer(no_args_is_help=True)


@app.command("preview")
def preview_(
    id_: ConnectionId,
    entity: Annotated[str, typer.Option("--entity", metavar="KIND", help=f"One of {', '.join(KINDS)}.")],
    entity_id: Annotated[str, typer.Option("--id", help="Its id where it comes from; of prices and stock the SKU.")],
    source: Annotated[
        str | None, typer.Option("--from", metavar="SIDE", help="sparkpay or sparklayer; by default as it flows.")
    ] = None,
    json_: Json = False,
) -> None:
    """Show an entity as read, as understood and as it would be sent.

    Nothing is written, to no platform, no topic and no state.
    """

    async def work() -> tuple[Connection, Preview]:
        async with open_core(load()) as core:
            shown = await preview(core, id_, entity, entity_id, source=source)
            return await core.connections.get(id_), shown

    connection, shown = run_async(work())
    if json_:
        as_json(json.loads(_safe(connection, json.dumps(report(shown), default=plain, ensure_ascii=False))))
        return
    console().print(_safe(connection, "\n".join(_lines(shown))))


@app.command()
def show(id_: ConnectionId) -> None:
    """Print the mapping file of a connection as it was given."""

    async def work() -> str:
        async with open_core(load()) as core:
            return (await core.connections.get(id_)).settings.mapping.rules

    text = run_async(work())
    if not text.strip():
        console().print(f"{id_} has no field mapping: paylayer connections update {id_} --mapping FILE")
        return
    write(visible(text) if text.endswith("\n") else f"{visible(text)}\n")


@app.command()
def check(file: Annotated[Path, typer.Argument(metavar="FILE", help="A mapping file (TOML).")]) -> None:
    """Say whether a mapping file is right, without a connection."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserFault(f"{file} cannot be read: {error}") from error
    mapping = check_mapping(text, str(file))
    console().print(f"{file}: {len(mapping)} rules")
    for (side, kind), rules in mapping.rules.items():
        console().print(f"  {kind} to {side}: {len(rules)}")


def _safe(connection: Connection, text: str) -> str:
    """Nothing of the credentials, even where a platform repeats them."""
    return without_secrets(text, (connection.sparkpay.token, connection.sparklayer.client_secret))


def _lines(shown: Preview) -> list[str]:
    lines = [f"{shown.kind} from {shown.source} to {shown.side}", ""]
    for one in shown.read:
        lines += [f"read: {one.method} {visible(one.path)} ({one.status})", *_indented(one.answer)]
    for entity in shown.entities:
        lines += ["", *_entity(entity)]
    calls = ", ".join(f"{count} to {side}" for side, count in sorted(shown.calls.items()))
    return [*lines, "", f"nothing was written; calls: {calls}"]


def _entity(one: Previewed) -> list[str]:
    lines = [f"canonical entity {visible(one.key)}:", *_indented(one.entity.model_dump(mode="json", exclude_none=True))]
    if one.mapped is not None and one.mapped != one.entity:
        lines += ["after the field mapping:", *_indented(_changes(one.entity, one.mapped))]
    elif one.mapped is not None:
        lines += ["the field mapping changes nothing of it"]
    for call in one.requests:
        lines += [f"would be sent: {call.method} {visible(call.path)}", *_indented(call.body)]
    if not one.requests:
        lines += ["no request would be sent"]
    elif not one.needed:
        lines += ["it is there like that already: at the moment nothing would be sent"]
    return [*lines, f"outcome: {visible(one.outcome)}"]


def _changes(before: Any, after: Any) -> dict[str, Any]:  # noqa: ANN401 - entities
    """The fields at the top that the rules changed."""
    came, made = (entity.model_dump(mode="json") for entity in (before, after))
    return {name: value for name, value in made.items() if value != came.get(name)}


def _indented(value: object) -> list[str]:
    if value is None:
        return []
    text = json.dumps(value, ensure_ascii=False, indent=2, default=plain)
    return [f"  {visible(line)}" for line in text.splitlines()]
