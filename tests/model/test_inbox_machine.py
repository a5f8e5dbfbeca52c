"""Inbox, versions, coalescing, waiting, refusing and replaying, against a model in memory, on each database."""

import pytest

from tests.model.inbox_machine import InboxMachine
from tests.model.playing import play


@pytest.mark.timeout(0)
def test_on_sqlite(sqlite_url: str) -> None:
    assert play(InboxMachine, sqlite_url, examples=40, steps=35) >= 40


@pytest.mark.postgres
@pytest.mark.timeout(0)
def test_on_postgresql(postgres_url: str) -> None:
    assert play(InboxMachine, postgres_url, examples=10, steps=35) >= 10
