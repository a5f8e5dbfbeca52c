"""Paths to fields of an entity, written the same way in targets and in expressions.

`title`, `credit.limit`, `attributes["ERP number"]`, `variants[].gtin`; `[]` stands for each part of a list, and within
one rule for the same part wherever it is written.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

EACH = "[]"
Step = str
_STEP = re.compile(r'(?P<name>[a-z_][a-z0-9_]*)|\["(?P<quoted>[^"\\]{1,200})"\]|(?P<each>\[\])')


class BadPath(ValueError):
    """Text that is no path."""


@dataclass(frozen=True, slots=True)
class Path:
    """The steps from the entity to a field: names, and `EACH` after the name of a list."""

    steps: tuple[Step, ...]

    def __str__(self) -> str:
        shown = ""
        for number, step in enumerate(self.steps):
            if step == EACH:
                shown += EACH
            elif self.is_attribute and number == len(self.steps) - 1:
                shown += f'["{step}"]'
            else:
                shown += f".{step}" if shown else step
        return shown

    @property
    def is_attribute(self) -> bool:
        """Whether it names a custom field."""
        return len(self.steps) > 1 and self.steps[-2] == "attributes"

    @property
    def lists(self) -> tuple[tuple[Step, ...], ...]:
        """The lists on the way, outermost first."""
        return tuple(self.steps[:number] for number, step in enumerate(self.steps) if step == EACH)


def parse_path(text: str) -> Path:
    """Raises `BadPath`."""
    path, end = path_at(text.strip(), 0)
    if end != len(text.strip()):
        raise BadPath(f'{text!r} is no field: write it such as title, credit.limit or attributes["ERP number"]')
    return path


def path_at(text: str, start: int) -> tuple[Path, int]:
    """The path that begins there, and where it ends. Raises `BadPath`."""
    steps: list[Step] = []
    at = start
    while (found := _STEP.match(text, at)) is not None:
        if found["name"] is None and not steps:
            break
        if found["name"] is not None and steps and text[at - 1] != ".":
            break
        steps.append(found["name"] or found["quoted"] or EACH)
        at = found.end()
        if at < len(text) and text[at] == "." and _STEP.match(text, at + 1):
            at += 1
    if not steps:
        raise BadPath(f"no field begins at {text[start : start + 20]!r}")
    return Path(tuple(steps)), at


Places = Sequence[int]
"""Which part of each list on the way, outermost first."""


def places(tree: Any, path: Path) -> Iterator[tuple[int, ...]]:  # noqa: ANN401 - JSON
    """The parts of lists that a path goes through, one tuple for each field that it names."""
    yield from _places(tree, path.steps, ())


def _places(node: Any, steps: Sequence[Step], taken: tuple[int, ...]) -> Iterator[tuple[int, ...]]:  # noqa: ANN401
    for number, step in enumerate(steps):
        if step == EACH:
            for place, part in enumerate(node or ()):
                yield from _places(part, steps[number + 1 :], (*taken, place))
            return
        if number == len(steps) - 1:
            break
        node = _inside(node, step)
        if node is None:
            return  # the part that holds the field is not there
    yield taken


def _inside(node: Any, step: Step) -> Any:  # noqa: ANN401 - JSON
    """What a step leads to; custom fields may be set where none are known."""
    found = node.get(step) if isinstance(node, dict) else None
    return {} if found is None and step == "attributes" and isinstance(node, dict) else found


def value_at(tree: Any, path: Path, at: Places) -> Any:  # noqa: ANN401 - JSON
    """What is there; none where a part on the way is missing."""
    node, left = tree, list(at)
    for step in path.steps:
        if step == EACH:
            place = left.pop(0)
            node = node[place] if isinstance(node, list) and place < len(node) else None
        else:
            node = node.get(step) if isinstance(node, dict) else None
        if node is None:
            return None
    return node


def put_at(tree: Any, path: Path, at: Places, value: Any) -> None:  # noqa: ANN401 - JSON
    """Set a field, or with none take it away; nothing happens where the part that holds it is missing."""
    holder = value_at(tree, Path(path.steps[:-1]), at) if len(path.steps) > 1 else tree
    if holder is None and path.is_attribute and value is not None:  # nothing was known of custom fields
        holder = {}
        put_at(tree, Path(path.steps[:-1]), at, holder)
    if not isinstance(holder, dict):
        return
    if value is None:
        holder.pop(path.steps[-1], None)
    else:
        holder[path.steps[-1]] = value
