"""Trying a connection's credentials and scopes on both sides, with as few calls as that takes."""

from dataclasses import dataclass

from connector.app.core import Core
from connector.app.platforms import Platforms, Transport, real_network
from connector.engine.metrics import Metrics
from connector.engine.usage import CallMeter
from connector.errors import CredentialsRefused, PlatformError, UserFault
from connector.sparkpay.check import check_access
from connector.state.connections import Connection


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried."""

    side: str
    what: str
    ok: bool
    message: str


async def check_connection(core: Core, connection: Connection, transport: Transport = real_network) -> list[Finding]:
    """Try both sides. Never raises for what the platforms answer: it says so."""
    meter = CallMeter(core.usage, Metrics())
    platforms = Platforms(core, meter, transport)
    try:
        return [*await _sparkpay(platforms, connection), *await _sparklayer(platforms, connection)]
    finally:
        await meter.save()


async def _sparkpay(platforms: Platforms, connection: Connection) -> list[Finding]:
    try:
        async with platforms.sparkpay(connection, platforms.budget(connection)) as client:
            tried = await check_access(client, connection.settings)
            return [Finding("sparkpay", item.resource, item.ok, item.problem or "can be read") for item in tried]
    except (PlatformError, UserFault) as error:
        return [
            Finding("sparkpay", "store", False, _advice(error, f"connections update {connection.id} --sparkpay-token"))
        ]


async def _sparklayer(platforms: Platforms, connection: Connection) -> list[Finding]:
    side = "sparklayer"
    try:
        async with platforms.sparklayer(connection, stored_token=False) as client:
            lists = await client.price_lists.all()
            places = await client.stock_locations.all()
    except (PlatformError, UserFault) as error:
        return [
            Finding(
                side, "site", False, _advice(error, f"connections update {connection.id} --client-id --client-secret")
            )
        ]
    return [
        Finding(side, "credentials", True, f"site {connection.sparklayer.site_id}"),
        Finding(side, "price lists", True, f"{len(lists)} there"),
        Finding(side, "stock locations", True, f"{len(places)} there"),
    ]


def _advice(error: Exception, command: str) -> str:
    if isinstance(error, CredentialsRefused):
        return f"{error}; give it valid credentials: paylayer {command} ..."
    return str(error)
