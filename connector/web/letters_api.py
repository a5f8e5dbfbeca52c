"""`/api/dead-letters`: what `paylayer dlq` shows and does, for the holder of the admin token."""

import asyncio
import contextlib
from contextlib import aclosing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from connector.app.letter_list import LetterList, summary
from connector.app.letter_record import letter_record
from connector.app.letters import STATES, LetterFilter, LetterOffice
from connector.app.replays import ReplayOffice, ReplayOrder, ReplayResult
from connector.errors import PayLayerError
from connector.state.replays import Replay
from connector.web.api import service_of
from contracts.entities import KINDS
from contracts.topics import SIDES

router = APIRouter(prefix="/api/dead-letters")
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


class ReplayRequest(Selection):
    """What `paylayer dlq replay` takes; with `background` the answer comes when it has begun."""

    dry_run: bool = False
    rate: float | None = Field(default=None, gt=0)
    all: bool = False
    background: bool = False


class Discarding(Selection):
    """What `paylayer dlq discard` takes."""

    dry_run: bool = False
    note: str | None = None


class Resumption(BaseModel):
    """How an interrupted replay goes on."""

    model_config = ConfigDict(extra="forbid")

    rate: float | None = Field(default=None, gt=0)


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


@router.post("/search")
async def letters(
    request: Request, chosen: Selection, limit: Annotated[int, Query(ge=1, le=_MOST)] = 100
) -> list[dict[str, Any]]:
    """As `paylayer dlq list --json`, at most `limit`, newest first."""
    found = LetterList(limit)
    async with aclosing(LetterOffice(service_of(request).core).search(chosen.as_filter())) as searched:
        await found.take(searched)
    return list(found.reports())


@router.post("/summary")
async def counts(request: Request, chosen: Selection) -> list[dict[str, Any]]:
    """As `paylayer dlq summary --json`."""
    async with aclosing(LetterOffice(service_of(request).core).search(chosen.as_filter())) as searched:
        return [asdict(group) for group in await summary(searched)]


@router.get("/replays")
async def replays(request: Request, limit: Annotated[int, Query(ge=1, le=_MOST)] = 20) -> list[dict[str, Any]]:
    """As `paylayer dlq replays --json`."""
    core = service_of(request).core
    return [_report(found, core.clock.now()) for found in await core.replays.newest(limit)]


@router.get("/replays/{id_}")
async def show_replay(request: Request, id_: str) -> dict[str, Any]:
    """How a replay goes."""
    core = service_of(request).core
    return _report(await core.replays.get(id_), core.clock.now())


@router.post("/replays/{id_}/resume", status_code=202)
async def resume(request: Request, id_: str, how: Resumption) -> dict[str, Any]:
    """As `paylayer dlq replay --resume ID`, in the background."""
    service = service_of(request)
    await service.core.replays.get(id_)
    begun: asyncio.Future[Replay] = asyncio.get_running_loop().create_future()
    office = ReplayOffice(service.core, on_start=begun.set_result)
    working = asyncio.create_task(office.resume(id_, service.publisher, by="api", rate=how.rate))
    return await _answer_when_begun(request, working, begun)


@router.get("/{id_}")
async def letter(request: Request, id_: str) -> dict[str, Any]:
    """One letter with its record."""
    found, edit = await LetterOffice(service_of(request).core).one(id_)
    return found.report() | letter_record(found.stored, edit)


@router.put("/{id_}/edit", status_code=204)
async def edit_letter(request: Request, id_: str) -> None:
    """Keep the mended event that the body holds; the next replay sends it."""
    await LetterOffice(service_of(request).core).edit(id_, (await request.body()).decode("utf-8", "replace"))


@router.post("/replay")
async def replay(request: Request, response: Response, wanted: ReplayRequest) -> dict[str, Any]:
    """As `paylayer dlq replay`; 202 where it goes on in the background."""
    service = service_of(request)
    order = ReplayOrder(wanted.as_filter(), wanted.all, wanted.rate)
    if wanted.dry_run:
        return (await ReplayOffice(service.core).dry_run(order, by="api")).report()
    if not wanted.background:
        return (await ReplayOffice(service.core).run(order, service.publisher, by="api")).report()
    begun: asyncio.Future[Replay] = asyncio.get_running_loop().create_future()
    office = ReplayOffice(service.core, on_start=begun.set_result)
    response.status_code = 202
    return await _answer_when_begun(request, asyncio.create_task(office.run(order, service.publisher, by="api")), begun)


@router.post("/discard")
async def discard(request: Request, chosen: Discarding) -> dict[str, int]:
    """As `paylayer dlq discard`."""
    office = LetterOffice(service_of(request).core)
    count = await office.discard(chosen.as_filter(), by="api", dry_run=chosen.dry_run, note=chosen.note)
    return {"discarded": count}


async def _answer_when_begun(
    request: Request, working: asyncio.Task[ReplayResult], begun: asyncio.Future[Replay]
) -> dict[str, Any]:
    """The record of a replay that goes on after the answer; what it cannot even begin with is raised here."""
    tasks: set[asyncio.Task[None]] = request.app.state.replays
    watching = asyncio.create_task(_watched(working))
    tasks.add(watching)
    watching.add_done_callback(tasks.discard)
    either: set[asyncio.Future[Any]] = {working, begun}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    core = service_of(request).core
    id_ = begun.result().id if begun.done() else (await working).replay_id
    return _report(await core.replays.get(id_), core.clock.now())


async def _watched(working: asyncio.Task[ReplayResult]) -> None:
    with contextlib.suppress(PayLayerError):  # it is on record with the replay
        await working


def _report(replay: Replay, now: datetime) -> dict[str, Any]:
    return asdict(replay) | {"state": replay.state(now)}
