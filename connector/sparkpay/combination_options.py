"""Which option values make up a combination, read from its description where that is beyond doubt."""

from collections.abc import Mapping, Sequence
from typing import Any

from connector.sparkpay.bundle import Row


def described_options(
    combinations: Sequence[Row], options: Sequence[Row], groups: Mapping[int, Row]
) -> list[tuple[Row, ...]] | None:
    """The option rows of each combination of one product, or none where only the platform can tell.

    `Color: Red, Size: M` is believed when every part is exactly one option row of the product, each group that counts
    stock is named once, and no two combinations are the same: descriptions are free text that looks generated.
    """
    by_text: dict[tuple[str, str], list[Row]] = {}
    needed = set()
    for option in options:
        group = groups.get(option.get("variant_group_id") or 0)
        if group is None:
            return None
        by_text.setdefault((_word(group.get("name")), _word(option.get("description"))), []).append(option)
        if not group.get("is_non_inventory"):
            needed.add(_word(group.get("name")))
    found: list[tuple[Row, ...]] = []
    seen: set[tuple[int, ...]] = set()
    for combination in combinations:
        rows = _match(_word(combination.get("description")), by_text, needed)
        if rows is None:
            return None
        ids = tuple(sorted(row["id"] for row in rows))
        if ids in seen:
            return None
        seen.add(ids)
        found.append(rows)
    return found


def _match(text: str, by_text: Mapping[tuple[str, str], Sequence[Row]], needed: set[str]) -> tuple[Row, ...] | None:
    rows: list[Row] = []
    named: list[str] = []
    for part in text.split(","):
        group, _, value = part.partition(":")
        candidates = by_text.get((_word(group), _word(value)), ())
        if len(candidates) != 1:
            return None
        rows.append(candidates[0])
        named.append(_word(group))
    return tuple(rows) if len(set(named)) == len(named) and needed <= set(named) else None


def _word(value: Any) -> str:  # noqa: ANN401 - a field of a row
    return " ".join(str(value or "").split())
