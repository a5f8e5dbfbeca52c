"""JSON Schemas (draft 2020-12) of events and entities, made from the models so that they cannot say something else."""

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from contracts import examples
from contracts.entities import KINDS
from contracts.events import EVENTS, encode

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def documents() -> dict[str, Schema]:
    """Every schema by file name; each stands alone. An event is named by its type, an entity by its kind."""
    found = {
        f"{kind.name}.json": _document(kind.model, kind.name, entity_example(kind.name)) for kind in KINDS.values()
    }
    for type_, model in EVENTS.items():
        found[f"{type_}.json"] = _document(model, type_, event_example(type_))
    return found


def components(models: list[type[BaseModel]], ref_template: str) -> dict[str, Schema]:
    """Definitions of the models and of all that they use, for a document that keeps them in one place."""
    _, bundle = models_json_schema([(model, "validation") for model in models], ref_template=ref_template)
    return {name: _tidy(schema) for name, schema in bundle["$defs"].items()}


def event_example(type_: str) -> Schema:
    """The value of a structured record."""
    _, value, _ = encode(examples.event(type_))
    body: Schema = json.loads(value)
    return body


def entity_example(kind: str) -> Schema:
    """The value of a binary record, or the `data` of a structured one."""
    return examples.ENTITIES[kind].model_dump(mode="json", exclude_none=True)


def _document(model: type[BaseModel], name: str, example: Schema) -> Schema:
    body = _tidy(model.model_json_schema())
    definitions = body.pop("$defs", {})
    head: Schema = {"$schema": DIALECT, "$id": f"urn:paylayer:schema:{name}"}
    return {**head, **body, "examples": [example]} | ({"$defs": definitions} if definitions else {})


def _tidy(schema: Schema) -> Schema:
    """Titles that only repeat a field's name go; fixed values become required, for a reader has no default for them."""
    tidy: Schema = {}
    for key, value in schema.items():
        if key == "properties":
            tidy[key] = {name: _tidy(_untitled(field)) for name, field in value.items()}
        elif key == "$defs":
            tidy[key] = {name: _tidy(definition) for name, definition in value.items()}
        else:
            tidy[key] = value
    fixed = [name for name, field in tidy.get("properties", {}).items() if "const" in field]
    for name in fixed:
        del tidy["properties"][name]["default"]
    if fixed:
        tidy["required"] = [name for name in tidy["properties"] if name in {*fixed, *tidy.get("required", ())}]
    return tidy


def _untitled(field: Schema) -> Schema:
    return {key: value for key, value in field.items() if key != "title"}
