"""/api/conflicts: which of both sides' changes won, as JSON."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from connector.state.conflicts import Conflict
from tests.unit.web.conftest import Site

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def conflict(number: int) -> Conflict:
    return Conflict(
        "acme", "customer", f"sparkpay:{number}", f"lost-{number}", "sparkpay", NOON, f"won-{number}", "sparklayer",
        NOON + timedelta(seconds=1), ("company",), NOON + timedelta(seconds=number),
    )  # fmt: skip


async def test_the_newest_come_first_and_the_status_counts_them(site: Site) -> None:
    assert await site.call("GET", "/conflicts?connection=acme") == []
    await site.core.conflicts.record([conflict(1), conflict(2), conflict(3)])
    told = await site.call("GET", "/conflicts?connection=acme&limit=2")
    assert [one["key"] for one in told] == ["sparkpay:3", "sparkpay:2"]
    assert told[0] == {
        "connection": "acme",
        "entity": "customer",
        "key": "sparkpay:3",
        "loser_event": "lost-3",
        "loser_source": "sparkpay",
        "loser_time": "2026-01-01T12:00:00Z",
        "winner_event": "won-3",
        "winner_source": "sparklayer",
        "winner_time": "2026-01-01T12:00:01Z",
        "fields": ["company"],
        "found_at": "2026-01-01T12:00:03Z",
    }
    (status,) = (await site.call("GET", "/status"))["connections"]
    assert status["conflicts"] == 3


@pytest.mark.parametrize(
    ("path", "code", "sentence"),
    [
        ("/conflicts", 422, "query.connection: Field required"),
        ("/conflicts?connection=nope", 400, "there is no connection 'nope'"),
        ("/conflicts?connection=acme&limit=0", 422, "query.limit: Input should be greater"),
        ("/conflicts?connection=acme&limit=1001", 422, "query.limit: Input should be less"),
    ],
)
async def test_wrong_input_is_a_sentence(site: Site, path: str, code: int, sentence: str) -> None:
    answer = await site.call("GET", path, code)
    assert list(answer) == ["error"]
    assert sentence in json.dumps(answer)
