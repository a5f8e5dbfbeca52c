"""`paylayer connections`: which store is joined to which site."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from connector.app.access import check_connection
from connector.app.connection_report import connection_report
from connector.app.core import open_core
from connector.app.sync_log_keeping import clear_sync_log_once
from connector.app.webhook_keeping import webhooks_once
from connector.cli import webhooks
from connector.cli.options import ConnectionId, Json, pairs
from connector.cli.output import as_json, console, run_async, table
from connector.errors import PayLayerError, UserFault
from connector.mapping_rules import mapping_of
from connector.settings import ConnectionSettings, load
from connector.settings.addresses import host_for, require_id, require_token, require_url
from connector.settings.flows import require_consistent_flows
from connector.state.connections import Connection, SparkLayerAccess, SparkPayAccess
from contracts.topics import SIDES

app = typer.Typer(no_args_is_help=True)
app.add_typer(webhooks.app, name="webhooks")

SparkPayUrl = Annotated[
    str, typer.Option("--sparkpay-url", help="Address of the store, for instance https://shop.example.com.")
]
SparkPayToken = Annotated[
    str,
    typer.Option(
        "--sparkpay-token", envvar="SPARKPAY_TOKEN", help="API token of the store; better given in the environment."
    ),
]
SiteId = Annotated[str, typer.Option("--site-id", help="SparkLayer site id.")]
ClientId = Annotated[str, typer.Option("--client-id", help="SparkLayer client id.")]
ClientSecret = Annotated[
    str,
    typer.Option(
        "--client-secret",
        envvar="SPARKLAYER_CLIENT_SECRET",
        help="SparkLayer client secret; better in the environment.",
    ),
]
SiteEnv = Annotated[str, typer.Option("--site-env", help="live or test.")]
SparkLayerUrl = Annotated[
    str | None, typer.Option("--sparklayer-url", help="Address of SparkLayer; by default that of --site-env.")
]
Limit = Annotated[
    int | None, typer.Option("--sparkpay-limit", help="Calls per 10 s of the store's plan: 5, 10, 20 or 50.")
]
CurrencyCode = Annotated[
    str | None, typer.Option("--currency", help="Currency of the store's prices, for instance usd.")
]
Types = Annotated[
    str | None,
    typer.Option("--b2b-customer-types", help="Customer types that buy through SparkLayer: all, or ids such as 1,2."),
]
MappingFile = Annotated[
    Path | None, typer.Option("--mapping", metavar="FILE", help="Field mapping (TOML): rename, drop, default, compute.")
]
OneSide = Annotated[str | None, typer.Option("--side", help="Only this side: sparkpay or sparklayer.")]
Set = Annotated[
    list[str], typer.Option("--set", metavar="KEY=VALUE", help="A setting of the mapping; may be repeated.")
]


def _settings(
    base: ConnectionSettings,
    limit: int | None,
    currency: str | None,
    types: str | None,
    values: list[str],
    mapping: Path | None = None,
) -> ConnectionSettings:
    named: dict[str, str] = {}
    if limit is not None:
        named["sparkpay.limit"] = str(limit)
    if currency is not None:
        named["store.currency_code"] = currency.upper()
    settings = base.with_values({**named, **pairs(values)})
    if types is not None:
        settings = settings.with_b2b_types(types)
    if mapping is not None:
        settings = settings.with_mapping(_text_of(mapping), str(mapping))
    require_consistent_flows(settings)
    return settings


def _text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserFault(f"--mapping: {file} cannot be read: {why}") from error


@app.command()
def add(
    id_: ConnectionId,
    sparkpay_url: SparkPayUrl,
    sparkpay_token: SparkPayToken,
    site_id: SiteId,
    client_id: ClientId,
    client_secret: ClientSecret,
    currency: CurrencyCode,
    site_env: SiteEnv = "live",
    sparklayer_url: SparkLayerUrl = None,
    sparkpay_limit: Limit = None,
    b2b_customer_types: Types = None,
    values: Set = [],  # noqa: B006 - Typer copies it
    mapping: MappingFile = None,
    no_sync: Annotated[bool, typer.Option("--no-sync", help="Do not start with a full sync.")] = False,
) -> None:
    """Join a store with a site. A running service picks it up within seconds and starts with a full sync."""
    require_id(id_)
    settings = _settings(ConnectionSettings(), sparkpay_limit, currency, b2b_customer_types, values, mapping)
    token = require_token(sparkpay_token, "--sparkpay-token")
    sparkpay = SparkPayAccess(require_url(sparkpay_url, "--sparkpay-url"), token)
    address = host_for(site_env)
    if sparklayer_url:
        address = require_url(sparklayer_url, "--sparklayer-url")
    client_id, client_secret = client_id.strip(), require_token(client_secret, "--client-secret")
    sparklayer = SparkLayerAccess(address, require_token(site_id, "--site-id"), site_env, client_id, client_secret)

    async def work() -> None:
        async with open_core(load()) as core:
            await core.connections.add(id_, sparkpay, sparklayer, settings)
            if not no_sync:
                await core.runs.request(id_, entities=(), full=True, requested_by="connections add")

    run_async(work())
    console().print(f"added {id_}: {sparkpay.url} and {site_id} ({site_env}) at {address}")
    if not settings.b2b.customer_type_ids:
        console().print(
            "no B2B customer types are named: only the base price list will be filled (--b2b-customer-types)"
        )
    console().print(f"next: paylayer connections check {id_}")


@app.command("list")
def list_(json: Json = False) -> None:
    """List all connections."""

    async def work() -> list[Connection]:
        async with open_core(load()) as core:
            return list(await core.connections.all())

    found = run_async(work())
    if json:
        as_json([connection_report(connection) for connection in found])
        return
    table(
        ("ID", "STATE", "SPARK PAY", "SPARKLAYER", "LIMIT"),
        (
            (
                c.id,
                c.state,
                c.sparkpay.url,
                f"{c.sparklayer.site_id} ({c.sparklayer.site_env})",
                f"{c.settings.sparkpay.limit}/10 s",
            )
            for c in found
        ),
        empty="no connections yet: paylayer connections add --help",
    )


@app.command()
def show(id_: ConnectionId, json: Json = False) -> None:
    """Show one connection with its settings; secrets are never shown."""

    async def work() -> tuple[Connection, dict[str, str]]:
        async with open_core(load()) as core:
            return await core.connections.get(id_), {s: p.reason for s, p in (await core.pauses.paused(id_)).items()}

    connection, pauses = run_async(work())
    shown = connection_report(connection) | {"paused": pauses}
    if json:
        as_json(shown)
        return
    settings = shown.pop("settings")
    settings["mapping"] = {"rules": _mapping_in_words(connection)}
    table(("WHAT", "VALUE"), ((key, value) for key, value in shown.items() if value not in ({}, None)), empty="")
    console().print()
    changed = ((f"{section}.{key}", value) for section, values in settings.items() for key, value in values.items())
    table(("SETTING", "VALUE"), changed, empty="")


def _mapping_in_words(connection: Connection) -> str:
    rules = len(mapping_of(connection.settings.mapping.rules))
    return f"{rules} rules: paylayer mapping show {connection.id}" if rules else "none"


@app.command()
def update(
    id_: ConnectionId,
    sparkpay_url: Annotated[str | None, typer.Option("--sparkpay-url", help="New address of the store.")] = None,
    sparkpay_token: Annotated[
        str | None, typer.Option("--sparkpay-token", envvar="SPARKPAY_TOKEN", help="New token.")
    ] = None,
    client_id: Annotated[str | None, typer.Option("--client-id", help="New SparkLayer client id.")] = None,
    client_secret: Annotated[
        str | None, typer.Option("--client-secret", envvar="SPARKLAYER_CLIENT_SECRET", help="New secret.")
    ] = None,
    sparklayer_url: SparkLayerUrl = None,
    sparkpay_limit: Limit = None,
    currency: CurrencyCode = None,
    b2b_customer_types: Types = None,
    values: Set = [],  # noqa: B006
    mapping: MappingFile = None,
    no_mapping: Annotated[bool, typer.Option("--no-mapping", help="Forget the field mapping.")] = False,
) -> None:
    """Change addresses, credentials or settings. A running service takes them over within seconds."""
    if no_mapping and mapping is not None:
        raise UserFault("--mapping and --no-mapping: write one of them")

    async def work() -> ConnectionSettings:
        async with open_core(load()) as core:
            now = await core.connections.get(id_)
            settings = _settings(now.settings, sparkpay_limit, currency, b2b_customer_types, values, mapping)
            settings = settings.with_mapping("", "--no-mapping") if no_mapping else settings
            sparkpay = replace(
                now.sparkpay,
                url=require_url(sparkpay_url, "--sparkpay-url") if sparkpay_url else now.sparkpay.url,
                token=require_token(sparkpay_token, "--sparkpay-token") if sparkpay_token else now.sparkpay.token,
            )
            sparklayer = replace(
                now.sparklayer,
                url=require_url(sparklayer_url, "--sparklayer-url") if sparklayer_url else now.sparklayer.url,
                client_id=client_id or now.sparklayer.client_id,
                client_secret=(
                    require_token(client_secret, "--client-secret") if client_secret else now.sparklayer.client_secret
                ),
            )
            await core.connections.update(id_, sparkpay=sparkpay, sparklayer=sparklayer, settings=settings)
            return settings

    run_async(work())
    console().print(f"updated {id_}; check it with: paylayer connections check {id_}")


@app.command()
def pause(id_: ConnectionId, side: OneSide = None) -> None:
    """Stop reading and writing. Events of other services go on being collected."""
    chosen = _side(side)

    async def work() -> None:
        async with open_core(load()) as core:
            if chosen is None:
                await core.connections.set_state(id_, "paused")
            else:
                await core.connections.get(id_)
                await core.pauses.pause(id_, chosen, f"by hand; end it with: paylayer connections resume {id_}")

    run_async(work())
    console().print(f"paused {id_}{_of(chosen)}; go on with: paylayer connections resume {id_}{_option(chosen)}")


@app.command()
def resume(id_: ConnectionId, side: OneSide = None) -> None:
    """Go on after a pause, whoever made it."""
    chosen = _side(side)

    async def work() -> str:
        async with open_core(load()) as core:
            if chosen is None:
                await core.connections.set_state(id_, "active")
            for each in SIDES if chosen is None else (chosen,):
                await core.pauses.resume(id_, each)
            return (await core.connections.get(id_)).state

    state = run_async(work())
    if state == "paused":
        console().print(f"{id_}{_of(chosen)} goes on with the connection: paylayer connections resume {id_}")
    else:
        console().print(f"{id_}{_of(chosen)} goes on")


def _side(side: str | None) -> str | None:
    if side is not None and side not in SIDES:
        raise UserFault(f"--side {side}: write one of {', '.join(SIDES)}")
    return side


def _of(side: str | None) -> str:
    return "" if side is None else f" ({side})"


def _option(side: str | None) -> str:
    return "" if side is None else f" --side {side}"


@app.command()
def remove(id_: ConnectionId, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Forget a connection. Its credentials and all that is known of it go; the platforms keep their data."""

    async def work() -> None:
        async with open_core(load()) as core:
            connection = await core.connections.get(id_)
            if not yes and not sys.stdin.isatty():
                raise UserFault(f"removing {id_} is not undone: add --yes where nobody can be asked")
            if not yes:
                typer.confirm(f"Remove {id_} with its credentials and its state?", abort=True)
            if await core.webhooks.get(id_) is not None:
                try:
                    await webhooks_once(core, connection, "remove")
                except PayLayerError as error:
                    console().print(f"note: its webhooks stay in the store, delete them there: {error}")
            try:
                await clear_sync_log_once(core, connection)
            except PayLayerError as error:
                console().print(f"note: SparkLayer's sync log still shows the last report: {error}")
            await core.connections.remove(id_)

    run_async(work())
    console().print(f"removed {id_}")


@app.command()
def check(id_: ConnectionId, json: Json = False) -> None:
    """Try both sides' addresses, credentials and scopes. Exit code 1 where something is missing."""

    async def work() -> list[Any]:
        async with open_core(load()) as core:
            return await check_connection(core, await core.connections.get(id_))

    findings = run_async(work())
    if json:
        as_json([{"side": f.side, "what": f.what, "ok": f.ok, "message": f.message} for f in findings])
    else:
        table(
            ("", "SIDE", "WHAT", "RESULT"),
            (("ok" if f.ok else "!!", f.side, f.what, f.message) for f in findings),
            empty="nothing was checked",
        )
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)
