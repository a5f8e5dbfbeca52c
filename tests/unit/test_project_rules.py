"""The house rules hold in the code, and each rule sees what it is for."""

import ast
from collections import Counter
from pathlib import Path

import pytest
from project_rules import (
    Rule,
    bare_commits,
    cancelled_reads,
    clock_reads,
    http_clients,
    subscribers_without_policy,
    waits_for_real,
)

ROOT = Path(__file__).parents[2]
PACKAGES = ("connector", "contracts", "handlers")
LONGEST = 500

# rule, and where it does not hold: path -> reason
RULES: list[tuple[Rule, dict[str, str]]] = [
    (bare_commits, {}),
    (subscribers_without_policy, {}),
    (cancelled_reads, {}),
    (
        http_clients,
        {
            "connector/sparkpay/": "the client, behind the budget",
            "connector/sparklayer/": "the client, behind the rate",
            "connector/demo/": "talks to the sandboxes' own admin pages, which are no platform calls",
            "connector/sandbox/sparkpay/webhook_post.py": "the simulated store calls its subscribers, no platform",
        },
    ),
    (
        clock_reads,
        {
            "connector/clock.py": "is the clock",
            "connector/cli/": "commands are where clocks are made and handed down",
            "connector/demo/stage.py": "builds the demo's sandboxes, which take a clock",
            "contracts/events.py": "other services publish without a clock of ours; ours pass the time",
        },
    ),
    (
        waits_for_real,
        {
            "connector/clock.py": "is the clock",
            "connector/sandbox/": "a simulated platform is slow on purpose, in the time of its callers",
        },
    ),
]
CASES = [
    pytest.param(bare_commits, "await self._consumer.commit()", "await consumer.commit({tp: 5})", id="commit"),
    pytest.param(bare_commits, "message.consumer.commit()", "await session.commit()", id="commit of a database"),
    pytest.param(
        subscribers_without_policy,
        "@broker.subscriber('t', batch=True)\nasync def f(): ...",
        "@broker.subscriber('t', ack_policy=AckPolicy.MANUAL)\nasync def f(): ...",
        id="subscriber",
    ),
    pytest.param(http_clients, "c = httpx.AsyncClient(base_url=url)", "c = SparkPayClient(transport)", id="client"),
    pytest.param(http_clients, "httpx.get(url)", "table.get(url)", id="one call"),
    pytest.param(clock_reads, "now = datetime.now(UTC)", "now = self._clock.now()", id="clock"),
    pytest.param(waits_for_real, "await asyncio.sleep(delay)", "await asyncio.sleep(0)", id="sleep"),
    pytest.param(
        cancelled_reads, "await asyncio.wait_for(consumer.getone(), 1)", "await asyncio.wait_for(task, 1)", id="getone"
    ),
]


def modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize(("rule", "allowed"), RULES, ids=lambda value: getattr(value, "__name__", ""))
def test_rule_holds(rule: Rule, allowed: dict[str, str]) -> None:
    broken = [
        f"{name}:{line}"
        for path in modules()
        if not (name := path.relative_to(ROOT).as_posix()).startswith(tuple(allowed))
        for line in rule(ast.parse(path.read_text("utf-8")))
    ]
    assert broken == [], f"{rule.__name__}: {rule.__doc__}"


@pytest.mark.parametrize(("rule", "bad", "good"), CASES)
def test_rule_sees(rule: Rule, bad: str, good: str) -> None:
    assert rule(ast.parse(bad)) == [1]
    assert rule(ast.parse(good)) == []


def test_no_file_is_too_long() -> None:
    tests = (ROOT / "tests").rglob("*.py")
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines()) for path in (*modules(), *tests)
    }
    assert {name: lines for name, lines in lengths.items() if lines >= LONGEST} == {}


def test_no_two_test_files_have_one_name() -> None:
    """pytest imports them by that name alone."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
