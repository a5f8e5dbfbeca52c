"""A store that is read and never written to: writes are noted, take no call of the budget, and seem to be taken."""

from collections.abc import Mapping
from typing import Any

from connector.ports import Priority
from connector.rehearsal import Rehearsal
from connector.sparkpay.answers import Page, Row
from connector.sparkpay.calls import Method, Request
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.failures import SIDE
from connector.sparkpay.query import Query, eq

FIRST_ID = 2_000_000_000
"""Ids of rows that would be made count from here, far above any that a store has."""

_INTEGRATION = "/integration"
_CHILDREN = {
    "orders": (
        ("items", "order_items", "order_id"),
        ("payments", "order_payments", "order_id"),
        ("custom_fields", "custom_field_values", "resource_id"),
    )
}
"""The collections of rows: their name there, their resource, and what names the row."""


class RehearsedStore(SparkPayClient):
    """A client whose writes stay in a rehearsal. A list that is asked for what was just made shows it."""

    def __init__(self, rehearsal: Rehearsal, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the client's own
        super().__init__(*args, **kwargs)
        self._rehearsal = rehearsal
        self._made: list[tuple[str, Row]] = []

    async def page(
        self, resource: str, query: Query, *, priority: Priority = Priority.LIVE, fresh: bool = True
    ) -> Page:
        """The store's own rows; where there are none, those that would be there by now."""
        page = await super().page(resource, query, priority=priority, fresh=fresh)
        made = [row for name, row in self._made if name == resource and _fits(row, query)]
        if page.rows or not made:
            return page
        whole = [await self._whole(resource, row, priority) for row in made]
        return Page(whole, len(whole), False, page.started, page.order)

    async def delete(self, resource: str, id: int, *, priority: Priority = Priority.LIVE) -> None:  # noqa: A002, ARG002
        """Nothing is sent."""
        self._rehearsal.note(SIDE, "DELETE", f"/{resource}/{id}", None)

    async def request(
        self,
        method: Method,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        body: object = None,
        priority: Priority = Priority.LIVE,
        fresh: bool = True,
    ) -> Any:  # noqa: ANN401 - as the client's own
        """Reads are made; of anything else nothing is sent."""
        if method == "GET":
            return await super().request(method, path, parameters=parameters, body=body, priority=priority, fresh=fresh)
        self._rehearsal.note(SIDE, method, f"/{path}", body)
        if path.endswith(_INTEGRATION) and isinstance(body, dict):
            self._make(path.removesuffix(_INTEGRATION), await self._as_rows(body, priority))
        return None

    async def _write(self, request: Request, priority: Priority) -> Row:  # noqa: ARG002
        self._rehearsal.note(SIDE, request.method, f"/{request.path}", request.body)
        body = request.body if isinstance(request.body, dict) else {}
        if request.method == "POST":
            return self._make(request.path, body)
        last = request.path.rpartition("/")[2]
        return {**body, "id": int(last)} if last.isdigit() else dict(body)

    async def _as_rows(self, body: Mapping[str, Any], priority: Priority) -> Row:
        """What an integration route would make of a body: names become ids, parts get some of their own."""
        fields = [
            {"name": field.get("custom_field_name"), "value": field.get("custom_field_value")}
            for field in body.get("custom_fields") or ()
        ]
        buyer = await self._id_of("customers", "email", body.get("customer_email"), priority)
        status = await self._id_of("order_statuses", "name", body.get("order_status"), priority)
        parts = {
            name: [{**part, "id": FIRST_ID + number} for number, part in enumerate(body.get(name) or ())]
            for name in ("items", "payments")
        }
        return {**body, **parts, "customer_id": buyer, "order_status_id": status, "custom_fields": fields}

    async def _id_of(self, resource: str, field: str, value: object, priority: Priority) -> int:
        if not value:
            return FIRST_ID
        query = Query().where(field, eq(str(value))).sorted_by("id").only("id", field).at_most(1)
        rows = (await self.page(resource, query, priority=priority)).rows
        return int(rows[0]["id"]) if rows else FIRST_ID

    async def _whole(self, resource: str, row: Row, priority: Priority) -> Row:
        """A row that was made, with the rows that were made for it."""
        nested: dict[str, Any] = {}
        for name, child, parent in _CHILDREN.get(resource, ()):
            rows = [one for of, one in self._made if of == child and one.get(parent) == row["id"]]
            if rows or name not in row:
                nested[name] = rows
        if (values := nested.get("custom_fields")) is not None:
            nested["custom_fields"] = [
                {"name": (await self._field(int(one["custom_field_id"]), priority)), "value": one["value"]}
                for one in values
            ]
        return {**row, **nested}

    async def _field(self, id_: int, priority: Priority) -> str:
        made = next((row for of, row in self._made if of == "custom_fields" and row["id"] == id_), None)
        return str((made or await self.get("custom_fields", id_, priority=priority)).get("name"))

    def _make(self, resource: str, body: Mapping[str, Any]) -> Row:
        row = {**body, "id": FIRST_ID + len(self._made)}
        self._made.append((resource, row))
        return row


def _fits(row: Row, query: Query) -> bool:
    """Whether a row has what the conditions ask for; comparisons other than equality are not judged."""
    for name, conditions in query.filters:
        for condition in conditions:
            if condition.operator != "eq" or condition.joined or str(row.get(name)) != str(condition.value):
                return False
    return True
