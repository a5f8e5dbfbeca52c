"""Customer groups and their settings; the root group is always there."""

from connector.sandbox.sparklayer.problems import FieldError, invalid
from connector.sandbox.sparklayer.wire import Row

ROOT = "base"


class Groups:
    """The groups of one site by slug."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {ROOT: {"slug": ROOT, "name": "Base", "parent_slug": None}}
        self._settings: dict[str, dict[str, object]] = {}

    def all(self) -> list[Row]:
        """Every group, oldest first."""
        return list(self._rows.values())

    def has(self, slug: str) -> bool:
        """Whether there is one."""
        return slug in self._rows

    def create(self, fields: Row) -> None:
        """Add one; 400 for a slug that is taken or a parent that does not exist."""
        if fields["slug"] in self._rows:
            raise invalid([FieldError("resource-already-exists", "slug", f"{fields['slug']!r} is taken")])
        self._rows[fields["slug"]] = {
            "slug": fields["slug"],
            "name": fields["name"],
            "parent_slug": self._parent(fields),
        }

    def change(self, slug: str, fields: Row) -> None:
        """Rename; without a parent the group goes back under the root."""
        self._known(slug)
        parent = None if slug == ROOT else self._parent(fields)
        if slug in self._line(parent):
            raise invalid([FieldError("invalid-value", "parent_slug", "a group cannot be below itself")])
        self._rows[slug].update(name=fields["name"], parent_slug=parent)

    def remove(self, slug: str, *, used: bool) -> None:
        """Forget one; 400 while it has customers or groups below it."""
        self._known(slug)
        if used or slug == ROOT or any(row["parent_slug"] == slug for row in self._rows.values()):
            raise invalid([FieldError("resource-in-use", "slug", f"{slug!r} is in use")])
        del self._rows[slug]
        self._settings.pop(slug, None)

    def settings(self, slug: str) -> list[Row]:
        """Key and value of every setting of a group."""
        self._known(slug)
        return [{"key": key, "value": value} for key, value in self._settings.get(slug, {}).items()]

    def change_settings(self, slug: str, rows: list[Row]) -> None:
        """Change settings of a group."""
        self._known(slug)
        self._settings.setdefault(slug, {}).update({row["key"]: row["value"] for row in rows})

    def _known(self, slug: str) -> None:
        if slug not in self._rows:
            raise invalid([FieldError("resource-id-not-found", "slug", f"{slug!r} does not exist")])

    def _parent(self, fields: Row) -> str:
        parent = str(fields.get("parent_slug") or ROOT)
        if parent not in self._rows:
            raise invalid([FieldError("resource-id-not-found", "parent_slug", f"{parent!r} does not exist")])
        return parent

    def _line(self, slug: str | None) -> set[str]:
        found: set[str] = set()
        while slug is not None and slug not in found:
            found.add(slug)
            slug = self._rows[slug]["parent_slug"]
        return found
