"""A text in the editor of the person at the terminal."""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from connector.errors import UserFault


def edited_in_editor(text: str) -> str | None:
    """The text as it was left in $VISUAL, $EDITOR or vi; none where nothing was changed. Raises `UserFault`."""
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if named is None and not sys.stdin.isatty():
        raise UserFault("there is no terminal to edit on: give the mended event with --file")
    with tempfile.TemporaryDirectory(prefix="paylayer-edit-") as folder:
        file = Path(folder) / "event.json"
        file.write_text(text, "utf-8")
        _run([*shlex.split(named or "vi"), str(file)])
        mended = file.read_text("utf-8", "replace")
    return None if mended == text else mended


def _run(command: list[str]) -> None:
    how = "set EDITOR to one that can be started, or give the mended event with --file"
    try:
        done = subprocess.run(command, check=False)  # noqa: S603 - the person's own editor
    except OSError as error:
        raise UserFault(f"the editor {command[0]!r} cannot be started ({error.strerror}): {how}") from error
    if done.returncode:
        raise UserFault(f"the editor {command[0]!r} ended with code {done.returncode}, so nothing was kept: {how}")
