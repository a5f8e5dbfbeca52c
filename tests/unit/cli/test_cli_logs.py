"""Logs of libraries look like ours, hold no secret, and do not frighten."""

import json
import logging
from typing import Any

import pytest
import structlog
from commands import Shell
from pydantic import SecretStr

from connector.cli.editing import edited_in_editor
from connector.cli.logs import set_up, set_up_for_command
from connector.errors import UserFault
from connector.settings import Settings

SECRETS = {"secret_key": "k" * 31 + "ey", "admin_token": "admin-55aa", "kafka_sasl_password": "sasl-77bb"}


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.fixture
def settings(shell: Shell) -> Settings:
    assert shell.folder.exists()
    return Settings(log_format="json", **{name: SecretStr(value) for name, value in SECRETS.items()})


@pytest.mark.parametrize("library", ["aiokafka.client", "connector.bus.intake.faststream", "uvicorn.error", "other"])
def test_a_librarys_line_is_json_too(settings: Settings, library: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up(settings)
    logging.getLogger(library).error("cannot connect to %s", "kafka:9092")
    # What an earlier test left behind may be told of by asyncio at any time.
    (line,) = (line for line in lines(capsys) if line.get("logger") == library)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "cannot connect to kafka:9092", "level": "error", "logger": library}


def test_a_traceback_is_one_field_without_local_variables(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(settings)

    def fail(token: str) -> None:
        hidden = token + "-in-a-local"
        raise RuntimeError("broken", len(hidden))

    for log in (logging.getLogger("aiokafka.consumer"), structlog.get_logger("paylayer.test")):
        try:
            fail(SECRETS["admin_token"])
        except RuntimeError:
            log.exception("it broke")
    for line in lines(capsys):
        assert line["event"] == "it broke"
        assert "RuntimeError: ('broken'" in line["exception"]
        assert SECRETS["admin_token"] not in line["exception"]


def test_no_secret_of_the_settings_reaches_a_log(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    set_up(settings)
    for name, secret in SECRETS.items():
        logging.getLogger("aiokafka").error("%s is %s", name, secret)
        structlog.get_logger("paylayer.test").error("told", text=f"{name} {secret}")
    structlog.get_logger("paylayer.test").error("at", url="postgresql://user:pass-9@host:5432/x")
    text = capsys.readouterr().err
    assert "postgresql://user:***@host:5432/x" in text
    assert all(secret not in text for secret in (*SECRETS.values(), "pass-9"))


def test_a_coordinator_that_is_still_loading_is_not_told(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(settings)
    log = logging.getLogger("aiokafka.consumer.group_coordinator")
    log.error("Group Coordinator Request failed: %s", "[Error 15] GroupCoordinatorNotAvailableError")
    log.error("Group Coordinator Request failed: %s", "[Error 30] GroupAuthorizationFailedError")
    assert [line["event"][-29:] for line in lines(capsys)] == ["GroupAuthorizationFailedError"]


@pytest.mark.usefixtures("shell")
def test_a_commands_libraries_are_silent_and_its_own_warnings_go_to_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_for_command()
    logging.getLogger("aiokafka").error("cannot connect")
    structlog.get_logger("paylayer.test").info("started")
    structlog.get_logger("paylayer.test").warning("poll_failed")
    said = capsys.readouterr()
    assert said.out == ""
    assert "cannot connect" not in said.err
    assert "started" not in said.err
    assert "poll_failed" in said.err


def test_the_editor_of_the_person_mends_the_text(shell: Shell) -> None:
    script = shell.folder / "editor.sh"
    script.write_text('#!/bin/sh\nprintf mended > "$2"\n')
    shell.set(EDITOR=f"sh {script} --wait", VISUAL="")
    assert edited_in_editor("before") == "mended"
    shell.set(EDITOR="true")
    assert edited_in_editor("before") is None
    shell.set(EDITOR="false")
    with pytest.raises(UserFault, match="ended with code 1"):
        edited_in_editor("before")
    shell.set(EDITOR="no-such-editor")
    with pytest.raises(UserFault, match="cannot be started"):
        edited_in_editor("before")
