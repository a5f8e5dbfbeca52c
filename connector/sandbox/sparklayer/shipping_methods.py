"""Shipping methods; v1 names them by SKU, v2 by slug, and they are the same methods."""

from collections.abc import Callable

from connector.sandbox.sparklayer.ids import Ids
from connector.sandbox.sparklayer.problems import FieldError, invalid
from connector.sandbox.sparklayer.wire import Row


class ShippingMethods:
    """The methods of one site by internal id; `code` is the SKU or the slug."""

    def __init__(self, ids: Ids, stamp: Callable[[], str]) -> None:
        self._ids = ids
        self._stamp = stamp
        self._rows: dict[str, Row] = {}

    def all(self) -> list[Row]:
        """Every method, oldest first."""
        return list(self._rows.values())

    def find(self, id_: str) -> Row | None:
        """By internal id."""
        return self._rows.get(id_)

    def keep(self, old: Row | None, fields: Row, name: str) -> Row:
        """Create or change one; 400 where `name` (`sku` or `slug`) is taken."""
        code = fields.get(name, old["code"] if old is not None else None)
        id_ = old["id"] if old is not None else self._ids.make("sm_")
        if any(row["code"] == code and row["id"] != id_ for row in self._rows.values()):
            raise invalid([FieldError("duplicate-sku", name, f"{code!r} is taken")])
        now = self._stamp()
        base = old or {"id": id_, "created_at": now, "priority": 0, "countries": [], "groups": [], "bands": []}
        given = {("countries" if key == "locations" else key): value for key, value in fields.items() if key != name}
        given["priority"] = given.pop("prority", given.get("priority", base["priority"]))
        self._rows[id_] = {**base, **given, "code": code, "updated_at": now}
        return self._rows[id_]

    def remove(self, id_: str) -> None:
        """Forget one."""
        del self._rows[id_]
