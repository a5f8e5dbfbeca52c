"""One side of the merge join: rows of a child resource, handed out parent by parent."""

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from connector.sparkpay.answers import Row
from connector.sparkpay.walk import Rows


class ChildRows:
    """Rows sorted by their parent's id. One page is kept, and where `ahead` is set the next one is read meanwhile."""

    def __init__(self, pages: AsyncIterator[Rows], parent: str, *, ahead: bool = True) -> None:
        self._pages = pages
        self._parent = parent
        self._reads_ahead = ahead
        self._ended = False
        self._current: Rows | None = None
        self._ids: list[int] = []
        self._ahead = asyncio.create_task(self._next()) if ahead else None

    async def of(self, parent_id: int) -> Sequence[Row]:
        """The rows of that parent. Ask with ascending ids: what lies before is gone."""
        while not self._ended and (not self._ids or self._ids[-1] < parent_id):
            page = await (self._ahead or self._next())
            self._ahead = None
            if page is None:
                self._ended = True
                break
            self._current = page
            self._ids = [row[self._parent] for row in page.rows]
            if self._reads_ahead:
                self._ahead = asyncio.create_task(self._next())
        low = bisect_left(self._ids, parent_id)
        high = bisect_left(self._ids, parent_id + 1)
        return self._current.rows[low:high] if self._current else ()

    @property
    def read(self) -> tuple[datetime, int] | None:
        """When and as which request the present page was asked for; none while there is none."""
        return (self._current.started, self._current.order) if self._current else None

    async def close(self) -> None:
        """Stop reading ahead."""
        if self._ahead is not None:
            self._ahead.cancel()
            await asyncio.gather(self._ahead, return_exceptions=True)

    async def _next(self) -> Rows | None:
        return await anext(self._pages, None)
