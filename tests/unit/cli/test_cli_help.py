"""The help of every command, as stored in tests/golden/help.

Renew after a change on purpose: PAYLAYER_RENEW_GOLDEN=1 python -m pytest tests/unit/cli/test_cli_help.py
"""

import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from commands import Shell
from typer.main import get_command

from connector.cli.main import application

GOLDEN = Path(__file__).parents[2] / "golden" / "help"
RENEW = "PAYLAYER_RENEW_GOLDEN" in os.environ


def paths(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    command = command or get_command(application())
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from paths(child, (*path, name))


@pytest.mark.parametrize("path", list(paths()), ids=lambda path: " ".join(path) or "paylayer")
def test_help_is_as_stored_and_fits_a_terminal(shell: Shell, path: tuple[str, ...]) -> None:
    ended = shell.run(*path, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert max(map(len, ended.out.splitlines())) <= 80
    assert "..." not in ended.out.partition("Commands:")[2], "a sentence is cut: shorten it"
    file = GOLDEN / f"{'-'.join(('paylayer', *path))}.txt"
    if RENEW:
        GOLDEN.mkdir(exist_ok=True)
        file.write_text(ended.out)
    assert file.exists(), f"new command: {__doc__}"
    assert ended.out == file.read_text(), __doc__


def test_the_version_is_that_of_the_package(shell: Shell) -> None:
    ended = shell.run("--version")
    assert (ended.code, ended.out) == (0, f"paylayer {version('paylayer')}\n")


@pytest.mark.parametrize("before", [(), ("--",)])
def test_a_command_is_found_where_it_stands(shell: Shell, before: tuple[str, ...]) -> None:
    ended = shell.run(*before, "run", "--only", "nothing")
    assert ended.code == 2
    assert "--only 'nothing'" in ended.err


def test_every_stored_help_has_its_command() -> None:
    assert {file.stem for file in GOLDEN.glob("*.txt")} == {"-".join(("paylayer", *path)) for path in paths()}
