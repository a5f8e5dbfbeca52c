"""The rules of one entity, applied: every rule reads the entity as it came, so their order does not matter.

Renamed, dropped and computed fields are set first; then what is blank is filled in. Nothing depends on another rule,
so there can be no cycle, and a rule may use the field that it sets.
"""

from collections.abc import Mapping as ReadMapping
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from connector.mapping_rules.expression import Expression
from connector.mapping_rules.fields import Kind, Named
from connector.mapping_rules.functions import NoValue, Value, is_blank, number, text
from connector.mapping_rules.paths import EACH, Path, places, put_at, value_at
from contracts.entities import Entity


class RuleFailed(ValueError):
    """A rule gave nothing that its field takes; the text names rule and field."""

    def __init__(self, message: str, rule: str) -> None:
        super().__init__(message)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Rename:
    """A value that goes to another field; its own is blank then."""

    source: Named
    target: Named


@dataclass(frozen=True, slots=True)
class Compute:
    """A field that an expression gives."""

    target: Named
    expression: Expression


@dataclass(frozen=True, slots=True)
class Default:
    """What a field holds where it is blank."""

    target: Named
    value: Any


@dataclass(frozen=True, slots=True)
class EntityRules:
    """The rules of one kind of entity on its way to one side."""

    renames: tuple[Rename, ...] = ()
    drops: tuple[Named, ...] = ()
    defaults: tuple[Default, ...] = ()
    computed: tuple[Compute, ...] = ()
    digest: str = ""  # of what the file says: other rules, another digest

    def __len__(self) -> int:
        return len(self.renames) + len(self.drops) + len(self.defaults) + len(self.computed)

    @property
    def names_attributes(self) -> bool:
        """Whether a rule reads custom fields of the entity itself."""
        read = [rename.source.path for rename in self.renames]
        read += [path for rule in self.computed for path in rule.expression.reads]
        return any(path.steps[0] == "attributes" for path in read)

    def apply(self, entity: Entity) -> Entity:
        """The entity as the side is to have it; key and refs are what they were. Raises `RuleFailed`."""
        came = entity.model_dump(mode="json")
        made = deepcopy(came)
        for rename in self.renames:
            self._rename(rename, came, made)
        for dropped in self.drops:
            for at in list(places(made, dropped.path)):
                put_at(made, dropped.path, at, None)
        for rule in self.computed:
            self._compute(rule, came, made)
        for default in self.defaults:
            for at in list(places(made, default.target.path)):
                if _empty(value_at(made, default.target.path, at)):
                    put_at(made, default.target.path, at, deepcopy(default.value))
        if made == came:
            return entity
        try:
            return type(entity).model_validate(made)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = _shown(first["loc"])
            raise RuleFailed(f"after the field mapping {where} is not valid: {first['msg']}", where) from error

    def _rename(self, rename: Rename, came: Any, made: Any) -> None:  # noqa: ANN401 - JSON
        taken = {name.path for name in (*(each.target for each in self.renames), *(c.target for c in self.computed))}
        source, target = rename.source.path, rename.target.path
        for at in list(places(came, source)):
            value = value_at(came, source, at)
            if source not in taken:
                put_at(made, source, at, None)
            put_at(made, target, at, _fitting(rename.target.kind, value, f"rename of {source}"))

    def _compute(self, rule: Compute, came: Any, made: Any) -> None:  # noqa: ANN401 - JSON
        path = rule.target.path
        for at in list(places(came, path)):

            def read(wanted: Path, at: tuple[int, ...] = at) -> Value:
                deep = wanted.steps.count(EACH)
                return _value(value_at(came, wanted, at[:deep]))

            try:
                value = _fitting(rule.target.kind, rule.expression.value(read), f"compute of {path}")
            except NoValue as error:
                raise RuleFailed(f"compute of {path}: {error}", str(path)) from error
            put_at(made, path, at, value)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Every rule of a connection, by side and kind of entity."""

    rules: ReadMapping[tuple[str, str], EntityRules] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(rules) for rules in self.rules.values())

    def names_attributes(self, entity: str) -> bool:
        """Whether any rule for that kind reads its custom fields."""
        return any(rules.names_attributes for (_, kind), rules in self.rules.items() if kind == entity)

    def of(self, side: str, entity: str) -> EntityRules | None:
        """The rules for that kind on its way to that side, where there are any."""
        return self.rules.get((side, entity))


def _empty(value: object) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def _value(value: object) -> Value:
    """What an expression sees of a field: lists and parts count as there or not."""
    match value:
        case bool() | str() | None:
            return value
        case int():
            return Decimal(value)
        case list() | dict():
            return bool(value)
        case _:
            return str(value)


def _fitting(kind: Kind, value: Any, rule: str) -> Any:  # noqa: ANN401 - JSON
    """The value in the words of the field's JSON; what does not fit is for the model to refuse."""
    if isinstance(value, list | dict) or value is None or is_blank(value):
        return value if isinstance(value, list | dict) else None
    try:
        match kind:
            case "whole":
                exact = number(value)
                return int(exact) if exact is not None and exact == exact.to_integral_value() else text(value)
            case "number":
                return text(number(value))
            case "yes or no":
                return (
                    value if isinstance(value, bool) else {"true": True, "false": False}.get(text(value), text(value))
                )
            case _:
                return text(value)
    except NoValue as error:
        raise RuleFailed(f"{rule}: {error}", rule) from error


def _shown(steps: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in steps) or "the entity"
