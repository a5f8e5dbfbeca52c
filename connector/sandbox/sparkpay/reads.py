"""The read forms of a resource: list, one, filled, nested, select_many (vendor docs: common usage)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from connector.sandbox.sparkpay.errors import Refused
from connector.sandbox.sparkpay.nested import NestedRow
from connector.sandbox.sparkpay.query import (
    ListQuery,
    names,
    only,
    parameters,
    parse_list,
    parse_shape,
    parse_sort,
)
from connector.sandbox.sparkpay.resources import RESOURCES, Resource
from connector.sandbox.sparkpay.selection import ordered, select
from connector.sandbox.sparkpay.store import SparkPayStore
from connector.sandbox.sparkpay.table import Row, sort_key
from connector.sandbox.sparkpay.wire import Raw, RowWriter, encode


@dataclass(frozen=True, slots=True)
class Shape:
    """Which plain fields are shown (None = all) and which nested collections are filled."""

    fields: tuple[str, ...] | None = None
    nested: tuple[str, ...] = ()


class Reader:
    """Answers reads of one store as JSON text."""

    def __init__(self, store: SparkPayStore) -> None:
        self._store = store
        self._writers = {name: RowWriter(resource.defaults, store.zone) for name, resource in RESOURCES.items()}

    def row(self, resource: Resource, row: Row, shape: Shape, extra: Mapping[str, object] | None = None) -> Raw:
        """One row with its nested collections; `extra` overrides or adds fields."""
        added: dict[str, object] = dict(extra or {})
        if shape.fields is not None:
            added = {name: value for name, value in added.items() if name in shape.fields}
        for name in shape.nested:
            found = resource.nested[name](self._store.tables, row)
            added[name] = [self._nested_row(item, None) for item in found]
        return self._writers[resource.name].write(row, shape.fields, added)

    def list(self, resource: Resource, query: str, path: str, *, max_count: int, link_host: str) -> str:
        """`GET /{resource}`: one page in its envelope. 404 beyond the last page."""
        given = parameters(query)
        asked = parse_list(resource, given, self._store.zone, max_count)
        page = select(self._store.tables[resource.name], asked, self._store.zone)
        if asked.page > 1 and (asked.page - 1) * asked.count >= page.total:
            raise Refused(404, f"Page {asked.page} of '{resource.name}' was not found.")
        links = _links(asked, page.total, given, f"{link_host}{path}")
        shape = Shape(asked.fields, asked.nested)
        rows = [self.row(resource, row, shape) for row in page.rows]
        return self._envelope(page.total, links, resource.array_key, rows)

    def one(self, resource: Resource, row_id: int, query: str) -> str:
        """`GET /{resource}/{id}`."""
        given = parameters(query)
        only(given, "fields", "expand")
        return self.row(resource, self._found(resource, row_id), Shape(*parse_shape(resource, given)))

    def filled(self, resource: Resource, row_id: int, query: str) -> str:
        """`GET /{resource}/{id}/filled`: with all nested collections, or those that `fields` names."""
        given = parameters(query)
        only(given, "fields")
        fields, nested = parse_shape(resource, given)
        shape = Shape(fields, nested if fields is not None else tuple(resource.nested))
        return self.row(resource, self._found(resource, row_id), shape)

    def nested(self, resource: Resource, row_id: int, name: str, query: str) -> str:
        """`GET /{resource}/{id}/{nested}`: the nested rows alone."""
        if name not in resource.nested:
            raise Refused(404, f"'{resource.name}' has no nested resource '{name}'.")
        row = self._found(resource, row_id)
        given = parameters(query)
        only(given, "fields", "sort")
        found = list(resource.nested[name](self._store.tables, row))
        inner = RESOURCES[found[0].resource] if found and found[0].resource else None
        fields = None
        if inner is not None:
            fields = parse_shape(inner, given)[0]
            for field, descending in reversed(parse_sort(inner, given.get("sort", ""))):
                found.sort(key=lambda item: sort_key(item.row.get(field)), reverse=descending)
        return self._envelope(len(found), {}, name, [self._nested_row(item, fields) for item in found])

    def select_many(self, resource: Resource, query: str) -> str:
        """`GET /{resource}/select_many?ids=`: ids that do not exist are silently missing."""
        given = parameters(query)
        only(given, "ids", "fields", "sort", "expand")
        ids = names(given.get("ids", ""))
        if not ids:
            raise Refused(400, "select_many needs ids.", violation=True)
        if not all(part.isdecimal() for part in ids):
            raise Refused(400, "ids must be numbers.", violation=True)
        table = self._store.tables[resource.name]
        rows = [row for row_id in dict.fromkeys(map(int, ids)) if (row := table.row(row_id)) is not None]
        rows = ordered(table, rows, parse_sort(resource, given.get("sort", "")))
        shape = Shape(*parse_shape(resource, given))
        return self._envelope(len(rows), {}, resource.array_key, [self.row(resource, row, shape) for row in rows])

    def _found(self, resource: Resource, row_id: int) -> Row:
        row = self._store.tables[resource.name].row(row_id)
        if row is None:
            raise Refused(404, f"{resource.name} {row_id} was not found.")
        return row

    def _nested_row(self, item: NestedRow, fields: Sequence[str] | None) -> Raw:
        if item.resource is None:
            return Raw(encode(item.row, self._store.zone))
        # Expansion is one level only.
        shape = Shape(tuple(fields) if fields is not None else None)
        return self.row(RESOURCES[item.resource], item.row, shape, item.extra)

    def _envelope(self, total: int, links: Mapping[str, str], key: str, rows: Iterable[Raw]) -> str:
        head = encode({"total_count": total, **links}, self._store.zone)
        return f'{head[:-1]},"{key}":[{",".join(rows)}]}}'


def _links(asked: ListQuery, total: int, given: Mapping[str, str], url: str) -> dict[str, str]:
    """next_page and previous_page, each absent when there is none, under the name that the server gives itself."""
    links: dict[str, str] = {}
    if asked.page * asked.count < total:
        links["next_page"] = f"{url}?{urlencode({**given, 'page': asked.page + 1})}"
    if asked.page > 1:
        links["previous_page"] = f"{url}?{urlencode({**given, 'page': asked.page - 1})}"
    return links
