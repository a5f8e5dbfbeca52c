"""The generated documents: written into a folder, or compared with what stands there."""

import json
from pathlib import Path

from contracts import asyncapi, json_schemas, yaml_text

VERSION = "1.0.0"
"""Of the contract: minor when something is added, major with a new `.v2` type."""

ASYNCAPI = "asyncapi.yaml"
SCHEMAS = "schemas"


def files() -> dict[str, str]:
    """Return the text of every document by its path within the folder."""
    schemas = {
        f"{SCHEMAS}/{name}": json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
        for name, schema in json_schemas.documents().items()
    }
    return {**schemas, ASYNCAPI: yaml_text.dump(asyncapi.document(VERSION))}


def write(folder: Path) -> list[Path]:
    """Write every document and return the paths. Other files of the folder stay. Raises `OSError`."""
    written = []
    for name, text in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        written.append(path)
    return written


def drift(folder: Path) -> list[str]:
    """Say what in the folder differs from the models, one short sentence each; empty when nothing does."""
    found = []
    for name, text in files().items():
        path = folder / name
        if not path.is_file():
            found.append(f"{name} is missing")
        elif path.read_text(encoding="utf-8") != text:
            found.append(f"{name} is out of date")
    return found + [f"{name} belongs to nothing" for name in _strangers(folder)]


def _strangers(folder: Path) -> list[str]:
    known = files()
    names = (f"{SCHEMAS}/{path.name}" for path in sorted((folder / SCHEMAS).glob("*.json")))
    return [name for name in names if name not in known]
