"""Taking a site apart: nothing of it stays here, and of ours nothing at the platforms that can be reached."""

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog

from connector.app.core import Core
from connector.app.joining import Joining
from connector.app.platforms import Platforms
from connector.app.sync_log_keeping import clear_sync_log
from connector.app.webhook_keeping import TURN, remove_webhooks
from connector.errors import PayLayerError, UserFault
from connector.state.connections import Connection
from connector.state.ignite_sites import SiteKey
from connector.state.turns import TurnTaken

log = structlog.get_logger("paylayer.removal")
WAIT_SECONDS = 2.0  # for whoever registers webhooks now
SECONDS = 2.5  # for the platforms, together: SparkLayer waits for the answer


@dataclass(frozen=True, slots=True)
class Removal:
    """Ends connections. Safe to repeat, to run twice at once, and to begin again after a crash."""

    core: Core
    platforms: Platforms

    async def site(self, key: SiteKey) -> None:
        """SparkLayer does not want the site any more; one that is unknown is gone already."""
        await self.core.sites.set_state(key, "removing")
        connection = await Joining(self.core).connection_of(key)
        if connection is not None:
            await self.connection(connection)
        await self.core.sites.forget(key)

    async def connection(self, connection: Connection) -> None:
        """Stop its work, clean up at both platforms as far as they answer, forget everything."""
        try:
            await self.core.connections.set_state(connection.id, "paused")
        except UserFault:
            return  # somebody was faster
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self.core.turns.taken(connection.id, TURN, WAIT_SECONDS))
            except TurnTaken:
                log.warning("removed_while_webhooks_are_registered", connection=connection.id)
            except UserFault:
                return
            await asyncio.gather(
                self._try("webhooks", connection, self._remove_webhooks(connection)),
                self._try("sync log", connection, self._clear_sync_log(connection)),
            )
            try:
                await self.core.connections.remove(connection.id)
            except UserFault:
                return
        log.info("removed", connection=connection.id)

    async def _try(self, what: str, connection: Connection, work: Awaitable[None]) -> None:
        """A platform that refuses or does not answer must not keep the data here."""
        try:
            async with asyncio.timeout(SECONDS):
                await work
        except (PayLayerError, TimeoutError) as error:
            log.warning(
                "not_removed_at_the_platform", what=what, connection=connection.id, error=str(error) or "no answer"
            )

    async def _remove_webhooks(self, connection: Connection) -> None:
        if await self.core.webhooks.get(connection.id) is None:
            return
        budget = self.platforms.budget(connection)
        try:
            async with self.platforms.sparkpay(connection, budget) as client:
                await remove_webhooks(self.core, connection, client)
        finally:
            await budget.close()

    async def _clear_sync_log(self, connection: Connection) -> None:
        async with self.platforms.sparklayer(connection) as client:
            await clear_sync_log(self.core, connection, client)
