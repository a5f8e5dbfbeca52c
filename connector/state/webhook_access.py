"""The secret part of each connection's webhook address, sealed, and what is known of its registration."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock
from connector.errors import UserFault
from connector.state.connections import locked
from connector.state.database import Database
from connector.state.tables import webhook_access
from connector.state.upsert import insert
from connector.state.vault import Vault

_BYTES = 32


@dataclass(frozen=True, slots=True)
class WebhookAccess:
    """One connection's secret; `former` is the one before, which the store may still use."""

    secret: str = field(repr=False)
    former: str | None = field(default=None, repr=False)
    checked_at: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class SealedSecrets:
    """As they are stored: two equal texts are the same secret."""

    secret: str
    former: str | None


class WebhookSecrets:
    """Reads and changes the secrets."""

    def __init__(self, db: Database, vault: Vault, clock: Clock) -> None:
        self._db = db
        self._vault = vault
        self._clock = clock

    async def get(self, connection: str) -> WebhookAccess | None:
        """What is known; none before the first registration."""
        statement = sa.select(webhook_access).where(webhook_access.c.connection == connection)
        async with self._db.read() as transaction:
            row = (await transaction.execute(statement)).one_or_none()
        if row is None:
            return None
        former = None if row.former is None else self._vault.unseal(row.former)
        return WebhookAccess(self._vault.unseal(row.secret), former, row.checked_at, row.problem)

    async def ensure(self, connection: str) -> WebhookAccess:
        """What is known, with a new secret where there was none. Raises `UserFault` for an unknown connection."""
        values = {"connection": connection, "secret": self._vault.seal(_made())}

        async def work(transaction: AsyncConnection) -> None:
            await locked(transaction, connection)
            await transaction.execute(insert(self._db, webhook_access).values(values).on_conflict_do_nothing())

        if (found := await self.get(connection)) is None:
            await self._db.run(work)
            found = await self.get(connection)
        if found is None:
            raise UserFault(f"connection {connection} was removed meanwhile")
        return found

    async def rotate(self, connection: str) -> WebhookAccess:
        """A new secret; the one before goes on being taken until `settled`."""
        now = await self.ensure(connection)
        values = {"secret": self._vault.seal(_made()), "former": self._vault.seal(now.secret)}
        async with self._db.begin() as transaction:
            await transaction.execute(
                sa.update(webhook_access).where(webhook_access.c.connection == connection).values(values)
            )
        return await self.ensure(connection)

    async def settled(self, connection: str, problem: str | None = None) -> None:
        """The registration was looked at now: without a problem the store knows the newest secret and no other."""
        values: dict[str, object] = {"checked_at": self._clock.now(), "problem": problem}
        if problem is None:
            values["former"] = None
        async with self._db.begin() as transaction:
            await transaction.execute(
                sa.update(webhook_access).where(webhook_access.c.connection == connection).values(values)
            )

    async def forget(self, connection: str) -> None:
        """No webhook of the connection is taken any more."""
        async with self._db.begin() as transaction:
            await transaction.execute(sa.delete(webhook_access).where(webhook_access.c.connection == connection))

    async def sealed(self) -> dict[str, SealedSecrets]:
        """Every connection's, as stored."""
        statement = sa.select(webhook_access.c.connection, webhook_access.c.secret, webhook_access.c.former)
        async with self._db.read() as transaction:
            rows = (await transaction.execute(statement)).all()
        return {row.connection: SealedSecrets(row.secret, row.former) for row in rows}

    def digests(self, sealed: SealedSecrets) -> tuple[bytes, ...]:
        """SHA-256 of each secret that is taken."""
        texts = (sealed.secret, *([sealed.former] if sealed.former is not None else []))
        return tuple(digest(self._vault.unseal(text)) for text in texts)


def digest(secret: str) -> bytes:
    """What secrets are compared by: all of one length."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _made() -> str:
    return secrets.token_urlsafe(_BYTES)
