"""Reading what `dlq export` wrote: one letter a line, byte for byte as it was."""

import base64
import binascii
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from connector.app.letter_record import FORMAT
from connector.bus.letter_reader import StoredLetter, letter_of
from connector.bus.record import HeaderList
from connector.errors import UserFault
from connector.state.letters import Decision, Edit
from contracts.dead_letters import parse_letter_id

_SHOWN_ERRORS = 5
_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)  # when a record arrived that is no letter of ours
_Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]  # no database takes a NUL
_Base64 = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]*={0,2}$")]


class _Header(BaseModel):
    name: str
    value: str | None = None
    value_base64: _Base64 | None = None


class _Fate(BaseModel):
    state: Literal["new", "replayed", "discarded", "superseded"]
    replay_id: _Text | None = None
    decided_at: AwareDatetime | None = None
    decided_by: _Text | None = None
    note: _Text | None = None
    edits: int = Field(default=0, ge=0)


class _Line(BaseModel):
    format: Literal["paylayer-letter/1"] = FORMAT
    id: str
    record_key: str | None = None
    record_key_base64: _Base64 | None = None
    value: str | None = None
    value_base64: _Base64 | None = None
    headers: list[_Header]
    edited_value: str | None = None
    edited_value_base64: _Base64 | None = None
    edited_headers: list[_Header] | None = None
    fate: _Fate | None = None


@dataclass(frozen=True, slots=True)
class FiledLetter:
    """One line: the letter as it lay in its topic, and what had been decided about it."""

    stored: StoredLetter
    decision: Decision | None
    edit: Edit | None


class LetterFile:
    """A file of letters for these dead-letter topics."""

    def __init__(self, path: Path, topics: Collection[str]) -> None:
        self._path = path
        self._topics = frozenset(topics)

    @property
    def name(self) -> str:
        """Without its folder."""
        return self._path.name

    def check(self) -> int:
        """Read every line; how many there are. Raises `UserFault` that names the first wrong ones."""
        wrong, count = [], 0
        for number, line in self._lines():
            count += 1
            try:
                self._letter(line)
            except ValueError as error:
                wrong.append(f"line {number}: {_first(error)}")
        if not wrong:
            return count
        more = f"; and {len(wrong) - _SHOWN_ERRORS} more" if len(wrong) > _SHOWN_ERRORS else ""
        raise UserFault(f"{self._path} cannot be imported, nothing was: {'; '.join(wrong[:_SHOWN_ERRORS])}{more}")

    def letters(self) -> Iterator[FiledLetter]:
        """Its letters in their order. Raises `ValueError` for what `check` finds."""
        return (self._letter(line) for _, line in self._lines())

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        try:
            with self._path.open("rb") as file:
                yield from ((number, line) for number, line in enumerate(file, start=1) if line.strip())
        except OSError as error:
            raise UserFault(f"{self._path} cannot be read: {error.strerror}") from error

    def _letter(self, text: bytes) -> FiledLetter:
        try:
            line = _Line.model_validate(json.loads(text))
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        topic, partition, offset = parse_letter_id(line.id)
        if topic not in self._topics:
            raise ValueError(f"{topic} holds no dead letters of this deployment (PAYLAYER_TOPIC_PREFIX)")
        headers = _headers(line.headers)
        letter = letter_of(headers)
        moment = letter.failed_at if letter else _UNKNOWN
        key, value = _bytes(line.record_key, line.record_key_base64), _bytes(line.value, line.value_base64)
        if key is None and value is None:
            raise ValueError("it has neither key nor value, so there is nothing to send")
        edited = _bytes(line.edited_value, line.edited_value_base64)
        edited_headers = None if line.edited_headers is None else _headers(line.edited_headers)
        return FiledLetter(
            StoredLetter(topic, partition, offset, moment, letter, key, value, headers),
            None if line.fate is None else _decision(line.fate, edited=edited is not None),
            None if edited is None else Edit(edited, edited_headers),
        )


def digest(stored: StoredLetter) -> bytes:
    """The same for the same letter, wherever in its topic it lies."""
    parts: list[Any] = [stored.topic, stored.key, stored.value, *(part for pair in stored.headers for part in pair)]
    made = blake2b(digest_size=16)
    for part in parts:
        content = part.encode(errors="surrogatepass") if isinstance(part, str) else part
        made.update(b"-" if content is None else b"%d:" % len(content) + content)
    return made.digest()


def _decision(fate: _Fate, *, edited: bool) -> Decision:
    return Decision(fate.state, fate.replay_id, fate.decided_at, fate.decided_by, fate.note, edited, fate.edits)


def _headers(headers: list[_Header]) -> HeaderList:
    return tuple((each.name, _bytes(each.value, each.value_base64)) for each in headers)


def _bytes(text: str | None, encoded: str | None) -> bytes | None:
    if text is not None:
        return text.encode()
    try:
        return None if encoded is None else base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ValueError(f"no base64: {error}") from error


def _first(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'the line'}: {first['msg']}"
    return str(error)
