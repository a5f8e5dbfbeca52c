"""The mapping file (TOML): read, and checked against the models before any entity meets it."""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NoReturn

from connector.errors import UserFault
from connector.mapping_rules.expression import BadExpression, parse
from connector.mapping_rules.fields import Named, NoSuchField, field_of
from connector.mapping_rules.paths import BadPath, Path, parse_path
from connector.mapping_rules.rules import Compute, Default, EntityRules, Mapping, Rename
from contracts.entities import KINDS
from contracts.topics import SIDES

LONGEST = 100_000
MOST_RULES = 500
_DIRECTIONS = {f"to_{side}": side for side in SIDES}
_ACTIONS = ("rename", "drop", "default", "compute")


@lru_cache(maxsize=1024)
def mapping_of(text: str) -> Mapping:
    """The rules of a stored mapping; none for empty text. Raises `UserFault`."""
    return check_mapping(text, "mapping.rules")


def check_mapping(text: str, name: str) -> Mapping:
    """Read a mapping file. Raises `UserFault` that names file, line, rule and what fits."""
    if not text.strip():
        return Mapping()
    if len(text) > LONGEST:
        raise UserFault(f"{name} is longer than {LONGEST} characters: a mapping says what is different, nothing else")
    try:
        tree = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UserFault(f"{name} is no TOML: {error}") from error
    return _Reader(name, text).mapping(tree)


