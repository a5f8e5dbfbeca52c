"""A dead letter for people: why, and the record as it was."""

import json
import textwrap
from collections.abc import Iterator

from connector.app.letters import FoundLetter
from connector.cli.output import visible

_LONGEST = 300
_INDENT = "    "


def in_short(found: FoundLetter, width: int) -> Iterator[str]:
    """The letter as `dlq list` prints it: the id whole and first, then what it is about, then why."""
    report = found.report()
    yield f"{report['id']}  {report['state']}{' (edited)' if report['edited'] else ''}"
    about = [str(report[name]) for name in ("connection", "entity", "key") if report[name]]
    why = [str(report[name]) for name in ("status", "code") if report[name] is not None]
    if about or why:
        yield _INDENT[:2] + visible(" ".join(about) + (": " if about and why else "") + " ".join(why))
    message = textwrap.shorten(visible(str(report["message"])), _LONGEST, placeholder=" ...")
    yield from textwrap.wrap(message, max(20, width), initial_indent=_INDENT, subsequent_indent=_INDENT)


def as_lines(found: FoundLetter, edit: bytes | None) -> Iterator[str]:
    """The letter as `dlq show` prints it."""
    for name, value in found.report().items():
        if value not in (None, False):
            yield f"{name + ':':<12} {visible(str(value))}"
    letter = found.stored.letter
    if letter is not None:
        yield f"{'from:':<12} {letter.topic} partition {letter.partition} offset {letter.offset}"
        yield f"{'stage:':<12} {letter.stage}, attempt {letter.attempts}"
        for detail in letter.details:
            yield "  - " + visible(", ".join(f"{name}: {value}" for name, value in detail.items() if value is not None))
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
        return visible(value.decode("utf-8", "backslashreplace"))
