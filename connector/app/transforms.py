"""Mending many letters on their way: a JSON Patch or a Python function between the letter and its topic.

It works on the whole event, so that a patch says `/data/levels/0/level`. Time, type, connection and key stay as they
are, and the event gets an id just above its old one, as with `paylayer dlq edit`.
"""

import contextlib
import hashlib
import json
import runpy
import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonpatch
from jsonpointer import JsonPointer, JsonPointerException

from connector.app.letters import FoundLetter
from connector.bus.edits import Edited, edited_event, whole_event
from connector.errors import UserFault

Event = dict[str, Any]
_FUNCTION = "transform"


class NotTransformed(Exception):
    """A letter that is not sent; the message says why."""


@dataclass(frozen=True, slots=True)
class Transform:
    """What a file does to an event. `digest` tells whether a resumed replay is given the same file."""

    name: str
    digest: str
    change: Callable[[Event, Event], Any]

    @classmethod
    def load(cls, path: Path) -> "Transform":
        """A `.py` file with `transform(event, letter)`, else a JSON Patch document (RFC 6902). Raises `UserFault`."""
        try:
            text = path.read_bytes()
        except OSError as error:
            raise UserFault(f"--transform: {path} cannot be read: {error.strerror}") from error
        change = _python(path) if path.suffix == ".py" else _patch(path, text)
        return cls(path.name, hashlib.sha256(text).hexdigest(), change)

    def apply(self, found: FoundLetter, edit: Edited | None) -> Edited | None:
        """What is to be sent instead; `edit`, as it was, where nothing was changed. Raises `NotTransformed`."""
        before = self.event(found, edit)
        try:
            with contextlib.redirect_stdout(sys.stderr):  # what a function prints is not this command's answer
                after = self.change(deepcopy(before), found.report())
        except Exception as error:  # somebody else's code
            raise NotTransformed(_why(error)) from error
        if after is None:
            raise NotTransformed(f"{self.name} leaves it alone")
        if not isinstance(after, dict):
            raise NotTransformed(f"{self.name} returned {type(after).__name__}, not an event (a dict) or None")
        if after == before:
            return edit
        try:
            return edited_event(found.stored, after, found.decision.edits + 1)
        except (UserFault, TypeError, ValueError, RecursionError) as error:
            raise NotTransformed(str(error)) from error

    def event(self, found: FoundLetter, edit: Edited | None) -> Event:
        """The event that would be sent without it. Raises `NotTransformed` where there is none in JSON."""
        body = json.loads(edit.value) if edit is not None else whole_event(found.stored)
        if not isinstance(body, dict):
            raise NotTransformed("its value is no JSON object, so there is no event to transform")
        return body


def _patch(path: Path, text: bytes) -> Callable[[Event, Event], Any]:
    try:
        operations = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserFault(f"--transform: {path} is not JSON ({error}); a Python file ends in .py") from error
    if not isinstance(operations, list):
        raise UserFault(f"--transform: {path} is no JSON Patch: a list of operations is needed (RFC 6902)")
    try:
        jsonpatch.JsonPatch(operations)
        for operation in operations:
            _complete(operation)
    except (jsonpatch.JsonPatchException, JsonPointerException) as error:
        raise UserFault(f"--transform: {path} is no JSON Patch: {error}") from error
    # A copy for each event: what a patch inserts would be shared by them, and changed by its later operations.
    return lambda event, _letter: jsonpatch.JsonPatch(deepcopy(operations)).apply(event, in_place=True)


def _complete(operation: Event) -> None:
    """What the library only finds out when it applies the operation."""
    needed = {"add": "value", "replace": "value", "test": "value", "move": "from", "copy": "from"}
    name = needed.get(operation["op"])
    if name is not None and name not in operation:
        raise jsonpatch.InvalidJsonPatch(f"{operation} has no {name!r}")
    if name == "from":
        JsonPointer(operation["from"])


def _python(path: Path) -> Callable[[Event, Event], Any]:
    try:
        with contextlib.redirect_stdout(sys.stderr):
            names = runpy.run_path(str(path))
    except (Exception, SystemExit) as error:  # somebody else's code
        raise UserFault(f"--transform: {path} cannot be run: {_why(error)}") from error
    function = names.get(_FUNCTION)
    if not callable(function):
        raise UserFault(
            f"--transform: {path} has no function {_FUNCTION}(event, letter) that returns the event or None"
        )
    change: Callable[[Event, Event], Any] = function
    return change


def _why(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
