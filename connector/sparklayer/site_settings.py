"""Global settings of a site (vendor docs: core API)."""

from collections.abc import Sequence

from connector.sparklayer import endpoint
from connector.sparklayer.session import Session
from connector.sparklayer.wire import Row


class SiteSettings:
    """Only keys that a read shows can be written; keys made in the Dashboard may not write at all."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def all(self) -> list[Row]:
        """Read key and value of every setting."""
        return await self._session.call_for_rows(endpoint.SETTINGS)

    async def change(self, rows: Sequence[Row]) -> None:
        """Write some."""
        await self._session.call(endpoint.SETTINGS_CHANGE, body=list(rows))
