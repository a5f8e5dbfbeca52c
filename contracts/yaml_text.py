"""YAML that is the same on every machine: block style, keys in the order given, every text in JSON's own quotes.

A JSON string is a YAML string, so nothing has to be guessed about quoting and no YAML library is needed to write.
"""

import json
import re
from collections.abc import Iterator

_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_OTHER_THINGS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}  # what YAML 1.1 reads as something else


def dump(value: object) -> str:
    """Return the text of a document made of dicts, lists, strings, numbers, booleans and null."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value: object) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _entry(f"{_key(key)}:", item)
    elif isinstance(value, list) and value:
        for item in value:
            first, *rest = _lines(item)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    else:
        yield json.dumps(value, ensure_ascii=False)


def _entry(head: str, item: object) -> Iterator[str]:
    if isinstance(item, dict | list) and item:
        yield head
        yield from (f"  {line}" for line in _lines(item))
    else:
        yield f"{head} {json.dumps(item, ensure_ascii=False)}"


def _key(key: str) -> str:
    plain = _PLAIN_KEY.fullmatch(key) and key.lower() not in _OTHER_THINGS
    return key if plain else json.dumps(key, ensure_ascii=False)
