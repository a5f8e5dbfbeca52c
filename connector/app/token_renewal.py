"""Access tokens of installed apps are renewed before they expire, by one process at a time."""

from dataclasses import dataclass

import structlog

from connector.app.core import Core
from connector.app.platforms import Transport, real_network
from connector.errors import CredentialsRefused, PayLayerError
from connector.sparkpay.oauth import StoreApp, StoreOAuth
from connector.state.connections import Connection
from connector.state.oauth import CLAIM, StoredGrant, token_digest

log = structlog.get_logger("paylayer.oauth")
PART_OF_LIFE = 0.8
LONGEST_SECONDS = 3600.0
RETRY_SECONDS = 60.0
REFUSED_SECONDS = 900.0


@dataclass(slots=True)
class TokenRenewal:
    """Keeps one connection's Spark Pay token alive, where it came with a refresh token."""

    core: Core
    connection: str
    transport: Transport = real_network
    _told: str | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.core.clock.sleep(await self.step())

    async def ready(self) -> None:
        """Renew the token if it is time; one that has expired while another process renews it is waited for."""
        await self.step()
        for _ in range(int(CLAIM.total_seconds())):
            grant, now = await self.core.grants.get(self.connection), self.core.clock.now()
            if grant is None or grant.expires_at > now or grant.claimed_until is None or grant.claimed_until < now:
                return
            await self.core.clock.sleep(1.0)

    async def step(self) -> float:
        """Renew the token if it is time; returns the seconds until the next look."""
        grant = None
        try:
            grant = await self.core.grants.get(self.connection)
            return LONGEST_SECONDS if grant is None else await self._look_at(grant)
        except CredentialsRefused as error:
            await self._failed(grant, str(error))
            return REFUSED_SECONDS
        except PayLayerError as error:
            await self._failed(grant, str(error))
            return RETRY_SECONDS

    async def _look_at(self, grant: StoredGrant) -> float:
        # A token is stored before its grant, so this one, read before the token, is never newer than that.
        connection = await self.core.connections.get(self.connection)
        if grant.token_digest != token_digest(connection.sparkpay.token):
            log.info("token_was_set_by_hand", connection=self.connection)
            await self.core.grants.forget(self.connection, grant)
            return LONGEST_SECONDS
        wait = self._seconds_left(grant)
        if wait > 0:
            return min(wait, LONGEST_SECONDS)
        if not await self.core.grants.claim(self.connection, grant):
            return RETRY_SECONDS  # another process is at it
        await self._renew(connection, grant)
        return 0.0

    def _seconds_left(self, grant: StoredGrant) -> float:
        life = (grant.expires_at - grant.granted_at).total_seconds()
        return life * PART_OF_LIFE - (self.core.clock.now() - grant.granted_at).total_seconds()

    async def _renew(self, connection: Connection, grant: StoredGrant) -> None:
        url = connection.sparkpay.url
        oauth = StoreOAuth(url, self.core.clock, self.transport(url))
        new = await oauth.refresh(StoreApp(grant.app_id, grant.app_secret), grant.refresh_token)
        if not await self.core.grants.renewed(
            self.connection, grant, token=new.token, refresh_token=new.refresh_token, expires_at=new.expires_at
        ):
            return  # it was set by hand, or installed anew, while the store answered
        await self.core.connections.probe_soon(self.connection, "sparkpay")
        self._told = None
        log.info("token_renewed", connection=self.connection, expires_at=new.expires_at.isoformat())

    async def _failed(self, grant: StoredGrant | None, problem: str) -> None:
        if problem != self._told:
            log.warning("token_not_renewed", connection=self.connection, problem=problem)
        self._told = problem
        if grant is None:
            return
        try:
            await self.core.grants.failed(self.connection, grant, problem)
        except PayLayerError as error:
            log.warning("not_stored", connection=self.connection, error=str(error))
