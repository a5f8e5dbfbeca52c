"""The AsyncAPI 3.0.0 document: every topic, what its records look like, and who sends and receives them."""

from typing import Any

from contracts import dead_letters
from contracts.entities import KINDS
from contracts.events import CONTENT_TYPE, EVENTS, PRIORITIES, PRIORITY, REPLAY, TARGET
from contracts.json_schemas import components, event_example
from contracts.topics import SIDES, Topic, TopicNames, plan

_BINDING = "0.5.0"  # of the Kafka binding
_SCHEMAS = "#/components/schemas/{model}"

Node = dict[str, Any]


def document(version: str, names: TopicNames | None = None) -> Node:
    """Return the document of a deployment with these topic names; `version` is that of the contract."""
    names = names or TopicNames()
    topics = {topic.name: topic for topic in plan(names)}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "PayLayer events",
            "version": version,
            "description": (
                "Change events of a Spark Pay store, of SparkLayer and of any other service. An event is a full "
                "snapshot: it says what an entity is now. Records are CloudEvents 1.0, structured or binary; of two "
                "events of one key the one with the later `time` (then the greater `id`) is the newer."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "local": {
                "host": "localhost:9092",
                "protocol": "kafka",
                "description": "What PAYLAYER_KAFKA_BOOTSTRAP_SERVERS is when it is not set",
            }
        },
        "channels": {**_sources(names, topics), **_letters(names, topics)},
        "operations": {**_source_operations(names), **_letter_operations(names)},
        "components": {"schemas": _schemas(), "messages": _messages()},
    }


def _sources(names: TopicNames, topics: dict[str, Topic]) -> Node:
    return {
        kind.topic: {
            "address": names.of(kind.name),
            "title": f"Changes of kind {kind.name}",
            "description": (
                "Compacted: a complete copy for whoever joins later. "
                f"Kafka key: `<connection>/<key>`, where the key is: {kind.keyed_by}."
            ),
            "messages": {
                message: {"$ref": f"#/components/messages/{message}"} for message in _message_names(kind.name)
            },
            "bindings": {"kafka": _topic_binding(topics[names.of(kind.name)])},
        }
        for kind in KINDS.values()
    }


def _letters(names: TopicNames, topics: dict[str, Topic]) -> Node:
    example = topics[names.dead_letters(names.all_sources()[0], SIDES[0])]
    return {
        "deadLetters": {
            "address": names.dead_letters(f"{names.prefix}.{{topic}}", "{side}"),
            "title": "What a side refused",
            "description": "Key, value and headers of the original record, byte for byte; then headers that say why.",
            "parameters": {
                "topic": {"description": "Topic without prefix", "enum": [kind.topic for kind in KINDS.values()]},
                "side": {"description": "Whose consumer group refused it", "enum": list(SIDES)},
            },
            "messages": {"DeadLetter": {"$ref": "#/components/messages/DeadLetter"}},
            "bindings": {"kafka": _topic_binding(example)},
        }
    }


def _topic_binding(topic: Topic) -> Node:
    config: Node = {name: int(value) if value.isdigit() else value for name, value in topic.config.items()}
    config["cleanup.policy"] = [topic.config["cleanup.policy"]]
    return {"partitions": topic.partitions, "topicConfiguration": config, "bindingVersion": _BINDING}


def _source_operations(names: TopicNames) -> Node:
    operations: Node = {}
    for kind in KINDS.values():
        channel = {"$ref": f"#/channels/{kind.topic}"}
        title = "".join(word.capitalize() for word in kind.topic.split("-"))
        operations[f"publish{title}"] = {
            "action": "send",
            "channel": channel,
            "summary": f"The producers say what a {kind.name} is now. Other services publish here as well.",
        }
        for side in SIDES:
            operations[f"apply{title}To{side.capitalize()}"] = {
                "action": "receive",
                "channel": channel,
                "summary": f"Brings {side} to that state, unless the flow is off or another side is the target.",
                "bindings": {"kafka": _group_binding(names.group(side))},
            }
    return operations


def _letter_operations(names: TopicNames) -> Node:
    channel = {"$ref": "#/channels/deadLetters"}
    return {
        "refuse": {
            "action": "send",
            "channel": channel,
            "summary": f"The groups {', '.join(names.group(side) for side in SIDES)} put here what they cannot use.",
        },
        "inspect": {
            "action": "receive",
            "channel": channel,
            "summary": "`paylayer dlq` reads up to the end, without a consumer group.",
        },
    }


