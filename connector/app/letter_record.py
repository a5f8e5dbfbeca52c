"""A dead letter's record in JSON: text where it is UTF-8, else base64 under `<name>_base64`."""

import base64

from connector.bus.letter_reader import StoredLetter


def letter_record(stored: StoredLetter, edit: bytes | None) -> dict[str, object]:
    """Key, value, edited value, headers and the details of the refusal."""
    shown: dict[str, object] = {}
    for name, value in (("record_key", stored.key), ("value", stored.value), ("edited_value", edit)):
        if value is not None:
            shown |= _text_or_base64(name, value)
    shown["headers"] = [
        {"name": name, **(_text_or_base64("value", value) if value is not None else {})}
        for name, value in stored.headers
    ]
    if stored.letter is not None:
        shown["details"] = list(stored.letter.details)
        shown["stage"] = stored.letter.stage
        shown["attempts"] = stored.letter.attempts
    return shown


def _text_or_base64(name: str, value: bytes) -> dict[str, object]:
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value).decode()}
