"""Playing a machine on a database of its own."""

import asyncio

from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from connector.state.database import Database
from tests.model.profiles import profile


def play(rules: type[RuleBasedStateMachine], url: str, *, examples: int, steps: int) -> int:
    """Fails as soon as a rule or an invariant does; gives how many plays came to their end."""
    ended = 0

    def teardown(self: RuleBasedStateMachine) -> None:
        nonlocal ended
        rules.teardown(self)
        ended += 1

    with asyncio.Runner() as runner:
        db = runner.run(Database.open(url, create=True))
        machine = type(rules.__name__, (rules,), {"runner": runner, "db": db, "teardown": teardown})
        try:
            run_state_machine_as_test(machine, settings=profile(examples, steps))
        finally:
            runner.run(db.close())
    return ended
