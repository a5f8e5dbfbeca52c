"""A few seeds in every run. PAYLAYER_CHAOS_SEEDS=n plays n of them, PAYLAYER_CHAOS_FROM=m begins with another one."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.runner import play
from tests.chaos.servers import Missing, Servers, servers

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(600)]

SEEDS = int(os.environ.get("PAYLAYER_CHAOS_SEEDS", "8"))
FIRST = int(os.environ.get("PAYLAYER_CHAOS_FROM", "1"))


@pytest.fixture(scope="module")
def there() -> Iterator[Servers]:
    """A broker and a database server that the worlds may kill: never those that an address names."""
    running = servers()
    try:
        found = running.__enter__()
    except Missing as missing:
        if os.environ.get("PAYLAYER_TEST_REQUIRE") == "1":
            pytest.fail(f"no chaos here: {missing}")
        pytest.skip(f"no chaos here: {missing}")
    try:
        yield found
    finally:
        running.__exit__(None, None, None)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_both_platforms_agree_after_the_storm(seed: int, there: Servers, tmp_path: Path) -> None:
    outcome = play(seed, there, tmp_path)
    assert outcome.passed, outcome.report()
