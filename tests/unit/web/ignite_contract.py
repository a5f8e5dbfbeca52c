"""The document of the Ignite contract, and a caller that holds every answer against it."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

from tests.unit.web.ignite_town import TOKEN, Town

DOCUMENT = json.loads((Path(__file__).parents[3] / "docs" / "ignite.openapi.json").read_text("utf-8"))
HERE = {"siteEnv": "test", "siteId": "tools"}
GOOD = {"Authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True)
class Operation:
    """One operation as the document has it."""

    id: str
    method: str
    path: str
    responses: Mapping[str, Any]
    body: Mapping[str, Any] | None

    @property
    def parameters(self) -> set[str]:
        return {part[1:-1] for part in self.path.split("/") if part.startswith("{")}


def _operations() -> dict[str, Operation]:
    found = {}
    for path, methods in DOCUMENT["paths"].items():
        for method, said in methods.items():
            body = said.get("requestBody")
            schema = None if body is None else resolved(body["content"]["application/json"]["schema"])
            found[said["operationId"]] = Operation(said["operationId"], method.upper(), path, said["responses"], schema)
    return found


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema, or the named one that it refers to."""
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    found: Mapping[str, Any] = DOCUMENT["components"]["schemas"][name] if name else schema
    return found


OPERATIONS = _operations()
DOCUMENTED = {(operation.id, int(status)) for operation in OPERATIONS.values() for status in operation.responses}


@dataclass
class Caller:
    """Calls one operation; the answer must be the status that the situation is about, in the form of the document."""

    town: Town
    operation: str
    status: int
    calls: int = 0

    async def __call__(self, *, headers: Mapping[str, str] = GOOD, content: bytes | None = None, **given: Any) -> Any:
        """Give the body as `body`, parts of the path by their names; the answer's JSON, or none without one."""
        body = given.pop("body", None)
        answer = await self.send(self.operation, headers=headers, content=content, body=body, **given)
        assert answer.status_code == self.status, answer.text
        self.calls += 1
        return hold_against_the_document(self.operation, answer)

    async def send(
        self,
        operation: str,
        *,
        headers: Mapping[str, str] = GOOD,
        content: bytes | None = None,
        body: Any = None,
        **path: str,
    ) -> Any:
        """Any operation, whatever it answers."""
        said = OPERATIONS[operation]
        url = said.path.format_map({**HERE, **dict.fromkeys(said.parameters - HERE.keys(), "1"), **path})
        if body is not None:
            content = json.dumps(body).encode()
            headers = {**headers, "Content-Type": "application/json"}
        return await self.town.http.request(said.method, url, headers=dict(headers), content=content)

    async def first(self, operation: str, **given: Any) -> Any:
        """What has to be done before; must succeed."""
        answer = await self.send(operation, **given)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


def hold_against_the_document(operation: str, answer: Any) -> Any:
    """Status, content type, headers and body of an answer are documented; the body."""
    said = OPERATIONS[operation].responses[str(answer.status_code)]
    for name, header in said.get("headers", {}).items():
        if header["required"]:
            jsonschema.validate(int(answer.headers[name]), header["schema"])
    if "content" not in said:
        assert answer.content == b""
        return None
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    schema = {**said["content"]["application/json"]["schema"], "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(body)
    if answer.status_code >= 400:
        assert not any(word in answer.text.lower() for word in ("traceback", "sqlalchemy", "select ", "http://"))
    return body


@dataclass(frozen=True)
class Situation:
    """What is told of one (operation, status): something happens before, it is asked, and that must have come of it."""

    operation: str
    status: int
    name: str
    run: Callable[[Caller], Awaitable[None]]

    def __str__(self) -> str:
        return f"{self.operation}-{self.status}-{self.name}"


SITUATIONS: list[Situation] = []


def situation(
    operation: str, status: int, name: str = ""
) -> Callable[[Callable[[Caller], Awaitable[None]]], Callable[[Caller], Awaitable[None]]]:
    """Put a situation into the table."""

    def put(run: Callable[[Caller], Awaitable[None]]) -> Callable[[Caller], Awaitable[None]]:
        SITUATIONS.append(Situation(operation, status, name or run.__name__, run))
        return run

    return put
