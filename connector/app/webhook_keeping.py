"""A connection's webhooks: registered at the start, repaired when somebody deletes them, their secret rotated."""

import random
from dataclasses import dataclass, field
from typing import Literal

import structlog

from connector.app.core import Core
from connector.app.platforms import Platforms, Transport, real_network
from connector.engine.metrics import Metrics
from connector.engine.usage import CallMeter
from connector.errors import PayLayerError, UserFault
from connector.settings.addresses import require_url
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.webhook_registration import Registration, WebhookRegistration
from connector.state.connections import Connection

log = structlog.get_logger("paylayer.webhooks")
HOUR = 3600.0
RETRY_SECONDS = 300.0
TURN, TURN_SECONDS = "webhooks", 30.0

Action = Literal["register", "check", "rotate"]


def address_of(core: Core, connection: str) -> str:
    """Where the store sends its webhooks, up to the secret. Raises `UserFault` without a public address."""
    if not core.settings.public_url:
        raise UserFault("PAYLAYER_PUBLIC_URL is not set: give the address under which the store reaches this service")
    return f"{require_url(core.settings.public_url, 'PAYLAYER_PUBLIC_URL')}/webhooks/sparkpay/{connection}/"


async def bring_webhooks(
    core: Core, connection: Connection, client: SparkPayClient, action: Action = "register"
) -> Registration:
    """Do it and write down what came of it, unless it is being done. Raises what the client and the database raise."""
    if action == "check":
        return await _bring(core, connection, client, action)
    async with core.turns.taken(connection.id, TURN, TURN_SECONDS):  # so that no removal overlooks what comes now
        return await _bring(core, connection, client, action)


async def _bring(core: Core, connection: Connection, client: SparkPayClient, action: Action) -> Registration:
    address = address_of(core, connection.id)
    secrets = core.webhooks
    access = await (secrets.rotate if action == "rotate" else secrets.ensure)(connection.id)
    former = [access.former] if access.former is not None else []
    registration = WebhookRegistration(client, address, access.secret, former)
    done = await registration.register(_kinds(connection), write=action != "check")
    if action != "check":
        await secrets.settled(connection.id, "; ".join(done.problems) or None)
    return done


async def remove_webhooks(core: Core, connection: Connection, client: SparkPayClient) -> int:
    """Delete ours in the store and take no more; how many there were. Raises what the client raises."""
    access = await core.webhooks.get(connection.id)
    if access is None:
        return 0
    former = [access.former] if access.former is not None else []
    removed = await WebhookRegistration(client, address_of(core, connection.id), access.secret, former).remove()
    await core.webhooks.forget(connection.id)
    return removed


async def webhooks_once(
    core: Core,
    connection: Connection,
    action: Literal["register", "check", "rotate", "remove"],
    transport: Transport = real_network,
) -> Registration:
    """For a command: with a client of its own, under the store's budget."""
    address_of(core, connection.id)
    meter = CallMeter(core.usage, Metrics())
    platforms = Platforms(core, meter, transport)
    try:
        async with platforms.sparkpay(connection, platforms.budget(connection)) as client:
            if action == "remove":
                return Registration(removed=await remove_webhooks(core, connection, client))
            return await bring_webhooks(core, connection, client, action)
    finally:
        await meter.save()


@dataclass(slots=True)
class WebhookKeeper:
    """Looks after the webhooks of one connection for as long as its store is read."""

    core: Core
    connection: Connection
    client: SparkPayClient
    rng: random.Random = field(default_factory=random.Random)
    _told: str | None = None

    async def run(self) -> None:
        """Register now and look again every hour, until cancelled. Without a public address there is nothing to do."""
        if not self.core.settings.public_url or not self.connection.settings.sparkpay.webhooks:
            return
        while True:
            await self.core.clock.sleep(await self.step() * (0.9 + 0.2 * self.rng.random()))

    async def step(self) -> float:
        """Look once; returns the seconds until the next look. What fails is told once, and polling goes on."""
        try:
            done = await bring_webhooks(self.core, self.connection, self.client)
        except PayLayerError as error:
            self._tell(str(error))
            return RETRY_SECONDS
        if done.changed:
            log.info(
                "webhooks_registered",
                connection=self.connection.id,
                created=done.created,
                repaired=done.repaired,
                removed=done.removed,
            )
        self._tell("; ".join(done.problems) or None)
        return HOUR

    def _tell(self, problem: str | None) -> None:
        if problem is not None and problem != self._told:
            log.warning("webhooks_not_registered", connection=self.connection.id, problem=problem)
        self._told = problem


def _kinds(connection: Connection) -> list[str]:
    """Orders always: they take stock. Customers where somebody wants them."""
    settings = connection.settings
    wanted = settings.to_side("customer", "sparklayer") or settings.flow.customer == "to_sparkpay"
    return ["product", "order", *(["customer"] if wanted else [])]
