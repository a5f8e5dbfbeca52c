"""The changes of one resource since the last look, each handed out once."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from connector.ports import Memory, Priority
from connector.sparkpay import walk
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.content_hash import row_digest
from connector.sparkpay.query import Query
from connector.sparkpay.walk import Changes

_MARGIN = timedelta(seconds=5)
"""The server's time is known to about a second."""


class ChangeFeed:
    """Reads a resource by `updated_at` from a stored position on.

    Rows may become visible later than their time says, so each look goes back by `overlap`; what was handed out before
    falls out by content. Once a look has come so long after the newest change that nothing late can be missing, the
    next one starts behind it: thousands of rows of one mass update are not read again and again.
    """

    def __init__(
        self,
        client: SparkPayClient,
        memory: Memory,
        resource: str,
        query: Query,
        *,
        overlap: timedelta,
        name: str | None = None,
    ) -> None:
        """`name`: of the stored position, where a resource is read for the sake of several kinds."""
        self._client = client
        self._memory = memory
        self._name = name or f"live:{resource}"
        self._resource = resource
        self._query = query
        self._overlap = overlap
        self._seen: dict[int, tuple[datetime, bytes]] = {}
        self._pending: dict[int, tuple[datetime, bytes]] = {}
        self._stored: datetime | None = None
        self._reached: datetime | None = None
        self._looked: datetime | None = None
        self._last_look: datetime | None = None

    async def begin(self, at: datetime) -> None:
        """Watch from this time on, unless it is watched already."""
        if self._stored is None:
            position = await self._memory.cursor(self._name)
            if position is None:
                await self._memory.save_cursor(self._name, {"at": at.isoformat()})
            self._stored = at if position is None else datetime.fromisoformat(position["at"])

    async def known(self) -> bool:
        """Whether it was ever watched."""
        return self._stored is not None or await self._memory.cursor(self._name) is not None

    async def changes(self, signpost: datetime, priority: Priority) -> AsyncIterator[Changes]:
        """Pages of rows that are new, possibly none on a page. `signpost` is the server's time before the look.

        Call `begin` before, and `commit` once everything that was handed out is safe.
        """
        assert self._stored is not None  # noqa: S101 - `begin` comes first
        self._pending, self._reached, self._looked = {}, None, None
        settled = self._last_look is not None and self._last_look - self._stored > self._overlap + _MARGIN
        if settled:
            self._seen = {}
        start = self._stored + walk.TICK if settled else self._stored - self._overlap
        pages = walk.since(self._client, self._resource, self._query, start=start, strict=settled, priority=priority)
        async for page in pages:
            fresh = []
            for row in page.rows:
                digest = row_digest(row)
                known = self._pending.get(row["id"]) or self._seen.get(row["id"])
                if known is None or known[1] != digest:
                    fresh.append(row)
                self._pending[row["id"]] = (walk.changed_at(self._resource, row), digest)
            self._reached = max(self._stored, self._reached or self._stored, min(page.until, signpost))
            yield Changes(fresh, page.started, page.order, page.until)
        self._looked = signpost

    async def commit(self) -> None:
        """Store how far the handed out changes go; never later than the signpost of the look."""
        assert self._stored is not None  # noqa: S101 - `begin` comes first
        if self._reached is not None and self._reached > self._stored:
            await self._memory.save_cursor(self._name, {"at": self._reached.isoformat()})
            self._stored = self._reached
        self._last_look = self._looked or self._last_look
        oldest = self._stored - self._overlap - 2 * walk.TICK
        kept = {**self._seen, **self._pending}
        self._seen = {id_: seen for id_, seen in kept.items() if seen[0] >= oldest}
        self._pending = {}
