"""`/api`: what the commands show and do, for the holder of the admin token."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from connector.app.connection_report import connection_report
from connector.app.letter_record import letter_record
from connector.app.letters import STATES, LetterFilter, LetterOffice
from connector.app.service import Service
from connector.app.status import statuses
from connector.app.syncs import report
from connector.bus.topics import administration, check
from contracts.entities import KINDS
from contracts.topics import SIDES, TopicNames, plan

router = APIRouter(prefix="/api")
_MOST = 1000


class Selection(BaseModel):
    """Which letters: ids, or the filters of `paylayer dlq`."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str] = Field(default_factory=list)
    side: str | None = None
    entity: str | None = None
    connection: str | None = None
    state: str | None = None
    status: int | None = None
    code: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    grep: str | None = None
    dry_run: bool = False
    rate: float | None = Field(default=None, gt=0)

    @field_validator("side", "entity", "state")
    @classmethod
    def _known(cls, value: str | None, info: ValidationInfo) -> str | None:
        known = {"side": SIDES, "entity": tuple(KINDS), "state": STATES}[info.field_name or ""]
        if value is not None and value not in known:
            raise ValueError(f"write one of {', '.join(known)}")
        return value

    def as_filter(self) -> LetterFilter:
        """The same for the letter office; times without a zone are UTC."""
        return LetterFilter(
            ids=tuple(self.ids),
            side=self.side,
            entity=self.entity,
            connection=self.connection,
            state=self.state,
            status=self.status,
            code=self.code,
            since=_utc(self.since),
            until=_utc(self.until),
            grep=self.grep,
        )


class SyncRequest(BaseModel):
    """What `paylayer sync` takes."""

    model_config = ConfigDict(extra="forbid")

    entities: list[str] = Field(default_factory=list)
    full: bool = False

    @field_validator("entities")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        if unknown := sorted(set(value) - set(KINDS)):
            raise ValueError(f"{', '.join(unknown)}: write {', '.join(KINDS)}")
        return value


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


@router.get("/status")
async def status(request: Request, connection: str | None = None) -> dict[str, Any]:
    """As `paylayer status --json`."""
    core = _service(request).core
    found = await statuses(core, connection)
    workers = await core.workers.alive()
    return {"connections": [asdict(item) for item in found], "workers": [asdict(worker) for worker in workers]}


@router.get("/connections")
async def connections(request: Request) -> list[dict[str, Any]]:
    """All connections, without secrets."""
    found = await _service(request).core.connections.all()
    return [connection_report(item) for item in found]


@router.post("/connections/{id_}/pause")
async def pause(request: Request, id_: str) -> dict[str, str]:
    """Stop reading and writing for a connection."""
    await _service(request).core.connections.set_state(id_, "paused")
    return {"id": id_, "state": "paused"}


@router.post("/connections/{id_}/resume")
async def resume(request: Request, id_: str) -> dict[str, str]:
    """Go on after a pause, whoever made it."""
    core = _service(request).core
    await core.connections.set_state(id_, "active")
    for side in SIDES:
        await core.pauses.resume(id_, side)
    return {"id": id_, "state": "active"}


@router.post("/connections/{id_}/syncs", status_code=202)
async def start_sync(request: Request, id_: str, wanted: SyncRequest) -> dict[str, Any]:
    """As `paylayer sync ID`."""
    core = _service(request).core
    await core.connections.get(id_)
    run = await core.runs.request(id_, entities=tuple(wanted.entities), full=wanted.full, requested_by="api")
    return report(run)


@router.get("/syncs/{run_id}")
async def show_sync(request: Request, run_id: str) -> dict[str, Any]:
    """How a sync goes."""
    return report(await _service(request).core.runs.get(run_id))


@router.get("/problems")
async def problems(
    request: Request, connection: str, limit: Annotated[int, Query(ge=1, le=5000)] = 500
) -> list[dict[str, Any]]:
    """What could not be carried over as it is, per entity."""
    core = _service(request).core
    await core.connections.get(connection)
    found = await core.problems.list(connection, limit)
    return [asdict(item) for item in found]


@router.post("/dead-letters/search")
async def letters(
    request: Request, chosen: Selection, limit: Annotated[int, Query(ge=1, le=_MOST)] = 100
) -> list[dict[str, Any]]:
    """As `paylayer dlq list --json`, at most `limit`."""
    found = []
    async for letter in LetterOffice(_service(request).core).search(chosen.as_filter()):
        found.append(letter.report())
        if len(found) >= limit:
            break
    return found


@router.get("/dead-letters/{id_}")
async def letter(request: Request, id_: str) -> dict[str, Any]:
    """One letter with its record."""
    found, edit = await LetterOffice(_service(request).core).one(id_)
    return found.report() | letter_record(found.stored, edit)


@router.put("/dead-letters/{id_}/edit", status_code=204)
async def edit_letter(request: Request, id_: str) -> None:
    """Keep the mended event that the body holds; the next replay sends it."""
    await LetterOffice(_service(request).core).edit(id_, (await request.body()).decode("utf-8", "replace"))


@router.post("/dead-letters/replay")
async def replay(request: Request, chosen: Selection) -> dict[str, Any]:
    """As `paylayer dlq replay`."""
    service = _service(request)
    office = LetterOffice(service.core)
    result = await office.replay(
        service.publisher, chosen.as_filter(), by="api", dry_run=chosen.dry_run, rate=chosen.rate
    )
    return asdict(result)


@router.post("/dead-letters/discard")
async def discard(request: Request, chosen: Selection) -> dict[str, int]:
    """As `paylayer dlq discard`."""
    office = LetterOffice(_service(request).core)
    return {"discarded": await office.discard(chosen.as_filter(), by="api", dry_run=chosen.dry_run)}


@router.get("/topics")
async def topics(request: Request) -> dict[str, list[str]]:
    """As `paylayer topics check`."""
    settings = _service(request).core.settings
    async with administration(settings) as admin:
        planned = plan(TopicNames(settings.topic_prefix), settings.topic_partitions)
        return {"differences": [str(difference) for difference in await check(admin, planned)]}
