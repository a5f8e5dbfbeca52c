"""Every operation, status and schema of the Ignite contract is exercised; the share is counted, not claimed."""

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import tests.unit.web.ignite_common_situations
from tests.unit.web.ignite_contract import DOCUMENTED, OPERATIONS, SITUATIONS, Caller, Situation, resolved
from tests.unit.web.ignite_situations import FULL
from tests.unit.web.ignite_town import Town, ignite_town

assert tests.unit.web.ignite_common_situations.OPERATIONS is OPERATIONS  # importing it fills the table


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async for made in ignite_town(tmp_path):
        yield made


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
async def test_situation(town: Town, situation: Situation) -> None:
    call = Caller(town, situation.operation, situation.status)
    await situation.run(call)
    assert call.calls, "a situation that asks nothing proves nothing"


def test_every_documented_answer_of_every_operation_is_exercised() -> None:
    exercised = {(one.operation, one.status) for one in SITUATIONS}
    missing = DOCUMENTED - exercised
    print(f"{len(DOCUMENTED & exercised)} of {len(DOCUMENTED)} answers, {len(SITUATIONS)} situations")  # noqa: T201
    assert missing == set()
    assert exercised - DOCUMENTED == set(), "what is answered must be documented"
    assert len({str(one) for one in SITUATIONS}) == len(SITUATIONS)


def test_every_field_of_every_body_is_sent() -> None:
    assert FULL.keys() == {operation.id for operation in OPERATIONS.values() if operation.body is not None}
    for id_, body in FULL.items():
        schema = OPERATIONS[id_].body
        assert schema is not None
        assert dict(_unsent(schema, body, id_)) == {}


def _unsent(schema: Mapping[str, Any], body: Mapping[str, Any], where: str) -> Iterator[tuple[str, object]]:
    for name, field in schema["properties"].items():
        if name not in body:
            yield f"{where}.{name}", field
            continue
        for one in field.get("anyOf", [field]):
            if "properties" in (named := resolved(one)) and isinstance(body[name], Mapping):
                yield from _unsent(named, body[name], f"{where}.{name}")


def test_every_answer_has_a_schema_without_holes() -> None:
    """Nothing may come that is not listed; the state that SparkLayer keeps for us is the one free object."""
    for operation in OPERATIONS.values():
        for status, said in operation.responses.items():
            if status == "204" or (operation.id, status) == ("triggerDataSync", "201"):
                assert "content" not in said
                continue
            schema = resolved(said["content"]["application/json"]["schema"])
            schema = resolved(schema["items"]) if schema.get("type") == "array" else schema
            assert schema["additionalProperties"] is False, (operation.id, status)
