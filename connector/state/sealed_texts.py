"""Every sealed text of the database: under which key it lies, and sealing it anew with another one."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.errors import UserFault
from connector.state.database import Database
from connector.state.tables import SEALED, metadata
from connector.state.vault import Vault

_PAGE = 100


@dataclass(frozen=True, slots=True)
class SealedCount:
    """How the secrets of one column are sealed; `unreadable` names the rows whose key is not known or that are damaged.

    `former`: with a key that is known, but is not the one that seals.
    """

    what: str
    current: int
    former: int
    unreadable: tuple[str, ...] = ()

    @property
    def all_current(self) -> bool:
        """Whether nothing of it needs another key."""
        return not self.former and not self.unreadable


class SealedTexts:
    """All of them together; each store reads and writes its own. No text leaves this class."""

    def __init__(self, db: Database, vault: Vault) -> None:
        self._db = db
        self._vault = vault

    @property
    def key_id(self) -> str:
        """Of the key that seals."""
        return self._vault.key_id

    async def count(self) -> list[SealedCount]:
        """What lies under which key, by table and column; a table without secrets is left out."""
        found = []
        for table, columns in _sealed_columns():
            keys = list(table.primary_key.columns)
            for column in columns:
                current, former, unreadable = 0, 0, []
                async for row in self._rows(table, [column], column.is_not(None)):
                    text = row[column.name]
                    if self._opened(text) is None:
                        unreadable.append("/".join(str(row[key.name]) for key in keys))
                    elif text.startswith(self._vault.beginning):
                        current += 1
                    else:
                        former += 1
                if current or former or unreadable:
                    found.append(SealedCount(f"{table.name}.{column.name}", current, former, tuple(unreadable)))
        return found

    async def renew(self) -> int:
        """Seal with the current key what lies under another known one; how many texts that were.

        May be broken off and begun again at any point. What somebody changes at the same moment is left to them.
        """
        renewed = 0
        for table, columns in _sealed_columns():
            others = sa.or_(*(~column.startswith(self._vault.beginning, autoescape=True) for column in columns))
            page: list[dict[str, Any]] = []
            async for row in self._rows(table, columns, others):
                page.append(row)
                if len(page) == _PAGE:
                    renewed += await self._renew(table, columns, page)
                    page = []
            renewed += await self._renew(table, columns, page)
        return renewed

    async def _renew(self, table: sa.Table, columns: Sequence[sa.Column[Any]], rows: Sequence[dict[str, Any]]) -> int:
        """One transaction. The old text has to be there still: nothing newer is overwritten."""
        changes = []
        for row in rows:
            where = [key == row[key.name] for key in table.primary_key.columns]
            for column in columns:
                old = row[column.name]
                if old is None or old.startswith(self._vault.beginning) or (text := self._opened(old)) is None:
                    continue
                changes.append(
                    sa.update(table).where(*where, column == old).values({column.name: self._vault.seal(text)})
                )

        async def work(transaction: AsyncConnection) -> int:
            return sum([(await transaction.execute(change)).rowcount for change in changes])

        return await self._db.run(work) if changes else 0

    async def _rows(
        self, table: sa.Table, columns: Sequence[sa.Column[Any]], chosen: sa.ColumnElement[bool]
    ) -> AsyncIterator[dict[str, Any]]:
        """Primary keys and columns, page by page: no transaction is open meanwhile."""
        keys = list(table.primary_key.columns)
        page = statement = sa.select(*keys, *columns).where(chosen).order_by(*keys).limit(_PAGE)
        while True:
            async with self._db.read() as transaction:
                rows = [dict(row) for row in (await transaction.execute(page)).mappings()]
            for row in rows:
                yield row
            if len(rows) < _PAGE:
                return
            last = [sa.bindparam(None, rows[-1][key.name], type_=key.type) for key in keys]
            page = statement.where(sa.tuple_(*keys) > sa.tuple_(*last))

    def _opened(self, sealed: str) -> str | None:
        try:
            return self._vault.unseal(sealed)
        except UserFault:
            return None


def _sealed_columns() -> list[tuple[sa.Table, list[sa.Column[Any]]]]:
    marked = [
        (table, [column for column in table.columns if column.info == SEALED]) for table in metadata.sorted_tables
    ]
    return [(table, columns) for table, columns in marked if columns]
