"""The checked-in schemas and the AsyncAPI document: up to date, valid, of one mind with the code that reads events."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from contract_strategies import events
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

import contracts
from contracts import EVENTS, KINDS, Event, TopicNames, decode, encode, examples, plan
from contracts.asyncapi import document
from contracts.dead_letters import HEADERS
from contracts.export import drift, files, write
from contracts.json_schemas import documents
from contracts.yaml_text import dump

FOLDER = Path(contracts.__file__).parent
DATA = Path(__file__).parents[2] / "data"
SCHEMAS = documents()
ASYNCAPI = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text("utf-8"))


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(SCHEMAS[name], format_checker=Draft202012Validator.FORMAT_CHECKER)


def follow(reference: dict[str, str]) -> Any:
    node: Any = ASYNCAPI
    for part in reference["$ref"].removeprefix("#/").split("/"):
        node = node[part]
    return node


def test_checked_in_documents_are_what_the_models_say() -> None:
    assert drift(FOLDER) == [], "renew them with: make schemas   (paylayer contracts export --to contracts)"


def test_drift_is_seen(tmp_path: Path) -> None:
    assert len(drift(tmp_path)) == len(files())
    assert sorted(write(tmp_path)) == sorted(tmp_path / name for name in files())
    assert drift(tmp_path) == []
    (tmp_path / "asyncapi.yaml").write_text("asyncapi: 2.6.0\n")
    (tmp_path / "schemas" / "product.json").unlink()
    (tmp_path / "schemas" / "unicorn.json").write_text("{}")
    found = [
        "asyncapi.yaml is out of date",
        "schemas/product.json is missing",
        "schemas/unicorn.json belongs to nothing",
    ]
    assert sorted(drift(tmp_path)) == found
    write(tmp_path)
    assert (tmp_path / "schemas" / "unicorn.json").exists()  # another's file is not ours to remove


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_draft_2020_12_and_take_their_own_examples(name: str) -> None:
    schema = SCHEMAS[name]
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)
    assert schema["title"]
    assert schema["description"]
    assert schema["examples"]
    for example in schema["examples"]:
        validator(name).validate(example)


def test_there_is_a_schema_for_every_event_and_every_entity() -> None:
    assert set(SCHEMAS) == {f"{name}.json" for name in (*EVENTS, *KINDS)}
    assert len({schema["$id"] for schema in SCHEMAS.values()}) == len(SCHEMAS)


@given(events())
def test_every_event_that_we_write_fits_its_schema(event: Event) -> None:
    assert list(validator(f"{event.type}.json").iter_errors(json.loads(encode(event)[1]))) == []


@given(events(), st.sampled_from(["specversion", "id", "source", "type", "time", "connection", "data"]))
def test_what_the_reader_demands_the_schema_demands(event: Event, attribute: str) -> None:
    key, value, _ = encode(event)
    body = json.loads(value)
    del body[attribute]
    assert not validator(f"{event.type}.json").is_valid(body)
    with pytest.raises(contracts.Unreadable):
        decode(key, json.dumps(body).encode())


@pytest.mark.parametrize("amount", [12.5, 12, None, "1e3", "12,5", ""])
def test_the_schema_takes_no_money_that_the_reader_refuses(amount: object) -> None:
    lists = [{"list": "base", "rows": [{"amount": amount}]}]
    assert not validator("price.json").is_valid({"sku": "A", "currency": "EUR", "lists": lists})


def test_unknown_fields_are_allowed_everywhere() -> None:
    assert "additionalProperties" not in {
        key
        for schema in SCHEMAS.values()
        for definition in (schema, *schema.get("$defs", {}).values())
        for key in definition
    }


@pytest.mark.parametrize("type_", EVENTS)
def test_examples_are_events(type_: str) -> None:
    event = examples.event(type_)
    key, value, headers = encode(event)
    assert event.type == type_
    assert decode(key, value, headers) == event
    assert examples.event(type_) == event


def test_no_example_of_an_unknown_type() -> None:
    with pytest.raises(KeyError):
        examples.event("paylayer.unicorn.changed.v1")


def test_asyncapi_is_valid() -> None:
    official = json.loads((DATA / "asyncapi-3.0.0.schema.json").read_text("utf-8"))
    assert [error.message for error in Draft7Validator(official).iter_errors(ASYNCAPI)] == []


def test_asyncapi_names_every_topic() -> None:
    channels = ASYNCAPI["channels"]
    letters = channels.pop("deadLetters")
    kinds, sides = (letters["parameters"][name]["enum"] for name in ("topic", "side"))
    addresses = {channel["address"] for channel in channels.values()}
    addresses |= {letters["address"].format(topic=topic, side=side) for topic in kinds for side in sides}
    channels["deadLetters"] = letters
    assert addresses == {topic.name for topic in plan(TopicNames())}


def test_asyncapi_describes_both_modes_of_every_event_with_key_and_headers() -> None:
    for type_, model in EVENTS.items():
        for name, payload, header in (
            (model.__name__, model.__name__, "content-type"),
            (f"{model.__name__}Binary", None, "ce_type"),
        ):
            message = ASYNCAPI["components"]["messages"][name]
            headers = follow(message["headers"])
            assert {"paylayer-target", "paylayer-priority", "paylayer-replay", header} <= set(headers["properties"])
            assert message["bindings"]["kafka"]["key"]["type"] == "string"
            assert payload is None or message["payload"] == {"$ref": f"#/components/schemas/{payload}"}
            assert type_ in message["title"]


def test_asyncapi_examples_are_records_that_we_read() -> None:
    for name, message in ASYNCAPI["components"]["messages"].items():
        for example in message.get("examples", []):
            key = message["bindings"]["kafka"]["key"]["examples"][0].encode()
            headers = [(header, value.encode()) for header, value in example["headers"].items()]
            event = decode(key, json.dumps(example["payload"]).encode(), headers)
            assert type(event).__name__ == name.removesuffix("Binary")
            Draft7Validator(
                {"$ref": "#/components/schemas/" + message["headers"]["$ref"].split("/")[-1], **ASYNCAPI}
            ).validate(example["headers"])


def test_asyncapi_references_lead_somewhere_and_components_are_used() -> None:
    used: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(reference := node.get("$ref"), str):
                follow(node)
                used.add(reference)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(ASYNCAPI)
    for section, entries in ASYNCAPI["components"].items():
        assert {f"#/components/{section}/{name}" for name in entries} <= used


def test_asyncapi_lists_the_headers_of_a_dead_letter() -> None:
    assert list(ASYNCAPI["components"]["schemas"]["DeadLetterHeaders"]["properties"]) == [
        name for name, _, _ in HEADERS
    ]


def test_asyncapi_of_another_prefix() -> None:
    text = json.dumps(document("1.0.0", TopicNames("shop")))
    assert "shop.products" in text
    assert "shop.apply-to-sparklayer" in text
    assert '"paylayer.products"' not in text


def test_compaction_is_in_the_document() -> None:
    for channel in ASYNCAPI["channels"].values():
        policy = channel["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"]
        assert policy == (["delete"] if channel["address"].endswith(".dlt") else ["compact"])


plain_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="utf-8", min_codepoint=32, exclude_categories=["Cc", "Cs", "Cn", "Co"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["on", "No", "null", "$ref", "a.b", "a b", "1", "x-y", "é", ""]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(plain_json)
def test_yaml_is_read_as_it_was_written(value: object) -> None:
    assert yaml.safe_load(dump(value)) == value


def test_yaml_keeps_the_order_of_keys() -> None:
    assert (
        dump({"b": {"z": [], "a": {}}, "a": [[1], {"k": "v: #"}]})
        == 'b:\n  z: []\n  a: {}\na:\n  - - 1\n  - k: "v: #"\n'
    )
