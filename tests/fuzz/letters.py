"""Dead letters: headers that somebody changed, edited texts, and the arguments of `paylayer dlq`."""

import contextlib
import io
import json
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from typer.main import get_command

from connector.app.letter_file import LetterFile
from connector.app.letter_record import export_line, letter_record
from connector.app.letters import FoundLetter
from connector.bus.edits import editable_text, edited
from connector.bus.letter_reader import StoredLetter, _stored
from connector.bus.replay import Selected, replayed
from connector.cli.letter_text import as_lines, in_short
from connector.cli.main import application
from connector.cli.output import plain
from connector.errors import PayLayerError, UserFault
from connector.state.letters import Edit
from contracts.dead_letters import HEADERS, Letter, headers_of, parse_letter_id
from contracts.events import decode
from tests.fuzz import values
from tests.fuzz.playing import Fuzzed, leaked, told
from tests.fuzz.records import record

_NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
_CONTENTS = (
    b"0",
    b"-1",
    b"9" * 30,
    b"9" * 5000,
    b"paylayer.stock",
    b"sparklayer",
    b"apply",
    b"[]",
    b"{}",
    b"[" * 3000,
    b'[{"code": []}]',
    b"422",
    b"2026-11-22T10:00:00",
    b"2026-11-22T10:00:00Z",
    b"0001-01-01T00:00:00+14:00",
    b"1e3",
    "٣".encode(),
    b"null",
    b"[1, null]",
)