def _group_binding(group: str) -> Node:
    return {"groupId": {"type": "string", "enum": [group]}, "bindingVersion": _BINDING}


def _message_names(kind: str) -> list[str]:
    models = [model.__name__ for type_, model in EVENTS.items() if type_.split(".")[1] == kind]
    return [*models, *(f"{name}Binary" for name in models)]


def _messages() -> Node:
    return {
        name: message for type_ in EVENTS for name, message in (_structured_message(type_), _binary_message(type_))
    } | {"DeadLetter": _dead_letter_message()}


def _structured_message(type_: str) -> tuple[str, Node]:
    name = EVENTS[type_].__name__
    example = event_example(type_)
    return name, {
        "name": name,
        "title": f"{type_}, structured mode",
        "contentType": CONTENT_TYPE,
        "headers": _ref("StructuredHeaders"),
        "payload": _ref(name),
        "bindings": {"kafka": _key_binding(example)},
        "examples": [{"headers": {"content-type": CONTENT_TYPE}, "payload": example}],
    }


def _binary_message(type_: str) -> tuple[str, Node]:
    name = f"{EVENTS[type_].__name__}Binary"
    example = event_example(type_)
    kind, what = type_.split(".")[1:3]
    return name, {
        "name": name,
        "title": f"{type_}, binary mode",
        "contentType": "application/json",
        "headers": _ref("BinaryHeaders"),
        "payload": _ref("Deleted" if what == "deleted" else KINDS[kind].model.__name__),
        "bindings": {"kafka": _key_binding(example)},
        "examples": [{"headers": _binary_headers(example), "payload": example["data"]}],
    }


def _dead_letter_message() -> Node:
    return {
        "name": "DeadLetter",
        "title": "A refused record",
        "summary": "Whatever the record was: often an event, sometimes bytes that nobody can read.",
        "headers": _ref("DeadLetterHeaders"),
        "payload": {"description": "The original value, byte for byte"},
        "bindings": {
            "kafka": {"key": {"type": "string", "description": "The original key"}, "bindingVersion": _BINDING}
        },
    }


def _key_binding(example: Node) -> Node:
    key = f"{example['connection']}/{example['subject']}"
    return {
        "key": {"type": "string", "description": "`<connection>/<key>` in UTF-8", "examples": [key]},
        "bindingVersion": _BINDING,
    }


def _binary_headers(example: Node) -> Node:
    attributes = {name: value for name, value in example.items() if name not in ("data", "datacontenttype")}
    return {"content-type": "application/json", **{f"ce_{name}": value for name, value in attributes.items()}}


def _schemas() -> Node:
    models = [*EVENTS.values(), *(kind.model for kind in KINDS.values())]
    return {
        **components(list(models), _SCHEMAS),
        "StructuredHeaders": _headers(["content-type"], {"content-type": {"const": CONTENT_TYPE}}),
        "BinaryHeaders": _headers(
            ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_connection"],
            {
                "content-type": {"const": "application/json"},
                "ce_specversion": {"const": "1.0"},
                "ce_type": {"type": "string", "enum": list(EVENTS)},
                **{f"ce_{name}": {"type": "string"} for name in ("id", "source", "subject", "connection")},
                "ce_time": {"type": "string", "format": "date-time"},
            },
        ),
        "DeadLetterHeaders": _dead_letter_headers(),
    }


def _headers(required: list[str], own: Node) -> Node:
    return {
        "type": "object",
        "required": required,
        "properties": {
            **own,
            TARGET: {"type": "string", "enum": list(SIDES), "description": "Only this side applies the event"},
            PRIORITY: {"type": "string", "enum": list(PRIORITIES), "description": "How urgent it is; live if not set"},
            REPLAY: {"type": "string", "description": "Id of the replay that sent it again"},
        },
    }


def _dead_letter_headers() -> Node:
    return {
        "type": "object",
        "description": "The last of each name counts: a record can have been somebody's dead letter before.",
        "required": [name for name, _, needed in dead_letters.HEADERS if needed],
        "properties": {name: {"type": "string", "description": meaning} for name, meaning, _ in dead_letters.HEADERS},
    }


def _ref(schema: str) -> Node:
    return {"$ref": _SCHEMAS.format(model=schema)}
