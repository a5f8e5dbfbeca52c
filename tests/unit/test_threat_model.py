"""Every threat of docs/threat-model.md has an answer, and tests that are there."""

import re
from pathlib import Path

import pytest

from tests.unit.test_guarantees import names_in

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text()
ROWS = re.findall(r"^\| (?!Threat|---)(.+?) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
KNOWN = frozenset[str]().union(*(names_in(path) for path in (ROOT / "tests").rglob("test_*.py")))


def test_it_is_a_table_of_one_screen() -> None:
    assert 15 < len(ROWS) < 30


@pytest.mark.parametrize(("threat", "answer", "held_by"), ROWS, ids=[row[0] for row in ROWS])
def test_each_answer_is_held_by_tests_that_are_there(threat: str, answer: str, held_by: str) -> None:
    tests = re.findall(r"`(test_\w+)`", held_by)
    assert tests, f"{threat}: nothing holds that {answer}"
    assert set(tests) <= KNOWN, set(tests) - KNOWN
