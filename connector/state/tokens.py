"""Access tokens that outlive a process, sealed."""

from datetime import datetime

import sqlalchemy as sa

from connector.state.database import Database
from connector.state.tables import tokens
from connector.state.upsert import upsert
from connector.state.vault import Vault


class SealedTokens:
    """A small key-value store; names begin with the connection's id and `/`, so that they go with it."""

    def __init__(self, db: Database, vault: Vault) -> None:
        self._db = db
        self._vault = vault

    async def load(self, name: str) -> tuple[str, datetime] | None:
        """The token and when it expires; none when nothing is stored. Raises `UserFault` for another key's seal."""
        async with self._db.read() as connection:
            found = (await connection.execute(sa.select(tokens).where(tokens.c.name == name))).one_or_none()
        return None if found is None else (self._vault.unseal(found.token), found.expires_at)

    async def save(self, name: str, token: str, expires_at: datetime) -> None:
        """Store or replace."""
        values = {"name": name, "token": self._vault.seal(token), "expires_at": expires_at}
        async with self._db.begin() as connection:
            await connection.execute(upsert(self._db, tokens), values)

    async def forget(self, prefix: str) -> None:
        """Drop every token whose name begins so."""
        async with self._db.begin() as connection:
            await connection.execute(sa.delete(tokens).where(tokens.c.name.startswith(prefix, autoescape=True)))
