import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from connector.clock import SteppedClock
from connector.pace import Pace
from connector.settings import ConnectionSettings
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.live import CATALOGUE, REFERENCE
from connector.sparkpay.pace import idle_pauses, paces, sweep_seconds
from connector.sparkpay.poller import Poller
from tests.fakes.sparkpay_ports import FakeBudget, FakeMemory, FakeOutlet

PAGE = Path(__file__).parents[3] / "docs" / "polling.md"
PLANS = (5, 10, 20, 50)


def unused_client() -> SparkPayClient:
    return SparkPayClient("http://shop.example", SecretStr("made-up"), budget=FakeBudget())


def with_limit(limit: int) -> ConnectionSettings:
    return ConnectionSettings().with_values({"sparkpay.limit": str(limit)})


@pytest.mark.parametrize("limit", PLANS)
def test_idle_looks_use_their_share_and_no_more(limit: int) -> None:
    settings = with_limit(limit)
    found = paces(settings, 1.0, CATALOGUE, REFERENCE, connection="acme")
    share = settings.poll.idle_share * limit / settings.sparkpay.window_seconds
    assert sum(1 / pace.idle for pace in found.values()) == pytest.approx(share)
    assert {pace.tight for pace in found.values()} == {1.0}


def test_what_sells_is_looked_at_more_often_than_what_decorates() -> None:
    found = idle_pauses(with_limit(50), CATALOGUE, REFERENCE)
    assert found["products"] == found["variant_inventory"]
    assert found["products"] < found["product_pricing"] < found["product_pictures"] < found["warehouses"] == 300


def test_a_pace_is_tight_while_things_change_and_widens_while_not() -> None:
    pace = Pace(tight=1, idle=10)
    pauses = []
    for found in (False, False, False, False, False, False, True, False):
        pace.looked(0, found=found)
        pauses.append(pace.pause)
    assert pauses == [10, 10, 10, 10, 10, 10, 1, 2]


@pytest.mark.parametrize("limit", PLANS)
def test_the_page_for_operators_says_what_the_code_does(limit: int) -> None:
    rows = [re.findall(r"[\d.]+", line) for line in PAGE.read_text().splitlines() if line.startswith(f"| {limit} ")]
    settings = with_limit(limit)
    poller = Poller(unused_client(), FakeMemory(), FakeOutlet(), settings, "acme", SteppedClock())
    pauses = {name: pace.idle for name, pace in poller.paces.items()}
    looks = [pauses[name] for name in ("products", "product_pricing", "product_pictures", "warehouses")]
    assert [pauses[name] for name in ("order:orders", "customer:customers", "order:order_items")] == [
        looks[0],
        *looks[2:],
    ]
    sweeps = [sweep_seconds(settings, calls) / 60 for calls in (10, 100)]
    expected = [[limit, *map(round, looks)], [limit, *(round(minutes, 1) for minutes in sweeps)]]
    assert [[float(text) for text in row] for row in rows] == expected
