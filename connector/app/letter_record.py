"""A dead letter's record in JSON: text where it is UTF-8, else base64 under `<name>_base64`."""

import base64
import json
from datetime import datetime
from typing import Any, Literal

from connector.app.letters import FoundLetter
from connector.bus.letter_reader import StoredLetter
from connector.bus.record import HeaderList
from connector.state.letters import Edit

FORMAT: Literal["paylayer-letter/1"] = "paylayer-letter/1"
_SEPARATORS = "\x85\u2028\u2029"  # lines end there for some readers, though not for JSON


def letter_record(stored: StoredLetter, edit: Edit | None) -> dict[str, Any]:
    """Key, value, edited value, headers and the details of the refusal."""
    shown: dict[str, Any] = {}
    for name, value in (
        ("record_key", stored.key),
        ("value", stored.value),
        ("edited_value", None if edit is None else edit.value),
    ):
        if value is not None:
            shown |= _text_or_base64(name, value)
    shown["headers"] = _headers(stored.headers)
    if edit is not None and edit.headers is not None:
        shown["edited_headers"] = _headers(edit.headers)
    if stored.letter is not None:
        shown["details"] = list(stored.letter.details)
        shown["stage"] = stored.letter.stage
        shown["attempts"] = stored.letter.attempts
    return shown


def export_line(found: FoundLetter, edit: Edit | None) -> str:
    """A letter with everything that is known of it, in one line; `fate` only where somebody decided."""
    decision = found.decision
    line = {"format": FORMAT} | found.report() | letter_record(found.stored, edit)
    if decision.decided_at is not None or decision.edits or edit is not None:
        line["fate"] = {
            "state": decision.state,
            "replay_id": decision.replay_id,
            "decided_at": decision.decided_at,
            "decided_by": decision.decided_by,
            "note": decision.note,
            "edits": decision.edits,
        }
    text = json.dumps(line, ensure_ascii=False, default=_iso)
    for separator in _SEPARATORS:
        text = text.replace(separator, f"\\u{ord(separator):04x}")
    return text + "\n"


def _iso(moment: datetime) -> str:
    return moment.isoformat()


def _headers(headers: HeaderList) -> list[dict[str, Any]]:
    return [{"name": name, **(_text_or_base64("value", value) if value is not None else {})} for name, value in headers]


def _text_or_base64(name: str, value: bytes) -> dict[str, Any]:
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value).decode()}
