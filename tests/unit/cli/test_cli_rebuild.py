"""What `paylayer rebuild` and `paylayer backup` say."""

import sqlite3

import pytest
from commands import ADD, Shell

from connector.app.rebuild import Rebuilt
from connector.cli.rebuild import describe

CALLS = {"sparkpay": 0, "sparklayer": 12}


def test_a_rebuild_is_told_in_three_lines() -> None:
    done = Rebuilt("acme", "done", rows=9, observed=8, unchanged=5, written=2, rejected=1, waiting=1, calls=CALLS)
    assert describe(done, dry_run=False) == [
        "acme: 9 rows restored, 8 observations of the store",
        "  5 are there as they should be, 2 written, 1 are refused, 1 wait",
        "  calls: 0 to Spark Pay, 12 to SparkLayer",
    ]


def test_a_dry_run_names_what_it_would_write_and_a_stop_its_reason() -> None:
    found = [("product", "sparkpay:1", "title is not there\x1b[2J")]
    tried = Rebuilt("acme", "paused", 9, 0, 8, 0, 0, 0, CALLS, differences=found, message="the keys are refused")
    lines = describe(tried, dry_run=True)
    assert lines[1] == "  8 are there as they should be, 1 would be written, 0 are refused, 0 wait"
    assert lines[3:] == [
        "  product sparkpay:1: title is not there\\x1b[2J",
        "  it stopped: the keys are refused",
        "  mend it, then go on with: paylayer connections resume acme; paylayer rebuild acme",
    ]


def test_there_has_to_be_something_to_rebuild(shell: Shell) -> None:
    ended = shell.run("rebuild")
    assert ended.code == 2
    assert "add the connections first, with --no-sync" in ended.err
    ended = shell.run("rebuild", "acme")
    assert (ended.code, ended.out) == (2, "")
    assert "there is no connection 'acme'" in ended.err


def test_without_the_broker_a_rebuild_stops_and_nobody_writes_meanwhile(shell: Shell) -> None:
    shell.run(*ADD, "--no-sync")
    ended = shell.run("rebuild")
    assert ended.code == 1
    assert "127.0.0.1:9" in ended.err
    assert "paylayer rebuild acme" in shell.run("status", "acme").out


@pytest.mark.parametrize("name", ["copy", "with space ü.sqlite3"])
def test_a_backup_is_a_database(shell: Shell, name: str) -> None:
    shell.run(*ADD, "--no-sync")
    ended = shell.run("backup", name)
    assert (ended.code, ended.err) == (0, "")
    with sqlite3.connect(shell.folder / name) as copy:
        assert copy.execute("SELECT id FROM connections").fetchall() == [("acme",)]
    copy.close()
    again = shell.run("backup", name)
    assert again.code == 2
    assert "exists already" in again.err
