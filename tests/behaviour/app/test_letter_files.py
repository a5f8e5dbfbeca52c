"""Letters as JSON Lines and back."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from connector.app.letter_file import digest
from connector.app.letter_import import ImportResult, LetterImport
from connector.app.letter_list import LetterList, summary
from connector.app.letter_record import export_line
from connector.app.letters import LetterFilter
from connector.app.replays import ReplayOrder, ReplayResult
from connector.errors import Unavailable, UserFault
from tests.behaviour.app.letter_desk import ALL, Failing, LetterDesk, stock

pytestmark = pytest.mark.timeout(600)  # a loaded machine is slow to answer, not wrong


def _quiet(_doing: str, _done: int, _of: int | None) -> None:
    pass


async def _exported(desk: LetterDesk, name: str = "letters.jsonl") -> Path:
    path = desk.folder / name
    found = await desk.letters()
    edits = await desk.core.letters.edits([each.id for each in found])
    path.write_text("".join(export_line(each, edits.get(each.id)) for each in found), encoding="utf-8")
    return path


async def _put_back(desk: LetterDesk, path: Path, *, dry_run: bool = False) -> ImportResult:
    return await LetterImport(desk.core, path, _quiet).put_back(desk.publisher, dry_run=dry_run)


async def _sent_from(desk: LetterDesk, path: Path, *, dry_run: bool = False, everything: bool = False) -> ReplayResult:
    return await LetterImport(desk.core, path, _quiet).replay(
        desk.publisher, by="ann", dry_run=dry_run, rate=None, everything=everything
    )


async def _some_letters(desk: LetterDesk) -> list[str]:
    """Letters of every kind of bytes; one is discarded, one is mended."""
    odd = [("h", b"\xff\x00"), ("h", None), ("ü", "\u2028é".encode()), ("empty", b"")]
    ids = await desk.refuse([stock("Größe 1"), stock("S-2")], headers=odd)
    found, _ = await desk.office.one(ids[0])
    await desk.publisher.send_record(found.stored.topic, b"\xfe", b"\xff\xfe", found.stored.headers, partition=0)
    await desk.publisher.send_record(found.stored.topic, None, b"", found.stored.headers, partition=0)
    await desk.office.edit(ids[1], (found.stored.value or b"").decode().replace("Größe 1", "S-2"))
    await desk.core.letters.mark([ids[0]], "discarded", by="ann", note="not wanted")
    return ids


async def test_what_was_exported_comes_back_byte_for_byte_with_its_fate(desk: LetterDesk) -> None:
    await _some_letters(desk)
    before = await desk.letters()
    path = await _exported(desk)
    assert await _put_back(desk, path) == ImportResult(4, 0, 4, dry_run=False)
    lines = path.read_text(encoding="utf-8").replace("not wanted", "wanted").splitlines()
    changed = [json.loads(line) for line in lines]
    for line in changed:  # as if the topics had forgotten them: nothing like this lies there
        line["headers"].append({"name": "more", "value": "x"})
    path.write_text("".join(json.dumps(line) + "\n" for line in changed))
    assert await _put_back(desk, path, dry_run=True) == ImportResult(4, 4, 0, dry_run=True)
    assert len(await desk.letters()) == 4
    assert await _put_back(desk, path) == ImportResult(4, 4, 0, dry_run=False)
    after = await desk.letters()
    assert len(after) == 8
    held = {found.id for found in before}
    imported = [found for found in after if found.id not in held]
    pairs = {(found.stored.key, found.stored.value): found for found in imported}
    for old in before:
        new = pairs[old.stored.key, old.stored.value]
        assert new.stored.headers == (*old.stored.headers, ("more", b"x"))
        assert (new.stored.partition, new.stored.topic) == (old.stored.partition, old.stored.topic)
        assert (new.decision.state, new.decision.edits) == (old.decision.state, old.decision.edits)
    discarded = [found.decision for found in imported if found.state == "discarded"]
    assert [(one.decided_by, one.note) for one in discarded] == [("ann", "wanted")]
    (mended,) = [found for found in imported if found.edited]
    (edit,) = (await desk.core.letters.edits([mended.id])).values()
    (original,) = (await desk.core.letters.edits([found.id for found in before])).values()
    assert edit == original
    assert await _put_back(desk, path) == ImportResult(4, 0, 4, dry_run=False)
    again = await _exported(desk, "again.jsonl")
    assert len(again.read_text(encoding="utf-8").splitlines()) == 8


async def test_an_interrupted_import_goes_on_with_the_rest(desk: LetterDesk) -> None:
    await desk.refuse_many(450)
    path = await _exported(desk)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line["headers"].append({"name": "more", "value": "x"})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    failing = Failing(desk.publisher, after=1)
    with pytest.raises(Unavailable):
        await LetterImport(desk.core, path, _quiet).put_back(failing, dry_run=False)
    assert await _put_back(desk, path) == ImportResult(450, 250, 200, dry_run=False)
    assert len({digest(found.stored) for found in await desk.letters()}) == len(await desk.letters()) == 900


async def test_a_file_is_sent_to_the_source_once(desk: LetterDesk) -> None:
    ids = await desk.refuse([stock("S-1"), stock("S-2"), stock("S-2", version=2), stock("S-3")])
    await desk.core.letters.mark([ids[3]], "discarded", by="ann")
    path = await _exported(desk)
    dry = await _sent_from(desk, path, dry_run=True)
    assert (dry.selected, dry.sent, dry.superseded) == (2, 0, 1)
    done = await _sent_from(desk, path)
    assert (done.selected, done.sent, done.superseded) == (2, 2, 1)
    assert await desk.sent_ids() == sorted([ids[0], ids[2]])
    again = await _sent_from(desk, path)
    assert (again.selected, again.sent, again.superseded) == (0, 0, 0)
    assert len(await desk.sent()) == 2
    assert set((await desk.fates()).values()) == {"new", "discarded"}  # a file's letters have fates of their own
    assert (await _sent_from(desk, path, everything=True)).sent == 4
    recorded = await desk.core.replays.get(done.replay_id)
    assert recorded.selection == {"file": "letters.jsonl"}
    with pytest.raises(Unavailable, match=r"the same `paylayer dlq import` again"):
        await LetterImport(desk.core, path, _quiet).replay(
            Failing(desk.publisher, after=0), by="ann", dry_run=False, rate=None, everything=True
        )
    interrupted = (await desk.core.replays.newest())[0]
    with pytest.raises(UserFault, match="came from a file"):
        await desk.replays.resume(interrupted.id, desk.publisher, by="ann")


async def test_a_wrong_line_keeps_everything_out(desk: LetterDesk) -> None:
    await desk.refuse([stock("S-1")])
    path = await _exported(desk)
    good = path.read_text()
    line = json.loads(good)
    wrong = {
        "no json": "{",
        "Field required": json.dumps({"id": line["id"]}),
        "is no letter id": json.dumps(line | {"id": "x"}),
        "holds no dead letters of this deployment": json.dumps(line | {"id": "other.stock.sparklayer.dlt:0:1"}),
        "fate.state": json.dumps(line | {"fate": {"state": "lost"}}),
        "value_base64": json.dumps(line | {"value_base64": "?"}),
        "fate.note": json.dumps(line | {"fate": {"state": "new", "note": "\0"}}),
        "Input should be 'paylayer-letter/1'": json.dumps(line | {"format": "paylayer-letter/2"}),
    }
    for told, text in wrong.items():
        path.write_text(good + "\n" + text + "\n")
        with pytest.raises(UserFault, match=r"cannot be imported, nothing was: line 3: ") as raised:
            await _put_back(desk, path)
        assert told == "no json" or told in str(raised.value)
    path.write_text("{\n" * 7)
    with pytest.raises(UserFault, match=r"line 5: .*; and 2 more"):
        await _put_back(desk, path)
    with pytest.raises(UserFault, match=r"cannot be read: No such file"):
        await _put_back(desk, desk.folder / "nowhere")
    path.write_text("")
    assert await _put_back(desk, path) == ImportResult(0, 0, 0, dry_run=False)
    assert len(await desk.letters()) == 1


async def test_letters_come_newest_first_over_all_partitions(desk: LetterDesk) -> None:
    await desk.refuse_many(90)
    last = await desk.refuse([stock("last")], code="other")
    for limit, kept in ((5, 5), (None, 91), (0, 0), (500, 91)):
        with LetterList(limit) as found:
            await found.take(desk.office.search(ALL))
            reports = list(found.reports())
        assert (found.total, found.more, len(reports)) == (91, 91 - kept, kept)
        times = [report["failed_at"] for report in reports]
        assert times == sorted(times, reverse=True)
        assert [report["id"] for report in reports[:1]] == last[:kept]
    large, small = await summary(desk.office.search(ALL))
    assert (large.letters, large.code, large.connection, large.state) == (90, "duplicate", "acme", "new")
    assert (small.letters, small.code, small.example) == (1, "other", last[0])
    assert small.newest - large.newest < timedelta(minutes=5)
    assert [group.letters for group in await summary(desk.office.search(LetterFilter(grep="LAST")))] == [1]


async def test_a_filter_discards_many_at_once(desk: LetterDesk) -> None:
    await desk.refuse_many(30)
    (kept,) = await desk.refuse([stock("kept")], code="other")
    chosen = LetterFilter(code="duplicate")
    assert await desk.office.discard(chosen, by="ann", dry_run=True) == 30
    assert set((await desk.fates()).values()) == {"new"}
    assert await desk.office.discard(chosen, by="ann", dry_run=False, note="old") == 30
    assert await desk.office.discard(chosen, by="ann", dry_run=False) == 0
    assert [id_ for id_, state in (await desk.fates()).items() if state == "new"] == [kept]
    done = await desk.replays.run(ReplayOrder(ALL), desk.publisher, by="ann")
    assert done.sent == 1
