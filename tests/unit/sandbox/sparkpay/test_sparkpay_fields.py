"""The field table of the sandbox is the vendor's OpenAPI file, made compact.

To make it anew: run this file with the path of the OpenAPI file (repository on PYTHONPATH), save what it prints.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.sandbox.sparkpay.resources import RESOURCES as SERVED

ROOT = Path(__file__).resolve().parents[4]
OPENAPI = ROOT.parent / "shared" / "reference" / "sparkpay-openapi.yaml"
TABLE = ROOT / "connector" / "sandbox" / "sparkpay" / "fields.json"
RESOURCES = (
    "addresses",
    "categories",
    "custom_field_values",
    "custom_fields",
    "custom_shipping_methods",
    "customer_association",
    "customer_types",
    "customers",
    "manufacturers",
    "order_addresses",
    "order_items",
    "order_payments",
    "order_shipments",
    "order_statuses",
    "orders",
    "payment_methods",
    "product_inactive_in_store",
    "product_pictures",
    "product_pricing",
    "product_statuses",
    "product_variants",
    "products",
    "quotes",
    "regions",
    "stores",
    "tax_rates",
    "variant_groups",
    "variant_inventory",
    "warehouses",
)
JsonObject = dict[str, Any]


def resolved(document: JsonObject, schema: JsonObject) -> JsonObject:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def type_name(document: JsonObject, schema: JsonObject) -> str:
    declared = resolved(document, schema).get("type", "any")
    if isinstance(declared, list):
        return next(part for part in declared if part != "null")
    return "string" if declared == "guid" else str(declared)


def type_names(document: JsonObject, schema: JsonObject) -> dict[str, str]:
    properties = resolved(document, schema)["properties"]
    return {name: type_name(document, declared) for name, declared in properties.items()}


def body(document: JsonObject, operation: JsonObject | None, fields: dict[str, str]) -> JsonObject | None:
    if not operation or "requestBody" not in operation:
        return None
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    types = type_names(document, schema)
    difference: JsonObject = {
        "absent": sorted(set(fields) - set(types)),
        "types": {name: kind for name, kind in sorted(types.items()) if fields.get(name) != kind},
        "required": sorted(resolved(document, schema).get("required") or []),
    }
    return {key: value for key, value in difference.items() if value}


def field_table(path: Path) -> dict[str, JsonObject]:
    """Per resource: the fields of the read model, and how the bodies of POST and PUT differ from it."""
    with path.open(encoding="utf-8") as stream:
        document = yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader
    table: dict[str, JsonObject] = {}
    for resource in RESOURCES:
        fields = dict(sorted(type_names(document, document["components"]["schemas"][resource]).items()))
        create = body(document, document["paths"].get(f"/{resource}", {}).get("post"), fields)
        update = body(document, document["paths"].get(f"/{resource}/{{id}}", {}).get("put"), fields)
        bodies = {"create": create, "update": update}
        table[resource] = {"fields": fields, **{name: given for name, given in bodies.items() if given is not None}}
    return table


def test_the_table_is_what_the_openapi_file_says() -> None:
    if not OPENAPI.exists():
        pytest.skip(f"the vendor's OpenAPI file is not at {OPENAPI}")
    assert json.loads(TABLE.read_text(encoding="utf-8")) == field_table(OPENAPI)


def test_the_table_knows_every_resource_that_the_sandbox_serves() -> None:
    listed = {r.name for r in SERVED.values() if not r.internal and not r.unlisted}
    assert set(json.loads(TABLE.read_text(encoding="utf-8"))) == listed


if __name__ == "__main__":
    print(json.dumps(field_table(Path(sys.argv[1])), indent=1))  # noqa: T201 - a program's output
