"""Both platforms' final states, compared by the oracle."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connector.demo.oracle import Excuse, OracleSettings, compare
from tests.acceptance.system import System, until


def differences(
    system: System,
    excused: Mapping[str, Excuse] | None = None,
    judge: OracleSettings | None = None,
    placed: Sequence[Mapping[str, Any]] = (),
) -> list[str]:
    """What differs now; fails where nothing was compared. `placed`: purchases as somebody placed them."""
    compared = compare(
        system.pay("GET", "state"),
        system.layer("GET", "state"),
        settings=judge or OracleSettings(),
        now=datetime.now(UTC),
        excused=excused or {},
        placed=placed,
    )
    assert compared.fields_compared > 0
    return [str(difference) for difference in compared.differences]


def expect_agreement(
    system: System,
    excused: Mapping[str, Excuse] | None = None,
    seconds: float = 60.0,
    *,
    judge: OracleSettings | None = None,
    placed: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Wait until both sides agree, and check that the store saw no request that its contract does not know."""
    last: list[str] = []

    def agree() -> bool:
        last[:] = differences(system, excused, judge, placed)
        return not last

    try:
        until("both platforms agree", agree, seconds, every=1.0)
    except AssertionError as error:
        raise AssertionError(f"{error}\n" + "\n".join(last[:20])) from None
    stats = system.pay("GET", "stats")
    assert stats["violations"] == []
    assert stats["refused_429"] == 0
