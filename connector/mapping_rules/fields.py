"""What a path may name in an entity: read from the models of the contracts, so that both never differ."""

import difflib
import enum
import types
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from connector.mapping_rules.paths import EACH, Path
from contracts.entities import KINDS

Kind = Literal["text", "number", "whole", "yes or no", "list", "part"]

# What identifies an entity or a part of it, and what joins entities: linking, SKUs and echoes are decided by these
# before any rule is applied, so a rule must not turn one thing into another.
_IDENTITY = {
    "key": "it is the entity's key",
    "refs": "it holds the ids in each system",
    "id": "it identifies the part",
    "sku": "prices, stock and orders are joined by SKU",
    "currency": "amounts would change their meaning",
    "list": "it names the price list",
    "location": "it names the stock location",
    "line": "it names the order line",
    "ships_to": "it names a destination",
}
_IDENTITY_OF = {
    ("customer", "email"): "customers are found by e-mail",
    ("customer", "parent"): "it is the key of another customer",
    ("customer", "group"): "it is the key of a customer group",
    ("order", "number"): "orders are found by number",
    ("order", "customer"): "it says whose order it is",
    ("price", "product"): "it is the key of a product",
    ("stock", "product"): "it is the key of a product",
    ("customer-group", "parent"): "it is the key of a customer group",
}
_LEAVES: dict[type, Kind] = {bool: "yes or no", int: "whole", Decimal: "number", str: "text"}


class NoSuchField(ValueError):
    """A path that names nothing, or nothing that a rule may name there; says what fits."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a path names: its kind, whether it may be blank, and whether it identifies something (why)."""

    path: Path
    kind: Kind
    may_be_blank: bool
    fixed: str | None
    annotation: Any

    def refusal(self, value: object) -> str | None:
        """Why a constant does not fit; none where it does."""
        try:
            _adapter(self.annotation).validate_python(value, strict=None)
        except ValidationError as error:
            return error.errors(include_url=False, include_input=False)[0]["msg"]
        return None


def field_of(entity: str, path: Path) -> Named:
    """Raises `NoSuchField`."""
    return _walk(entity, path)


def names_of(entity: str) -> list[str]:
    """Every path of an entity that a rule may read, in the order of its model."""
    return [str(path) for path in _all(KINDS[entity].model, ())]


def _walk(entity: str, path: Path) -> Named:
    model: type[BaseModel] | None = KINDS[entity].model
    steps, fixed = list(path.steps), None
    info: FieldInfo | None = None
    annotation: Any = None
    blank = False
    taken: list[str] = []
    while steps:
        step = steps.pop(0)
        if model is None or step == EACH or step not in model.model_fields:
            raise _unknown(entity, path)
        info = model.model_fields[step]
        taken.append(step)
        fixed = fixed or _IDENTITY_OF.get((entity, ".".join(taken))) or _IDENTITY.get(step)
        annotation, blank = _bare(info.annotation)
        blank = blank or (not info.is_required() and info.default in ((), None, ""))
        if step == "attributes" and steps:
            if len(steps) > 1 or steps[0] == EACH:
                raise _unknown(entity, path)
            return Named(path, "text", may_be_blank=True, fixed=fixed, annotation=str)
        part = _part(annotation)
        if steps and steps[0] == EACH and part is not None and _is_list(annotation):
            taken.append(steps.pop(0))
            model = part if isinstance(part, type) and issubclass(part, BaseModel) else None
            if not steps:
                raise NoSuchField(f"{path} names whole parts: name a field of them, such as {path}.{_first(model)}")
        elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
        else:
            model = None
    return Named(path, _kind(annotation), may_be_blank=blank, fixed=fixed, annotation=_full(info))


def _full(info: FieldInfo | None) -> Any:  # noqa: ANN401 - a type
    """The annotation with its constraints."""
    if info is None:
        return Any
    return Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation


def _bare(annotation: Any) -> tuple[Any, bool]:  # noqa: ANN401 - types
    """Without `| None` and without constraints; whether none was allowed."""
    blank = False
    while True:
        if get_origin(annotation) in (Union, types.UnionType):
            inner = [one for one in get_args(annotation) if one is not type(None)]
            blank = blank or len(inner) < len(get_args(annotation))
            if len(inner) != 1:
                return annotation, blank
            annotation = inner[0]
        elif hasattr(annotation, "__metadata__"):
            annotation = get_args(annotation)[0]
        else:
            return annotation, blank


def _is_list(annotation: Any) -> bool:  # noqa: ANN401 - types
    return get_origin(annotation) is tuple


def _part(annotation: Any) -> Any:  # noqa: ANN401 - types
    return _bare(get_args(annotation)[0])[0] if _is_list(annotation) else None


def _kind(annotation: Any) -> Kind:  # noqa: ANN401 - types
    if _is_list(annotation):
        return "list"
    if not isinstance(annotation, type):
        return "part"
    if issubclass(annotation, enum.StrEnum | datetime | date):
        return "text"
    return next((kind for base, kind in _LEAVES.items() if issubclass(annotation, base)), "part")


def _all(model: type[BaseModel], before: tuple[str, ...]) -> Iterator[Path]:
    for name, info in model.model_fields.items():
        annotation, _ = _bare(info.annotation)
        part = _part(annotation)
        if isinstance(part, type) and issubclass(part, BaseModel):
            yield from _all(part, (*before, name, EACH))
        elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from _all(annotation, (*before, name))
        elif name != "refs":
            yield Path((*before, name))


def _first(model: type[BaseModel] | None) -> str:
    return next((name for name in model.model_fields if name not in {"id", "refs"}), "name") if model else "name"


def _unknown(entity: str, path: Path) -> NoSuchField:
    known = names_of(entity)
    near = difflib.get_close_matches(str(path), known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
    return NoSuchField(f"a {entity} has no field {path}; {hint}")


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - a type
    return TypeAdapter(annotation)
