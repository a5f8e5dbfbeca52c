"""A dead letter for people: why, and the record as it was."""

import json
from collections.abc import Iterator

from connector.app.letters import FoundLetter


def as_lines(found: FoundLetter, edit: bytes | None) -> Iterator[str]:
    """The letter as `dlq show` prints it."""
    for name, value in found.report().items():
        if value not in (None, False):
            yield f"{name + ':':<12} {value}"
    letter = found.stored.letter
    if letter is not None:
        yield f"{'from:':<12} {letter.topic} partition {letter.partition} offset {letter.offset}"
        yield f"{'stage:':<12} {letter.stage}, attempt {letter.attempts}"
        for detail in letter.details:
            yield "  - " + ", ".join(f"{name}: {value}" for name, value in detail.items() if value is not None)
    yield ""
    yield "record:"
    yield _pretty(found.stored.value)
    if edit is not None:
        yield ""
        yield "mended (sent by the next replay):"
        yield _pretty(edit)


def _pretty(value: bytes | None) -> str:
    if value is None:
        return "(no value)"
    try:
        return json.dumps(json.loads(value), ensure_ascii=False, indent=2)
    except ValueError:
        return value.decode("utf-8", "backslashreplace")
