"""Letters that are mended on their way."""

import json
from pathlib import Path

import pytest

from connector.app.letters import LetterFilter
from connector.app.replays import ReplayOffice, ReplayOrder
from connector.app.transforms import Transform
from connector.errors import Unavailable, UserFault
from connector.state.replays import Replay
from contracts.events import decode as read_event
from contracts.events import version_of
from tests.behaviour.app.letter_desk import ALL, Failing, LetterDesk, stock

pytestmark = pytest.mark.timeout(600)  # a loaded machine is slow to answer, not wrong

_LEVEL = "/data/levels/0/level"
_PATCH = [{"op": "test", "path": _LEVEL, "value": 1}, {"op": "replace", "path": _LEVEL, "value": 5}]
_PYTHON = """
def transform(event, letter):
    assert letter["code"] == "duplicate"
    sku = event["data"]["sku"]
    if sku == "leave":
        return None
    if sku == "fail":
        raise KeyError("nowhere")
    if sku == "wrong":
        event["data"]["levels"] = "many"
    if sku == "moved":
        event["data"]["sku"] = "elsewhere"
    if sku == "odd":
        return [event]
    if sku == "mend":
        event["data"]["levels"][0]["level"] = 7
    print("what a function prints is not the answer")
    return event
"""


def _file(folder: Path, name: str, text: str) -> Transform:
    path = folder / name
    path.write_text(text)
    return Transform.load(path)


async def test_a_patch_mends_what_is_sent_and_leaves_the_topic_alone(desk: LetterDesk) -> None:
    event, other = stock("S-1", level=1), stock("S-2", level=3)
    one, two = await desk.refuse([event, other])
    order = ReplayOrder(ALL, transform=_file(desk.folder, "fix.json", json.dumps(_PATCH)))
    dry = await desk.replays.dry_run(order, by="ann")
    assert (dry.selected, dry.skipped, dry.sent) == (2, 1, 0)
    (example,) = dry.examples
    assert example.startswith(f"--- {one}\n+++ transformed\n")
    assert '-        "level": 1,\n+        "level": 5,\n' in example
    assert (await desk.fates(), await desk.sent()) == ({one: "new", two: "new"}, [])
    done = await desk.replays.run(order, desk.publisher, by="ann")
    assert (done.selected, done.sent, done.skipped) == (2, 1, 1)
    assert [skip.id for skip in done.skips] == [two]
    (record,) = await desk.sent()
    sent = read_event(record.key, record.value or b"", record.headers)
    assert (sent.id, sent.time, sent.connection) == (f"{event.id}~1", event.time, "acme")
    assert version_of(event) < version_of(sent) < version_of(stock("S-1", version=1))
    assert json.loads(record.value or b"")["data"]["levels"][0]["level"] == 5
    letters = {found.id: found for found in await desk.letters()}
    assert json.loads(letters[one].stored.value or b"")["data"]["levels"][0]["level"] == 1
    assert (letters[one].state, letters[one].decision.note) == ("replayed", "transformed by fix.json")
    assert letters[two].state == "new"
    assert (letters[two].decision.note or "").startswith("not sent: JsonPatchTestFailed: ")
    assert letters[two].decision.replay_id == done.replay_id
    order = ReplayOrder(LetterFilter(ids=(one,)), transform=order.transform)
    again = await desk.replays.run(order, desk.publisher, by="ann")
    assert again.sent == 1
    assert json.loads((await desk.sent())[-1].value or b"")["id"] == f"{event.id}~2"


async def test_a_function_may_mend_leave_or_fail(desk: LetterDesk, capsys: pytest.CaptureFixture[str]) -> None:
    skus = ("mend", "leave", "fail", "wrong", "moved", "odd", "same")
    ids = dict(zip(skus, await desk.refuse([stock(sku) for sku in skus]), strict=True))
    order = ReplayOrder(ALL, transform=_file(desk.folder, "fix.py", _PYTHON))
    done = await desk.replays.run(order, desk.publisher, by="ann")
    assert (done.selected, done.sent, done.skipped) == (7, 2, 5)
    reasons = {skip.id: skip.reason for skip in done.skips}
    assert reasons[ids["leave"]] == "fix.py leaves it alone"
    assert reasons[ids["fail"]] == "KeyError: 'nowhere'"
    assert reasons[ids["wrong"]].startswith("the edited text is no event of PayLayer: data.levels")
    assert "an edit keeps the key of its event" in reasons[ids["moved"]]
    assert reasons[ids["odd"]] == "fix.py returned list, not an event (a dict) or None"
    events = [json.loads(record.value or b"") for record in await desk.sent()]
    sent = {event["data"]["sku"]: event for event in events}
    assert sent["mend"]["data"]["levels"][0]["level"] == 7
    assert sent["same"]["id"] == stock("same").id  # nothing was changed: it goes as it is
    assert capsys.readouterr().out == ""


async def test_an_earlier_edit_is_what_a_transform_gets(desk: LetterDesk) -> None:
    event = stock("S-1", level=2)
    (id_,) = await desk.refuse([event])
    (found, _) = await desk.office.one(id_)
    text = json.loads(found.stored.value or b"")
    text["data"]["levels"][0]["level"] = 1
    await desk.office.edit(id_, json.dumps(text))
    order = ReplayOrder(ALL, transform=_file(desk.folder, "fix.json", json.dumps(_PATCH)))
    assert (await desk.replays.run(order, desk.publisher, by="ann")).sent == 1
    body = json.loads((await desk.sent())[0].value or b"")
    assert (body["id"], body["data"]["levels"][0]["level"]) == (f"{event.id}~2", 5)


async def test_an_interrupted_transform_wants_its_file_again(desk: LetterDesk) -> None:
    await desk.refuse([stock("S-1")])
    transform = _file(desk.folder, "fix.json", json.dumps(_PATCH))
    begun: list[Replay] = []
    office = ReplayOffice(desk.core, on_start=begun.append)
    with pytest.raises(Unavailable):
        await office.run(ReplayOrder(ALL, transform=transform), Failing(desk.publisher, after=0), by="ann")
    other = _file(desk.folder, "other.json", "[]")
    for wrong in (None, other):
        with pytest.raises(UserFault, match="began with another file: resume it with that file as --transform"):
            await desk.replays.resume(begun[0].id, desk.publisher, by="ann", transform=wrong)
    assert (await desk.replays.resume(begun[0].id, desk.publisher, by="ann", transform=transform)).sent == 1
    assert json.loads((await desk.sent())[0].value or b"")["data"]["levels"][0]["level"] == 5


async def test_what_is_no_json_object_is_not_transformed(desk: LetterDesk) -> None:
    (id_,) = await desk.refuse([stock("S-1")])
    found, _ = await desk.office.one(id_)
    await desk.publisher.send_record(found.stored.topic, b"k", b"\xff", found.stored.headers, partition=0)
    order = ReplayOrder(ALL, transform=_file(desk.folder, "fix.json", "[]"))
    done = await desk.replays.run(order, desk.publisher, by="ann")
    assert (done.sent, [skip.reason for skip in done.skips]) == (
        1,
        ["its value is no JSON object, so there is no event to transform"],
    )
