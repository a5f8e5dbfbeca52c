"""Every promise of docs/guarantees.md names tests, and every one of them is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text()
PROMISES, _, REST = PAGE.partition("## What that rests on")
ROWS = dict(re.findall(r"^\| (\d+) \| (.+) \|$", REST.partition("## Held by")[2], re.MULTILINE))
TESTS = {number: re.findall(r"`([^`]+)`", cell) for number, cell in ROWS.items()}


def names_in(path: Path) -> set[str]:
    """The tests that a file defines, those of classes among them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            found.add(node.name)
    return found


def test_every_promise_has_a_number_and_every_number_a_promise() -> None:
    promises = re.findall(r"^- (.+?)(?=^- |^#|\Z)", PROMISES, re.MULTILINE | re.DOTALL)
    numbers = [re.search(r"\((\d+)\)\s*\Z", promise.strip()) for promise in promises]
    assert all(numbers), [promise for promise, number in zip(promises, numbers, strict=True) if number is None]
    named = [number[1] for number in numbers if number is not None]
    assert named == [str(count) for count in range(1, len(named) + 1)]
    assert set(ROWS) == set(named)


@pytest.mark.parametrize("number", sorted(TESTS, key=int))
def test_the_tests_that_hold_a_promise_are_there(number: str) -> None:
    assert TESTS[number]
    for test in TESTS[number]:
        assert re.fullmatch(r"tests/[a-z_/]+\.py::test_\w+", test), f"{test!r} names no test"
        file, _, name = test.partition("::")
        assert (ROOT / file).is_file(), f"promise {number}: there is no {file}"
        assert name in names_in(ROOT / file), f"promise {number}: {file} has no {name}"
