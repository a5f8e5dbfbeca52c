"""Customer groups and their settings (vendor docs: core API). Every change answers with the whole list."""

from collections.abc import Sequence

from connector.sparklayer import endpoint
from connector.sparklayer.session import Session
from connector.sparklayer.wire import Row


class CustomerGroups:
    """Groups are named by their slug, which cannot be changed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def all(self) -> list[Row]:
        """Read every group."""
        return await self._session.call_for_rows(endpoint.GROUPS)

    async def create(self, slug: str, name: str, parent: str) -> None:
        """Add a group; raises `Refused` (`resource-already-exists`) when the slug is taken."""
        await self._session.call(endpoint.GROUP_CREATE, body={"slug": slug, "name": name, "parent_slug": parent})

    async def change(self, slug: str, name: str, parent: str) -> None:
        """Rename or move one; the parent is always said, for without it the group goes back under the root."""
        await self._session.call(endpoint.GROUP_CHANGE, {"slug": slug}, body={"name": name, "parent_slug": parent})

    async def delete(self, slug: str) -> None:
        """Drop one; raises `Refused` (`resource-in-use`) while it has customers, `resource-id-not-found` if gone."""
        await self._session.call(endpoint.GROUP_DELETE, {"slug": slug})

    async def settings(self, slug: str) -> list[Row]:
        """Read key and value of every setting of a group."""
        return await self._session.call_for_rows(endpoint.GROUP_SETTINGS, {"slug": slug})

    async def change_settings(self, slug: str, rows: Sequence[Row]) -> None:
        """Write settings of a group; raises `Refused` for an unknown key."""
        await self._session.call(endpoint.GROUP_SETTINGS_CHANGE, {"slug": slug}, body=list(rows))
