"""A reading of one customer or order: what it says, and how it is read."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from connector.ports import Priority
from connector.sparkpay.answers import Row
from connector.sparkpay.query import Query
from connector.sparkpay.walk import Rows
from contracts.entities import Entity


@dataclass(frozen=True, slots=True)
class Record:
    """An entity as one reading showed it.

    `wanted` is false where the connection does not serve it: then it is told only where it was told before.
    `changed_at` is the newest time of its rows, `read_at` when the oldest of the reads left (server's clock), and
    `read_order` that request's running number.
    """

    id: int
    key: str
    entity: Entity
    wanted: bool
    changed_at: datetime | None
    read_at: datetime
    read_order: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records, the ids of all rows that were read for them, and how many of these cannot be mapped.

    `children` are the rows of child resources that came with them.
    """

    records: Sequence[Record]
    ids: frozenset[int]
    skipped: int = 0
    children: Mapping[str, Sequence[Row]] = field(default_factory=dict)

    def __add__(self, other: "Batch") -> "Batch":
        names = self.children.keys() | other.children.keys()
        return Batch(
            [*self.records, *other.records],
            self.ids | other.ids,
            self.skipped + other.skipped,
            {name: [*self.children.get(name, ()), *other.children.get(name, ())] for name in names},
        )


NOTHING = Batch((), frozenset())


class Records(Protocol):
    """How the rows of one kind are read: all of them, some by id, those of a page, those that a child speaks of."""

    @property
    def kind(self) -> str:
        """The kind of entity."""
        ...

    @property
    def resource(self) -> str:
        """The resource whose rows they are."""
        ...

    @property
    def query(self) -> Query:
        """What a look for changes asks for: rows with the collections that `of_page` wants."""
        ...

    @property
    def children(self) -> Mapping[str, Query]:
        """The resources below, whose changes do not move the time of the row: what a look at each asks for."""
        ...

    @property
    def untimed(self) -> Sequence[str]:
        """The resources below whose rows have no time: a look at each compares all of them, see `relinked`."""
        ...

    def whole(self, after: int, priority: Priority) -> AsyncGenerator[Batch, None]:
        """All with an id above `after`, by id."""
        ...

    async def of_ids(self, ids: Iterable[int], priority: Priority) -> Batch:
        """These, read now."""
        ...

    async def of_page(self, page: Rows, priority: Priority) -> Batch:
        """Those of a page that `query` asked for."""
        ...

    async def parents_of(self, resource: str, rows: Sequence[Row], priority: Priority) -> Iterable[int]:
        """The ids that changed rows of a child resource are about, as far as their content is not known already."""
        ...

    async def relinked(self, priority: Priority) -> Iterable[int]:
        """The ids of which the `untimed` resources say something else than when the last look was kept."""
        ...

    def keep(self, resource: str, rows: Sequence[Row]) -> None:
        """What these rows of a child resource say is published; no rows for an `untimed` one: what was looked at."""
        ...
