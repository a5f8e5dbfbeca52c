"""Rows of one table that others refer to by id, for the fewest calls; the newest are kept, in little room."""

import math
import pickle
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

from connector.ports import Priority
from connector.sparkpay import walk
from connector.sparkpay.answers import Row
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.query import Query

_PER_PAGE = 1000
_PER_SELECTION = 200
_WORTH = 5
"""A page of a table that is walked anyway is worth so many calls by id: five times as many rows are kept of it."""


class Lookup:
    """Reads rows by id and keeps the last `capacity` of them; a walk also keeps the knowledge that there is none."""

    def __init__(self, client: SparkPayClient, resource: str, fields: Sequence[str], *, capacity: int) -> None:
        self._client = client
        self._resource = resource
        self._fields = tuple(fields)
        self._capacity = capacity
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    async def of(self, ids: Iterable[int], priority: Priority, *, ahead: bool = False) -> dict[int, Row]:
        """The rows of these ids; those that do not exist are left out.

        `ahead`: the next rows of the table will be asked for soon, so whole pages of it may be read.
        """
        wanted = list(dict.fromkeys(ids))
        found: dict[int, Row] = {}
        missing: list[int] = []
        for id_ in wanted:
            if (row := self.known(id_)) is not None:
                found[id_] = row
            elif not ahead or id_ not in self._kept:
                missing.append(id_)
        if missing and ahead and self._is_stretch(missing):
            found |= await self._stretch(missing, priority)
            missing = [id_ for id_ in missing if id_ not in found and id_ not in self._kept]
        async for page in self._client.select_many(self._resource, missing, fields=self._fields, priority=priority):
            self.keep(page.rows)
            found |= {row["id"]: row for row in page.rows}
        for id_ in missing:
            if id_ not in found:
                self._put(id_, None)
        return found

    def known(self, id_: int) -> Row | None:
        """The row as it was read last, if it is kept."""
        packed = self._kept.get(id_)
        if packed is None:
            return None
        self._kept.move_to_end(id_)
        values = pickle.loads(packed)  # noqa: S301 (made below, never left the process)
        return None if values is None else dict(zip(self._fields, values, strict=True))

    def keep(self, rows: Iterable[Row]) -> None:
        """These were read just now."""
        for row in rows:
            self._put(row["id"], row)

    def forget(self, ids: Iterable[int]) -> None:
        """These are to be read anew."""
        for id_ in ids:
            self._kept.pop(id_, None)

    def clear(self) -> None:
        """Everything is to be read anew."""
        self._kept.clear()

    def _put(self, id_: int, row: Mapping[str, object] | None) -> None:
        self._kept[id_] = pickle.dumps(None if row is None else [row.get(name) for name in self._fields])
        self._kept.move_to_end(id_)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)

    def _is_stretch(self, missing: Sequence[int]) -> bool:
        pages = math.ceil((max(missing) - min(missing) + 1) / _PER_PAGE)
        return pages <= _WORTH * math.ceil(len(missing) / _PER_SELECTION) and pages * _PER_PAGE <= self._capacity

    async def _stretch(self, missing: Sequence[int], priority: Priority) -> dict[int, Row]:
        """Page after page of the table up to the last of these ids; what lies between is kept for the next."""
        wanted, last = set(missing), max(missing)
        found: dict[int, Row] = {}
        query = Query().only(*self._fields)
        async for page in walk.by_id(self._client, self._resource, query, after=min(missing) - 1, priority=priority):
            self.keep(page.rows)
            found |= {row["id"]: row for row in page.rows if row["id"] in wanted}
            if page.rows[-1]["id"] >= last:
                break
        return found
