"""`/api/dead-letters` with letters in it."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from connector.web import letters_api
from tests.behaviour.app.letter_desk import Failing, LetterDesk, stock
from tests.support.intakes import until

pytestmark = pytest.mark.timeout(600)  # a loaded machine is slow to answer, not wrong


@pytest_asyncio.fixture
async def web(desk: LetterDesk) -> AsyncIterator[tuple[httpx.AsyncClient, Any]]:
    app = FastAPI()
    app.state.service = SimpleNamespace(core=desk.core, publisher=desk.publisher)
    app.state.replays = set()
    app.include_router(letters_api.router)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://paylayer.test/api/dead-letters") as client:
        yield client, app.state


async def test_letters_are_searched_counted_replayed_and_discarded(
    desk: LetterDesk, web: tuple[httpx.AsyncClient, Any]
) -> None:
    client, state = web
    await desk.refuse_many(30)
    (last,) = await desk.refuse([stock("last")], code="other")
    found = (await client.post("/search?limit=3", json={})).json()
    assert (found[0]["id"], len(found)) == (last, 3)
    groups = (await client.post("/summary", json={"side": "sparklayer"})).json()
    assert [(group["code"], group["letters"]) for group in groups] == [("duplicate", 30), ("other", 1)]
    dry = (await client.post("/replay", json={"code": "duplicate", "dry_run": True})).json()
    assert (dry["selected"], dry["sent"], dry["counts"][0]["letters"]) == (30, 0, 30)
    begun = await client.post("/replay", json={"code": "duplicate", "background": True})
    assert begun.status_code == 202
    assert begun.json()["state"] == "running"
    await until(lambda: not state.replays)
    told = (await client.get(f"/replays/{begun.json()['id']}")).json()
    assert (told["state"], told["sent"], told["by"], told["selection"]) == (
        "complete",
        30,
        "api",
        {"code": "duplicate"},
    )
    state.service.publisher = Failing(desk.publisher, after=0)
    begun = await client.post("/replay", json={"ids": [last], "background": True})
    await until(lambda: not state.replays)
    listed = (await client.get("/replays")).json()
    assert [each["state"] for each in listed] == ["interrupted", "complete", "dry run"]
    state.service.publisher = desk.publisher
    resumed = await client.post(f"/replays/{begun.json()['id']}/resume", json={})
    assert resumed.status_code == 202
    await until(lambda: not state.replays)
    assert (await client.get(f"/replays/{begun.json()['id']}")).json()["sent"] == 1
    again = (await client.post(f"/replays/{begun.json()['id']}/resume", json={})).json()
    assert (again["sent"], again["state"]) == (1, "complete")
    assert len(await desk.sent()) == 31
    gone = await client.post("/discard", json={"state": "superseded", "note": "old"})
    assert gone.json() == {"discarded": 0}
    shown = (await client.get(f"/{last}")).json()
    assert (shown["state"], shown["replay_id"]) == ("replayed", begun.json()["id"])
