"""A dead letter for people: why, and the record as it was."""

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector.app.letters import FoundLetter
from connector.cli.output import visible
from connector.state.letters import Edit

_LONGEST = 300
_INDENT = "    "


def in_short(report: Mapping[str, Any], width: int) -> Iterator[str]:
    """The letter as `dlq list` prints it: the id whole and first, then what it is about, then why."""
    yield f"{report['id']}  {report['state']}{' (edited)' if report['edited'] else ''}"
    about = [str(report[name]) for name in ("connection", "entity", "key") if report[name]]
    why = [str(report[name]) for name in ("status", "code") if report[name] is not None]
    if about or why:
        yield _INDENT[:2] + visible(" ".join(about) + (": " if about and why else "") + " ".join(why))
    message = textwrap.shorten(visible(str(report["message"])), _LONGEST, placeholder=" ...")
    yield from textwrap.wrap(message, max(20, width), initial_indent=_INDENT, subsequent_indent=_INDENT)


def as_lines(found: FoundLetter, edit: Edit | None, chain: Sequence[FoundLetter] = ()) -> Iterator[str]:
    """The letter as `dlq show` prints it; `chain` are the letters that one refusal went through by replays."""
    for name, value in found.report().items():
        if value not in (None, False):
            yield f"{name + ':':<14} {visible(str(value))}"
    letter = found.stored.letter
    if letter is not None:
        yield f"{'from:':<14} {letter.topic} partition {letter.partition} offset {letter.offset}"
        yield f"{'stage:':<14} {letter.stage}, attempt {letter.attempts}"
        for detail in letter.details:
            yield "  - " + visible(", ".join(f"{name}: {value}" for name, value in detail.items() if value is not None))
    if len(chain) > 1:
        yield ""
        yield "refused again after a replay, oldest first:"
        yield from map(_link, chain)
    yield ""
    yield "record:"
    yield _pretty(found.stored.value)
    if edit is not None:
        yield ""
        yield "mended (sent by the next replay):"
        yield _pretty(edit.value)


def _link(found: FoundLetter) -> str:
    report = found.report()
    why = " ".join(str(report[name]) for name in ("status", "code") if report[name] is not None)
    return f"  {found.id}  {report['failed_at']:%Y-%m-%d %H:%M:%S}  {found.state}  {visible(why)}".rstrip()


def _pretty(value: bytes | None) -> str:
    if value is None:
        return "(no value)"
    try:
        return visible(json.dumps(json.loads(value), ensure_ascii=False, indent=2))
    except (ValueError, RecursionError):
        return visible(value.decode("utf-8", "backslashreplace"))
