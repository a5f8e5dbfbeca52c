"""With everything both ways and changes on both sides at random, writes die out and no newer change is undone.

A few seeds; `python -m tests.both_ways --seeds 200` plays as many as are wanted.
"""

from pathlib import Path

import pytest

from tests.both_ways.play import play
from tests.both_ways.world import make_template


@pytest.mark.parametrize("seed", [1, 5, 7, 10])
async def test_both_sides_come_to_the_newest_and_writes_stop(seed: int, tmp_path: Path) -> None:
    verdict = await play(seed, tmp_path, await make_template(tmp_path / "template.sqlite3"))
    assert verdict.problems == []
    assert verdict.rounds <= 2
    assert verdict.writes > 0
