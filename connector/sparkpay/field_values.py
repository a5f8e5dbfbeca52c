"""Custom fields of customers or orders where they are read flat: values by what they belong to, names by field."""

from collections.abc import Iterable, Mapping, Sequence

from connector.ports import Priority
from connector.sparkpay import walk
from connector.sparkpay.answers import Row
from connector.sparkpay.child_rows import ChildRows
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.people_fields import FIELD_VALUE
from connector.sparkpay.query import Query, spanning
from connector.sparkpay.reference import ReferenceBook

RESOURCE = "custom_field_values"
TABLE = "custom_fields"
QUERY = Query().only(*FIELD_VALUE)
_NO_ROWS: tuple[Row, ...] = ()


class FieldValues:
    """The custom fields of one type of resource (`Customers`, `Orders`; vendor docs: custom_fields)."""

    def __init__(self, client: SparkPayClient, reference: ReferenceBook, resource_type: str) -> None:
        self._client = client
        self._reference = reference
        self._type = resource_type.casefold()

    async def names(self, priority: Priority) -> Mapping[int, str]:
        """The name of each field, by id."""
        fields = (await self._reference.current(priority)).custom_fields
        return {
            id_: str(row.get("name") or "")
            for id_, row in fields.items()
            if str(row.get("resource_type") or "").casefold() == self._type
        }

    async def stream(self, after: int, priority: Priority) -> "FieldStream":
        """The values of everything with an id above `after`: no call where the store has no such field."""
        names = await self.names(priority)
        if not names:
            return FieldStream(None, names)
        query = QUERY.where("custom_field_id", *spanning(names))
        pages = walk.by_parent(self._client, RESOURCE, query, parent="resource_id", after=after, priority=priority)
        return FieldStream(ChildRows(pages, "resource_id"), names)

    async def owners(self, rows: Iterable[Row], priority: Priority) -> list[Row]:
        """Those of the value rows that belong to this type of resource."""
        named = {("custom_fields", row["custom_field_id"]) for row in rows if row.get("custom_field_id")}
        await self._reference.knowing(named, priority)
        names = await self.names(priority)
        return [row for row in rows if row.get("custom_field_id") in names and row.get("resource_id")]


class FieldStream:
    """The values of one walk, handed out by what they belong to."""

    def __init__(self, rows: ChildRows | None, names: Mapping[int, str]) -> None:
        self._names = names
        self.rows = rows

    async def of(self, id_: int) -> tuple[Row, ...]:
        """Rows of name and value, as a collection has them. Ask with ascending ids."""
        found: Sequence[Row] = await self.rows.of(id_) if self.rows is not None else _NO_ROWS
        mine = [row for row in found if row.get("custom_field_id") in self._names]
        ordered = sorted(mine, key=lambda row: int(row["id"]))
        return tuple({"name": self._names[row["custom_field_id"]], "value": row.get("value")} for row in ordered)
