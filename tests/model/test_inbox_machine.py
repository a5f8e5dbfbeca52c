"""Inbox, versions, coalescing, waiting, refusing and replaying, against a model in memory, on each database."""

import asyncio

import pytest
from hypothesis.stateful import run_state_machine_as_test

from connector.state.database import Database
from tests.model.inbox_machine import InboxMachine
from tests.model.profiles import profile


@pytest.mark.timeout(0)
def test_on_sqlite(sqlite_url: str) -> None:
    play(sqlite_url, examples=40, steps=35)


@pytest.mark.postgres
@pytest.mark.timeout(0)
def test_on_postgresql(postgres_url: str) -> None:
    play(postgres_url, examples=10, steps=35)


def play(url: str, *, examples: int, steps: int) -> None:
    with asyncio.Runner() as runner:
        db = runner.run(Database.open(url, create=True))
        machine = type("Inbox", (InboxMachine,), {"runner": runner, "db": db})
        try:
            run_state_machine_as_test(machine, settings=profile(examples, steps))
        finally:
            runner.run(db.close())