@dataclass(frozen=True, slots=True)
class _Reader:
    name: str
    text: str

    def mapping(self, tree: dict[str, Any]) -> Mapping:
        found: dict[tuple[str, str], EntityRules] = {}
        for direction, entities in tree.items():
            side = _DIRECTIONS.get(direction)
            if side is None or not isinstance(entities, dict):
                self._fail((direction,), f"there is no direction {direction!r}", _DIRECTIONS, direction)
            for entity, rules in entities.items():
                if entity not in KINDS or not isinstance(rules, dict):
                    self._fail((direction, entity), f"there is no entity {entity!r}", KINDS, entity)
                found[side, entity] = self._rules((direction, entity), entity, rules)
        mapping = Mapping(found)
        if len(mapping) > MOST_RULES:
            raise UserFault(f"{self.name} has {len(mapping)} rules; {MOST_RULES} are the most")
        return mapping

    def _rules(self, where: tuple[str, ...], entity: str, rules: dict[str, Any]) -> EntityRules:
        for action in rules:
            if action not in _ACTIONS:
                self._fail((*where, action), f"there is no kind of rule {action!r}", _ACTIONS, action)
        read = _Rules(
            renames=tuple(
                self._rename((*where, "rename", source), entity, source, target)
                for source, target in self._table(where, rules, "rename").items()
            ),
            drops=tuple(self._drop((*where, "drop", str(path)), entity, path) for path in self._list(where, rules)),
            defaults=tuple(
                self._default((*where, "default", path), entity, path, value)
                for path, value in self._table(where, rules, "default").items()
            ),
            computed=tuple(
                self._compute((*where, "compute", path), entity, path, source)
                for path, source in self._table(where, rules, "compute").items()
            ),
        )
        self._once(where, read)
        said = json.dumps(rules, sort_keys=True, default=str)
        digest = hashlib.sha256(said.encode()).hexdigest()[:16]
        return EntityRules(read.renames, read.drops, read.defaults, read.computed, digest)

    def _table(self, where: tuple[str, ...], rules: dict[str, Any], action: str) -> dict[str, Any]:
        table = rules.get(action, {})
        if not isinstance(table, dict):
            self._fail((*where, action), f"{action} is a table: [{'.'.join(where)}.{action}], one rule a line")
        return table

    def _list(self, where: tuple[str, ...], rules: dict[str, Any]) -> list[Any]:
        names = rules.get("drop", [])
        if not isinstance(names, list):
            self._fail((*where, "drop"), 'drop is a list of fields: drop = ["phone"]')
        return names

    def _rename(self, where: tuple[str, ...], entity: str, source: str, target: object) -> Rename:
        one, other = self._field(where, entity, source), self._field(where, entity, target)
        self._may_change(where, other)
        self._may_go(where, one)
        if one.path.lists != other.path.lists:
            self._fail(where, f"{one.path} and {other.path} do not belong to the same part")
        if "part" in {one.kind, other.kind} or (one.kind == "list") != (other.kind == "list"):
            self._fail(where, f"{one.path} is a {one.kind} and {other.path} a {other.kind}: only like can be renamed")
        return Rename(one, other)

    def _drop(self, where: tuple[str, ...], entity: str, path: object) -> Named:
        named = self._field(where, entity, path)
        self._may_go(where, named)
        return named

    def _default(self, where: tuple[str, ...], entity: str, path: str, value: object) -> Default:
        named = self._field(where, entity, path)
        self._may_change(where, named)
        if named.kind == "part":
            self._fail(where, f"{named.path} has fields of its own: name one of them")
        if isinstance(value, float):
            self._fail(where, f'{value} is not exact: write numbers as text, "12.50"')
        exact = str(value) if named.kind == "number" and isinstance(value, int) else value
        if (why := named.refusal(exact)) is not None:
            self._fail(where, f"{named.path} does not take {value!r}: {why}")
        return Default(named, exact)

    def _compute(self, where: tuple[str, ...], entity: str, path: str, source: object) -> Compute:
        named = self._field(where, entity, path)
        self._may_change(where, named)
        if named.kind in {"list", "part"}:
            self._fail(where, f"{named.path} is a {named.kind}: only single fields can be computed")
        if not isinstance(source, str):
            self._fail(where, f"an expression is text: {named.path} = 'upper(title)'")
        try:
            expression = parse(source)
        except BadExpression as error:
            self._fail(where, f"the expression of {named.path} cannot be read: {error}")
        for read in expression.reads:
            self._field(where, entity, str(read))
            if not set(read.lists) <= set(named.path.lists):
                self._fail(where, f"{read} has many values where {named.path} is computed: which one is not said")
        return Compute(named, expression)

    def _field(self, where: tuple[str, ...], entity: str, path: object) -> Named:
        if not isinstance(path, str):
            self._fail(where, f"{path!r} is no field: fields are named by text")
        try:
            return field_of(entity, parse_path(path))
        except (BadPath, NoSuchField) as error:
            self._fail(where, str(error))

    def _may_change(self, where: tuple[str, ...], named: Named) -> None:
        if named.fixed:
            self._fail(where, f"{named.path} cannot be changed by a rule: {named.fixed}")

    def _may_go(self, where: tuple[str, ...], named: Named) -> None:
        self._may_change(where, named)
        if not named.may_be_blank:
            self._fail(where, f"{named.path} has to be there: it can be computed, not taken away")

    def _once(self, where: tuple[str, ...], rules: "_Rules") -> None:
        """A field is set by one rule, so that nobody has to ask which comes first."""
        seen: set[Path] = set()
        for action, path in rules.targets():
            if path in seen:
                self._fail((*where, action, str(path)), f"{path} is set by two rules: keep one")
            seen.add(path)

    def _fail(self, where: tuple[str, ...], why: str, known: Iterable[str] = (), given: str = "") -> NoReturn:
        names = list(known)
        near = get_close_matches(given, names, n=2)
        hint = f"; did you mean {' or '.join(near)}?" if near else f"; known: {', '.join(names)}" if names else ""
        line = line_of(self.text, where)
        place = f"{self.name}, line {line}" if line else self.name
        raise UserFault(f"{place}: [{'.'.join(where[:3])}] {why}{hint}")


@dataclass(frozen=True, slots=True)
class _Rules:
    renames: tuple[Rename, ...]
    drops: tuple[Named, ...]
    defaults: tuple[Default, ...]
    computed: tuple[Compute, ...]

    def targets(self) -> Iterable[tuple[str, Path]]:
        """What each rule sets; a default only fills what the others leave blank."""
        yield from (("rename", rule.target.path) for rule in self.renames)
        yield from (("drop", named.path) for named in self.drops)
        yield from (("compute", rule.target.path) for rule in self.computed)


def line_of(text: str, where: tuple[str, ...]) -> int | None:
    """The line on which a rule stands, as far as that can be told without the parser's help."""
    header = ""
    best: tuple[int, int] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if found := re.fullmatch(r"\[\s*([^\[\]]+?)\s*\]\s*(#.*)?", stripped):
            header = found[1]
        full = f"{header}.{stripped}"
        matched = _steps_in(full, where)
        if matched and (best is None or matched > best[0]):
            best = (matched, number)
    return best[1] if best else None


def _steps_in(line: str, where: tuple[str, ...]) -> int:
    """How many of the steps stand on a line (its table's name before it), from the first on."""
    at = matched = 0
    for step in where:
        found = line.find(step, at)
        if found < 0:
            break
        at, matched = found + len(step), matched + 1
    return matched
