"""`/api`: what the commands show and do, for the holder of the admin token."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator

from connector.app.connection_report import connection_report
from connector.app.problem_reports import problem_reports
from connector.app.service import Service
from connector.app.status import statuses
from connector.app.syncs import KINDS_OF_A_SYNC, choice_from, report
from connector.bus.topics import administration, check
from connector.state.conflicts import KEPT
from contracts.topics import SIDES, TopicNames, plan
from contracts.values import Instant

router = APIRouter(prefix="/api")
Side = Literal["sparkpay", "sparklayer"]


class SyncRequest(BaseModel):
    """What `paylayer sync` takes."""

    model_config = ConfigDict(extra="forbid")

    entities: list[str] = Field(default_factory=list)
    full: bool = False
    ids: list[str] = Field(default_factory=list)
    where: str = ""
    since: Instant | None = None

    @field_validator("entities")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        if unknown := sorted(set(value) - set(KINDS_OF_A_SYNC)):
            raise ValueError(f"{', '.join(unknown)}: write {', '.join(KINDS_OF_A_SYNC)}")
        return value


def service_of(request: Request) -> Service:
    """The service of this process."""
    service: Service = request.app.state.service
    return service


@router.get("/status")
async def status(request: Request, connection: str | None = None) -> dict[str, Any]:
    """As `paylayer status --json`."""
    core = service_of(request).core
    found = await statuses(core, connection)
    workers = await core.workers.alive()
    stops = await core.stops.all()
    return {
        "connections": [asdict(item) for item in found],
        "workers": [asdict(worker) for worker in workers],
        "stopped_partitions": [asdict(stop) for stop in stops],
    }


@router.get("/connections")
async def connections(request: Request) -> list[dict[str, Any]]:
    """All connections, without secrets."""
    found = await service_of(request).core.connections.all()
    return [connection_report(item) for item in found]


@router.post("/connections/{id_}/pause")
async def pause(request: Request, id_: str, side: Side | None = None) -> dict[str, str]:
    """Stop reading and writing for a connection, or only what goes to or comes from one side."""
    core = service_of(request).core
    if side is None:
        await core.connections.set_state(id_, "paused")
        return {"id": id_, "state": "paused"}
    known = await core.connections.get(id_)
    await core.pauses.pause(id_, side, f"by hand; end it with: paylayer connections resume {id_}")
    return {"id": id_, "state": known.state, "side": side}


@router.post("/connections/{id_}/resume")
async def resume(request: Request, id_: str, side: Side | None = None) -> dict[str, str]:
    """Go on after a pause, whoever made it; with a side, only there."""
    core = service_of(request).core
    if side is not None:
        known = await core.connections.get(id_)
        await core.pauses.resume(id_, side)
        return {"id": id_, "state": known.state, "side": side}
    await core.connections.set_state(id_, "active")
    for each in SIDES:
        await core.pauses.resume(id_, each)
    return {"id": id_, "state": "active"}


@router.post("/connections/{id_}/syncs", status_code=202)
async def start_sync(request: Request, id_: str, wanted: SyncRequest) -> dict[str, Any]:
    """As `paylayer sync ID`."""
    core = service_of(request).core
    await core.connections.get(id_)
    choice = choice_from(wanted.entities, ids=wanted.ids, where=wanted.where, since=wanted.since)
    run = await core.runs.request(
        id_, entities=tuple(wanted.entities), full=wanted.full, requested_by="api", choice=choice
    )
    return report(run)


@router.get("/syncs/{run_id}")
async def show_sync(request: Request, run_id: str) -> dict[str, Any]:
    """How a sync goes."""
    return report(await service_of(request).core.runs.get(run_id))


@router.get("/problems")
async def problems(
    request: Request, connection: str, limit: Annotated[int, Query(ge=1, le=5000)] = 500
) -> list[dict[str, Any]]:
    """As `paylayer problems list ID --json`."""
    return await problem_reports(service_of(request).core, connection, limit)


@router.get("/conflicts")
async def conflicts(
    request: Request, connection: str, limit: Annotated[int, Query(ge=1, le=KEPT)] = 100
) -> list[dict[str, Any]]:
    """As `paylayer conflicts list ID --json`."""
    core = service_of(request).core
    await core.connections.get(connection)
    return [asdict(item) for item in await core.conflicts.list(connection, limit)]


@router.post("/topics/resume")
async def resume_topics(request: Request, side: Side | None = None, topic: str | None = None) -> dict[str, int]:
    """As `paylayer topics resume`."""
    return {"released": await service_of(request).core.stops.release(side, topic)}


@router.get("/topics")
async def topics(request: Request) -> dict[str, list[str]]:
    """As `paylayer topics check`."""
    settings = service_of(request).core.settings
    async with administration(settings) as admin:
        planned = plan(TopicNames(settings.topic_prefix), settings.topic_partitions)
        return {"differences": [str(difference) for difference in await check(admin, planned)]}
