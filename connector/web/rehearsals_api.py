"""`/api`: previews and dry runs, which read from both platforms and write nothing."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from connector.app.differences import Change
from connector.app.dry_run import dry_run, summary
from connector.app.preview import preview, report
from connector.app.service import Service
from connector.app.syncs import choice_from
from connector.errors import UserFault
from connector.redaction import without_secrets
from connector.state.connections import Connection
from contracts.entities import KINDS
from contracts.values import Instant

router = APIRouter(prefix="/api")
MOST_CHANGES = 1000


class DryRunRequest(BaseModel):
    """What `paylayer sync --dry-run` takes."""

    model_config = ConfigDict(extra="forbid")

    entities: list[str] = Field(default_factory=list)
    ids: list[str] = Field(default_factory=list)
    where: str = ""
    since: Instant | None = None


@router.get("/connections/{id_}/preview")
async def show_preview(
    request: Request,
    id_: str,
    entity: str,
    entity_id: Annotated[str, Query(alias="id")],
    source: Annotated[str | None, Query(alias="from")] = None,
) -> Response:
    """As `paylayer mapping preview ID --json`."""
    service = _service(request)
    shown = await preview(service.core, id_, entity, entity_id, source=source, transport=service.platforms.transport)
    return _answer(await service.core.connections.get(id_), report(shown))


@router.post("/connections/{id_}/dry-run")
async def show_dry_run(request: Request, id_: str, wanted: DryRunRequest) -> Response:
    """As `paylayer sync ID --dry-run --json`, with the first thousand changes and how many there are."""
    service = _service(request)
    for kind in wanted.entities:
        if kind not in KINDS:
            raise UserFault(f"entities: {kind!r} is not known: write {', '.join(KINDS)}")
    choice = choice_from(wanted.entities, ids=wanted.ids, where=wanted.where, since=wanted.since)
    changes: list[dict[str, Any]] = []

    def say(change: Change) -> None:
        if len(changes) < MOST_CHANGES:
            changes.append(change.as_json())

    found = await dry_run(
        service.core,
        id_,
        say=say,
        entities=wanted.entities,
        choice=choice,
        transport=service.platforms.transport,
    )
    return _answer(await service.core.connections.get(id_), {"changes": changes, "summary": summary(found)})


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _answer(connection: Connection, body: dict[str, Any]) -> Response:
    """Exact numbers as text, and nothing of the credentials even where a platform repeats them."""
    text = json.dumps(body, ensure_ascii=False, default=str)
    secrets = (connection.sparkpay.token, connection.sparklayer.client_secret)
    return Response(without_secrets(text, secrets), media_type="application/json")
