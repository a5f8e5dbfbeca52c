"""Dead letters: the original record, byte for byte, with headers that say what refused it and why."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from contracts.events import Headers
from contracts.values import utc_text

CONNECT = "__connect.errors."  # the names that Kafka Connect uses, so that existing tools understand them
OWN = "paylayer."
_NUMBER = re.compile(r"[0-9]{1,19}")
_LONGEST_MESSAGE = 2000
_LONGEST_DETAILS = 20_000


@dataclass(frozen=True, slots=True)
class Letter:
    """Why one record was refused. `stage` is `intake` (no one can read it) or `apply` (the platform said no)."""

    topic: str
    partition: int
    offset: int
    side: str
    stage: str
    error_class: str
    message: str
    failed_at: datetime
    status: int | None = None
    code: str | None = None
    details: Sequence[Mapping[str, object]] = field(default=())
    connection: str | None = None
    entity: str | None = None
    key: str | None = None
    attempts: int = 1


def headers_of(letter: Letter, original: Headers) -> list[tuple[str, bytes | None]]:
    """The original headers, untouched, followed by the reason. Texts are cut at fixed lengths."""
    reason: list[tuple[str, str | None]] = [
        (CONNECT + "topic", letter.topic),
        (CONNECT + "partition", str(letter.partition)),
        (CONNECT + "offset", str(letter.offset)),
        (CONNECT + "connector.name", f"paylayer.apply-to-{letter.side}"),
        (CONNECT + "stage", letter.stage),
        (CONNECT + "exception.class.name", letter.error_class),
        (CONNECT + "exception.message", letter.message[:_LONGEST_MESSAGE]),
        (OWN + "error.status", None if letter.status is None else str(letter.status)),
        (OWN + "error.code", letter.code),
        (OWN + "error.details", _details(letter.details)),
        (OWN + "connection", letter.connection),
        (OWN + "side", letter.side),
        (OWN + "entity", letter.entity),
        (OWN + "key", letter.key),
        (OWN + "attempts", str(letter.attempts)),
        (OWN + "failed-at", utc_text(letter.failed_at)),
    ]
    return [
        *original,
        *((name, value.encode(errors="backslashreplace")) for name, value in reason if value is not None),
    ]


def without_reason(headers: Headers) -> list[tuple[str, bytes | None]]:
    """The original headers of a dead letter: what `headers_of` added last is taken off again, and nothing else."""
    start = _start_of_reason(headers)
    kept = ((name, value) for name, value in headers[start:] if name not in _NAMES)
    return [*headers[:start], *kept]


def read(headers: Headers) -> Letter:
    """The reason that a dead letter carries. Raises `ValueError` where the headers are not those of a letter."""
    text = _texts(headers[_start_of_reason(headers) :]).get
    topic, failed_at = text(CONNECT + "topic"), text(OWN + "failed-at")
    if topic is None or failed_at is None:
        raise ValueError("no dead letter of PayLayer: the headers that name topic and time are missing")
    status, moment = text(OWN + "error.status"), datetime.fromisoformat(failed_at)
    try:
        details = _parsed(text(OWN + "error.details"))
    except RecursionError as error:
        raise ValueError("no dead letter of PayLayer: its details are nested too deeply") from error
    if moment.tzinfo is None:
        raise ValueError("no dead letter of PayLayer: its time has no zone")
    return Letter(
        topic=topic,
        partition=int(text(CONNECT + "partition") or -1),
        offset=int(text(CONNECT + "offset") or -1),
        side=text(OWN + "side") or "",
        stage=text(CONNECT + "stage") or "",
        error_class=text(CONNECT + "exception.class.name") or "",
        message=text(CONNECT + "exception.message") or "",
        failed_at=moment,
        status=int(status) if status else None,
        code=text(OWN + "error.code"),
        details=details,
        connection=text(OWN + "connection"),
        entity=text(OWN + "entity"),
        key=text(OWN + "key"),
        attempts=int(text(OWN + "attempts") or 1),
    )


def _parsed(details: str | None) -> list[Mapping[str, object]]:
    if details is None:
        return []
    found = json.loads(_whole_text(json.loads(details)))
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError("no dead letter of PayLayer: its details are no list of objects")
    return found


def _whole_text(details: object) -> bytes:
    """JSON without halves of surrogate pairs, which JSON can say and nobody can write down."""
    return json.dumps(details, ensure_ascii=False).encode(errors="replace")


def _texts(reason: Headers) -> dict[str, str | None]:
    """The first value of each of our headers; none where it is missing, null, not UTF-8 or with a NUL character."""
    found: dict[str, str | None] = {}
    for name, value in reason:
        if value is not None and name in _NAMES and name not in found:
            try:
                found[name] = None if b"\0" in value else value.decode()
            except UnicodeDecodeError:
                found[name] = None
    return found


def _start_of_reason(headers: Headers) -> int:
    """Where the last reason begins; the record may have been somebody's dead letter before it became ours."""
    return next((at for at in range(len(headers) - 1, -1, -1) if headers[at][0] == CONNECT + "topic"), len(headers))


def letter_id(topic: str, partition: int, offset: int) -> str:
    """`<dlt topic>:<partition>:<offset>`, as the commands name a letter."""
    return f"{topic}:{partition}:{offset}"


def parse_letter_id(text: str) -> tuple[str, int, int]:
    """Topic, partition and offset. Raises `ValueError` for anything else."""
    topic, _, rest = text.rpartition(":")
    name, _, partition = topic.rpartition(":")
    if not name or not _NUMBER.fullmatch(partition) or not _NUMBER.fullmatch(rest):
        raise ValueError(f"{text[:300]!r} is no letter id: write <dlt topic>:<partition>:<offset>")
    return name, int(partition), int(rest)


def _details(details: Sequence[Mapping[str, object]]) -> str | None:
    """JSON of as many details as fit whole."""
    kept = list(details)
    while kept:
        text = json.dumps(kept, ensure_ascii=False, default=str)
        if len(text) <= _LONGEST_DETAILS:
            return text
        kept = kept[: len(kept) // 2]
    return None


HEADERS = (
    (CONNECT + "topic", "Where the record was", True),
    (CONNECT + "partition", "Decimal number", True),
    (CONNECT + "offset", "Decimal number", True),
    (CONNECT + "connector.name", "`paylayer.apply-to-<side>`", True),
    (CONNECT + "stage", "`intake` (no one can read it) or `apply` (the platform said no)", True),
    (CONNECT + "exception.class.name", "Class of the error", True),
    (CONNECT + "exception.message", "What happened, for people", True),
    (OWN + "error.status", "HTTP status of the platform's answer, where there was one", False),
    (OWN + "error.code", "Stable code of the reason", False),
    (OWN + "error.details", "JSON array of objects such as property, message, code", False),
    (OWN + "connection", "Id of the connection, where the record says it", False),
    (OWN + "side", "Whose group refused it", True),
    (OWN + "entity", "Kind of the entity, where the record says it", False),
    (OWN + "key", "Key of the entity, where the record says it", False),
    (OWN + "attempts", "How often it was tried", True),
    (OWN + "failed-at", "RFC 3339, UTC, microseconds", True),
)
"""Name, meaning, and whether every letter has it: what `headers_of` adds, in its order."""

_NAMES = dict.fromkeys(name for name, _, _ in HEADERS)