@dataclass(frozen=True)
class _Raw:
    """A record of a dead-letter topic as the consumer hands it out."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class Letters(Fuzzed):
    """A letter is shown, mended and sent again, or it is said why not."""

    name = "letters"

    def make(self, rng: Random) -> tuple[_Raw, str]:
        refused = record(rng)
        letter = Letter(
            refused.topic,
            refused.partition,
            refused.offset,
            "sparklayer",
            "apply",
            "Refused",
            values.text(rng) or "x",
            _NOW,
            status=rng.choice((None, 422)),
            code="x",
            details=[{"property": values.text(rng), "message": values.value(rng)}],
            connection="acme",
            entity="stock",
            key="A-1",
        )
        headers = headers_of(letter, refused.headers)
        for _ in range(rng.choice((0, 1, 1, 2, 4))):
            at, name = rng.randrange(len(headers)), rng.choice(HEADERS)[0]
            what = rng.randrange(4)
            if what == 0:
                del headers[at]
            elif what == 1:
                headers.insert(at, (name, values.raw(rng, _CONTENTS)))
            else:
                at = next((place for place in range(len(headers)) if headers[place][0] == name), at)
                headers[at] = (headers[at][0], values.raw(rng, _CONTENTS))
        text = values.written(rng, values.changed(rng, json.loads(rng.choice(_TEXTS)))).decode("utf-8", "replace")
        raw = _Raw(
            "paylayer.stock.sparklayer.dlt",
            0,
            5,
            rng.choice((0, 1_795_000_000_000)),
            refused.key,
            refused.value,
            tuple(headers),
        )
        return raw, text

    def feed(self, given: tuple[_Raw, str]) -> str:
        raw, text = given
        stored: StoredLetter = _stored(raw)  # type: ignore[arg-type]
        found, kept = FoundLetter(stored, "new"), Edit(text.encode(), None)
        json.dumps(found.report() | letter_record(stored, kept), ensure_ascii=False, default=plain).encode()
        assert list(as_lines(found, kept))
        assert list(in_short(found.report(), 80))
        assert isinstance(editable_text(stored), str)
        ends = ["a letter" if stored.letter else "no letter"]
        if stored.letter is not None:
            assert stored.letter.failed_at.tzinfo is not None, "its time can be compared"
        try:
            edit = edited(stored, text, 1)
            decode(edit.key, edit.value, edit.headers)
            ends.append("mended")
        except PayLayerError as error:
            edit = None
            told(error, longest=None)
        try:
            sent = replayed(Selected(stored, edit), "replay-1")
            assert sent.topic
            ends.append("sent")
        except PayLayerError as error:
            told(error, longest=None)
        return " ".join(ends)


_TEXTS = tuple(
    json.dumps(
        {
            "specversion": "1.0",
            "id": "1",
            "source": "erp",
            "type": f"paylayer.{kind}.changed.v1",
            "time": "2026-11-22T10:00:00Z",
            "connection": "acme",
            "data": {"sku": "A-1", "currency": "EUR", "levels": [{"level": 5}], "lists": []},
        }
    )
    for kind in ("stock", "price")
)


class LetterLines(Fuzzed):
    """A line of an exported file that somebody changed is imported, or it is said which is wrong and why."""

    name = "letter files"

    async def open(self) -> None:
        """A folder for the file."""
        self._folder = tempfile.TemporaryDirectory(prefix="paylayer-fuzz-")

    async def close(self) -> None:
        """The folder goes."""
        self._folder.cleanup()

    def make(self, rng: Random) -> bytes:
        raw, text = Letters().make(rng)
        stored: StoredLetter = _stored(raw)  # type: ignore[arg-type]
        line = export_line(FoundLetter(stored, "new"), Edit(text.encode(), None) if rng.random() < 0.3 else None)
        whole = json.loads(json.dumps(line, default=plain))
        return values.written(rng, values.changed(rng, whole) if rng.random() < 0.8 else whole)

    def feed(self, given: bytes) -> str:
        path = Path(self._folder.name, "letters.jsonl")
        path.write_bytes(given)
        file = LetterFile(path, ("paylayer.stock.sparklayer.dlt",))
        try:
            count = file.check()
        except UserFault as error:
            return told(error)
        found = list(file.letters())
        assert len(found) == count
        return f"{count} imported"


class Arguments(Fuzzed):
    """`paylayer dlq` with anything behind it ends with a sentence or the usage, and asks no database for nonsense."""

    name = "dlq arguments"

    def __init__(self) -> None:
        self._command = get_command(application("dlq"))

    def make(self, rng: Random) -> tuple[str, ...]:
        options = (
            "--side",
            "--entity",
            "--connection",
            "--state",
            "--status",
            "--code",
            "--since",
            "--until",
            "--grep",
            "--rate",
            "--dry-run",
            "--json",
            "--file",
            "--help",
            "-x",
            "--",
        )
        likely = (
            "sparklayer",
            "stock",
            "new",
            "422",
            "2h",
            "3d",
            "9" * 25 + "d",
            "2026-11-22",
            "0001-01-01",
            "inf",
            "nan",
            "0",
            "-1",
            "1e400",
            "paylayer.stock.sparklayer.dlt:0:5",
            "x:0:0",
            "a:" + "9" * 5000 + ":1",
            "a:²:0",
            "/nowhere/x",
        )
        words: list[str] = [
            rng.choice(("list", "show", "edit", "replay", "discard", "export", "export", "", "nonsense"))
        ]
        for _ in range(rng.randrange(5)):
            if rng.random() < 0.6:
                words.append(rng.choice(options))
            words.append(
                rng.choice(likely) if rng.random() < 0.7 else values.text(rng).encode("utf-8", "replace").decode()
            )
        return tuple(words)

    def feed(self, given: tuple[str, ...]) -> str:
        for word in given:
            with contextlib.suppress(ValueError):
                assert parse_letter_id(word)[1] >= 0
        out = io.StringIO()
        try:
            with redirect_stdout(out), redirect_stderr(out):
                self._command.main(args=["dlq", *given], prog_name="paylayer")
        except PayLayerError as error:
            return told(error, longest=None)
        except SystemExit as ended:
            code = ended.code
        else:
            raise AssertionError("a command ends with an exit code")
        assert code in (0, 1, 2)
        assert not leaked(out.getvalue())
        return f"exit code {code}"
