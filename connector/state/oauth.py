"""What installed apps hold: refresh tokens, sealed, and the handshakes that are under way."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock
from connector.state.connections import locked
from connector.state.database import Database
from connector.state.tables import connections, oauth_grants, oauth_handshakes
from connector.state.upsert import upsert
from connector.state.vault import Vault

HANDSHAKE_LIFE = timedelta(minutes=15)
CLAIM = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class StoredGrant:
    """How a connection's access token is renewed."""

    app_id: str
    app_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    token_digest: str
    granted_at: datetime
    expires_at: datetime
    problem: str | None = None
    claimed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Handshake:
    """An installation that waits for the store's admin to say yes."""

    site_env: str
    site_id: str
    store_url: str
    app_id: str
    app_secret: str = field(repr=False)
    scope: str


class OAuthGrants:
    """The grants of all connections."""

    def __init__(self, db: Database, vault: Vault, clock: Clock) -> None:
        self._db = db
        self._vault = vault
        self._clock = clock

    async def get(self, connection: str) -> StoredGrant | None:
        """None: the connection has a token that does not expire."""
        async with self._db.read() as transaction:
            statement = sa.select(oauth_grants).where(oauth_grants.c.connection == connection)
            row = (await transaction.execute(statement)).one_or_none()
        if row is None:
            return None
        return StoredGrant(
            row.app_id,
            self._vault.unseal(row.app_secret),
            self._vault.unseal(row.refresh_token),
            row.token_digest,
            row.granted_at,
            row.expires_at,
            row.problem,
            row.claimed_until,
        )

    async def save(
        self, connection: str, *, app_id: str, app_secret: str, refresh_token: str, token: str, expires_at: datetime
    ) -> None:
        """Store or replace. Raises `UserFault` where the connection is gone."""
        values = {
            "connection": connection,
            "app_id": app_id,
            "app_secret": self._vault.seal(app_secret),
            "refresh_token": self._vault.seal(refresh_token),
            "token_digest": token_digest(token),
            "granted_at": self._clock.now(),
            "expires_at": expires_at,
            "claimed_until": None,
            "problem": None,
        }

        async def work(transaction: AsyncConnection) -> None:
            await locked(transaction, connection)
            await transaction.execute(upsert(self._db, oauth_grants), values)

        await self._db.run(work)

    async def renewed(
        self, connection: str, grant: StoredGrant, *, token: str, refresh_token: str, expires_at: datetime
    ) -> bool:
        """The new tokens, of the grant and of the connection, in one transaction: neither is ever without the other.

        False, and nothing is stored, where the connection got another token than the one of `grant` meanwhile.
        """
        now = self._clock.now()

        async def work(transaction: AsyncConnection) -> bool:
            statement = sa.select(connections.c.sparkpay_token).where(connections.c.id == connection).with_for_update()
            sealed = (await transaction.execute(statement)).scalar_one_or_none()
            if sealed is None or token_digest(self._vault.unseal(sealed)) != grant.token_digest:
                return False
            done = await transaction.execute(
                sa.update(oauth_grants)
                .where(*_same(connection, grant))
                .values(
                    refresh_token=self._vault.seal(refresh_token),
                    token_digest=token_digest(token),
                    granted_at=now,
                    expires_at=expires_at,
                    claimed_until=None,
                    problem=None,
                )
            )
            if not done.rowcount:
                return False
            await transaction.execute(
                sa.update(connections)
                .where(connections.c.id == connection)
                .values(sparkpay_token=self._vault.seal(token), version=connections.c.version + 1, updated_at=now)
            )
            return True

        return await self._db.run(work)

    async def claim(self, connection: str, grant: StoredGrant) -> bool:
        """Whether the caller may renew this grant now: one at a time over all processes, each for a minute at most."""
        now = self._clock.now()
        free = sa.or_(oauth_grants.c.claimed_until.is_(None), oauth_grants.c.claimed_until < now)
        statement = sa.update(oauth_grants).where(*_same(connection, grant), free).values(claimed_until=now + CLAIM)
        async with self._db.begin() as transaction:
            return (await transaction.execute(statement)).rowcount == 1

    async def failed(self, connection: str, grant: StoredGrant, problem: str) -> None:
        """The claim ends with a problem, unless there is another grant by now."""
        async with self._db.begin() as transaction:
            await transaction.execute(
                sa.update(oauth_grants).where(*_same(connection, grant)).values(problem=problem, claimed_until=None)
            )

    async def forget(self, connection: str, grant: StoredGrant | None = None) -> None:
        """The connection has another kind of token now. With a `grant` only that one goes, and no newer one."""
        chosen = (oauth_grants.c.connection == connection,) if grant is None else _same(connection, grant)
        async with self._db.begin() as transaction:
            await transaction.execute(sa.delete(oauth_grants).where(*chosen))


class Handshakes:
    """Each is taken once, within a quarter of an hour, by whoever brings back the state that it was begun with."""

    def __init__(self, db: Database, vault: Vault, clock: Clock) -> None:
        self._db = db
        self._vault = vault
        self._clock = clock

    async def begin(self, handshake: Handshake) -> str:
        """The state to be kept by the browser."""
        state = secrets.token_urlsafe(32)
        values = {
            "digest": _digest(state),
            "site_env": handshake.site_env,
            "site_id": handshake.site_id,
            "store_url": handshake.store_url,
            "app_id": handshake.app_id,
            "app_secret": self._vault.seal(handshake.app_secret),
            "scope": handshake.scope,
            "expires_at": self._clock.now() + HANDSHAKE_LIFE,
        }
        async with self._db.begin() as transaction:
            await transaction.execute(
                sa.delete(oauth_handshakes).where(oauth_handshakes.c.expires_at < self._clock.now())
            )
            await transaction.execute(sa.insert(oauth_handshakes).values(values))
        return state

    async def take(self, state: str) -> Handshake | None:
        """The handshake of this state, which is over with that; none for one that is unknown, used or too old."""
        chosen = oauth_handshakes.c.digest == _digest(state)
        async with self._db.begin() as transaction:
            row = (await transaction.execute(sa.select(oauth_handshakes).where(chosen))).one_or_none()
            taken = await transaction.execute(sa.delete(oauth_handshakes).where(chosen))
        if row is None or taken.rowcount != 1 or row.expires_at < self._clock.now():
            return None
        return Handshake(
            row.site_env,
            row.site_id,
            row.store_url,
            row.app_id,
            self._vault.unseal(row.app_secret),
            row.scope,
        )


def token_digest(token: str) -> str:
    """What tells whether a connection still has the token of its grant."""
    return hashlib.sha256(token.encode()).hexdigest()


def _same(connection: str, grant: StoredGrant) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        oauth_grants.c.connection == connection,
        oauth_grants.c.token_digest == grant.token_digest,
        oauth_grants.c.granted_at == grant.granted_at,
    )


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()
