"""Options of products without stored combinations: which are read, and when the platform's flag is believed.

`products.has_visible_variants` says that options show, and where it is silent they are read. It says nothing about a
product of which all options are hidden, which cannot be bought: only the rows tell that from a product without options.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from connector.ports import Priority
from connector.sparkpay import product_fields, walk
from connector.sparkpay.bundle import Row
from connector.sparkpay.child_rows import ChildRows
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.flags import is_set
from connector.sparkpay.query import Query, eq


def believed(product: Row, options: Sequence[Row], groups: Mapping[int, Row]) -> tuple[Row, ...]:
    """The options that count: none where the flag says that nothing shows, unless all are hidden."""
    if _shows(product) or all(_hidden(row, groups) for row in options):
        return tuple(options)
    return ()


class PlainOptions:
    """Options for one walk over products by ascending id.

    ⌈O/1000⌉ calls for all O option rows from the first product on that may need them, else ⌈H/1000⌉ (one, as a rule)
    for the H hidden rows: a product that the flag calls plain needs its options only if it has a hidden one. A hidden
    group may hide any row, so where there is one all rows are read.
    """

    def __init__(self, client: SparkPayClient, groups: Mapping[int, Row], priority: Priority) -> None:
        self._client = client
        self._groups = groups
        self._priority = priority
        self._any_group_hidden = any(is_set(group.get("is_hidden")) for group in groups.values())
        self._hidden: ChildRows | None = None
        self._all: ChildRows | None = None

    async def of(self, product: Row) -> tuple[Row, ...]:
        """The options that count of a product without stored combinations."""
        id_ = product["id"]
        if self._all is None and not (_shows(product) or self._any_group_hidden):
            self._hidden = self._hidden or self._open(Query().where("is_hidden", eq(True)), id_)
            if not await self._hidden.of(id_):
                return ()
        self._all = self._all or self._open(Query(), id_)
        return believed(product, await self._all.of(id_), self._groups)

    @property
    def read(self) -> tuple[datetime, int] | None:
        """When and as which request the present page was asked for; none while there is none."""
        stream = self._all or self._hidden
        return stream.read if stream else None

    def _open(self, query: Query, product_id: int) -> ChildRows:
        query = query.only(*product_fields.OPTION)
        pages = walk.by_parent(
            self._client,
            "product_variants",
            query,
            parent="product_id",
            after=product_id - 1,
            priority=self._priority,
        )
        return ChildRows(pages, "product_id", ahead=False)


def _shows(product: Row) -> bool:
    shown = product.get("has_visible_variants")
    return shown is None or is_set(shown)


def _hidden(option: Row, groups: Mapping[int, Row]) -> bool:
    group = groups.get(option.get("variant_group_id") or 0, {})
    return is_set(option.get("is_hidden")) or is_set(group.get("is_hidden"))
