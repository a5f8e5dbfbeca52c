"""Stock locations; every site begins with the one whose external id is `default`."""

from connector.sandbox.sparklayer.ids import Ids
from connector.sandbox.sparklayer.problems import FieldError, Refusal
from connector.sandbox.sparklayer.wire import Row


class Locations:
    """The locations of one site, found by internal or external id."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._rows: dict[str, Row] = {}
        self._by_external: dict[str, str] = {}
        self.create({"name": "Default", "external_id": "default"})

    def all(self) -> list[Row]:
        """Every location, oldest first."""
        return list(self._rows.values())

    def find(self, key: str) -> Row | None:
        """By external or internal id."""
        return self._rows.get(self._by_external.get(key, key))

    def find_external(self, external_id: str) -> Row | None:
        """By external id only."""
        found = self._by_external.get(external_id)
        return self._rows[found] if found is not None else None

    def by_id(self, location_id: str) -> Row:
        """The location that a stock level points to."""
        return self._rows[location_id]

    def create(self, fields: Row) -> Row:
        """Add one; 409 for an external id that is taken."""
        self._free(fields["external_id"], None)
        row = {"id": self._ids.make("sl_"), "external_id": fields["external_id"], "name": fields["name"]}
        self._rows[row["id"]] = row
        self._by_external[row["external_id"]] = row["id"]
        return row

    def change(self, row: Row, fields: Row) -> Row:
        """Rename, or move to another free external id."""
        if "external_id" in fields:
            self._free(fields["external_id"], row["id"])
            del self._by_external[row["external_id"]]
            self._by_external[fields["external_id"]] = row["id"]
        row.update(fields)
        return row

    def remove(self, row: Row) -> None:
        """Forget one; its levels are the caller's to drop."""
        del self._rows[row["id"]]
        del self._by_external[row["external_id"]]

    def _free(self, external_id: str, owner: str | None) -> None:
        holder = self._by_external.get(external_id)
        if holder is not None and holder != owner:
            error = FieldError("resource-already-exists", "external_id", f"{external_id!r} is taken")
            raise Refusal(409, "resource-already-exists", "The stock location exists already.", [error])
