"""What a request would change: its fields compared with what the platform has, old beside new."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from connector.rehearsal import Intended

Act = Literal["create", "change", "remove"]
_GONE = frozenset({"discontinued", "inactive"})
_NAMES = ("external_id", "sku", "slug", "key", "id", "name", "price_list_slug", "quantity", "code")
"""What tells the parts of a list apart, the first that each of them has."""
ABSENT = object()
"""What was there cannot be read, or was not."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field; old is none where nothing was there."""

    name: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that would be created, changed or removed on a side."""

    side: str
    act: Act
    what: str
    method: str
    fields: tuple[FieldChange, ...]

    def as_json(self) -> dict[str, Any]:
        """As scripts read it."""
        fields = [{"field": field.name, "old": field.old, "new": field.new} for field in self.fields]
        return {"side": self.side, "act": self.act, "what": self.what, "fields": fields}


def difference(intended: Intended, what: str, wanted: Any, there: Any) -> Change | None:  # noqa: ANN401 - JSON
    """None where the platform has it like that already. `there` is none where nothing is."""
    if intended.method == "DELETE":
        return Change(intended.side, "remove", what, intended.method, ())
    before = dict(_flat(there)) if there is not None else {}
    fields = tuple(
        FieldChange(name, before.get(name), value)
        for name, value in _flat(wanted)
        if not _same(before.get(name), value) or (there is not None and name not in before and value is not None)
    )
    if not fields and there is not None:
        return None
    act: Act = "create" if there is None else "change"
    ends = [field for field in fields if field.name.rpartition(".")[2] == "status" and field.new in _GONE]
    if act == "change" and ends:
        act = "remove"
    return Change(intended.side, act, what, intended.method, fields)


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - JSON
    """Every leaf by its path; parts of lists by what names them, so that another order is no change."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _flat(part, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        key = next(
            (key for key in _NAMES if value and all(isinstance(one, Mapping) and key in one for one in value)), ""
        )
        for number, part in enumerate(value):
            yield from _flat(part, f"{name}[{part[key] if key else number}]")
    else:
        yield name, value


def _same(old: Any, new: Any) -> bool:  # noqa: ANN401 - JSON
    """Equal in meaning: blank is nothing, 5 is 5.00, whichever of them is text."""
    if old == new or (old in (None, "") and new in (None, "")):
        return True
    if isinstance(old, bool) or isinstance(new, bool) or old is None or new is None:
        return False
    try:
        return Decimal(str(old)) == Decimal(str(new))
    except InvalidOperation:
        return str(old) == str(new)


def in_words(changes: Sequence[FieldChange]) -> list[str]:
    """`title: Rope -> Twine`, a line each."""
    return [f"{field.name}: {_shown(field.old)} -> {_shown(field.new)}" for field in changes]


def _shown(value: Any) -> str:  # noqa: ANN401 - JSON
    return "(nothing)" if value in (None, "") else str(value)
