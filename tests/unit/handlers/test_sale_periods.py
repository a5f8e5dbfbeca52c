"""Sale periods: from the store's rows to SparkLayer's price at every moment, when no other event ever comes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connector.demo.oracle.prices import allowed_prices, lists
from connector.demo.oracle.rows import Shop
from connector.demo.oracle.sellables import sellables
from connector.demo.oracle.settings import OracleSettings
from connector.sandbox.sparklayer import FaultRule
from connector.settings import ConnectionSettings
from connector.sparkpay.mapping import price_entities
from contracts.entities import Price
from handlers.outcome import Applied, Failed, Rejected
from tests.support.handler_desk import NOW, Desk, rope
from tests.support.sparkpay_bundles import bundle, known, price_row, product

CHICAGO = ZoneInfo("America/Chicago")
DAY = timedelta(days=1)


def settings_in(zone: str = "UTC") -> ConnectionSettings:
    return ConnectionSettings().with_b2b_types("all").with_values({"store.timezone": zone})


def entity(rows: list[dict[str, Any]], settings: ConnectionSettings) -> Price:
    (found,) = price_entities(bundle(product(), prices=rows), known(), settings, NOW)
    return found


def base(desk: Desk) -> str | None:
    breaks = desk.site.prices("ROPE-60").get("sp-base-usd") or []
    return str(breaks[0]["price"]) if breaks else None


async def told(desk: Desk, price: Price) -> datetime | None:
    """Apply the event; when the row wants to be looked at again."""
    await desk.apply(rope(501, "ROPE-60"))
    (outcome,) = await desk.apply(price)
    assert isinstance(outcome, Applied)
    return outcome.wake_at


async def woken(desk: Desk, at: datetime) -> datetime | None:
    """The inbox's clock came to that moment."""
    desk.now = at
    (outcome,) = await desk.run("price", "ROPE-60")
    assert isinstance(outcome, Applied)
    return outcome.wake_at


@pytest.mark.parametrize(
    ("start", "end", "zone", "moments"),
    [
        # Days without a time are midnights of the store; the clocks of Chicago go back on 1 November 2026.
        ("2026-10-31", "2026-11-02", "America/Chicago", ("2026-10-31T05:00", "2026-11-02T06:00")),
        ("2026-10-31T00:00:00", "2026-11-02 00:00:00", "America/Chicago", ("2026-10-31T05:00", "2026-11-02T06:00")),
        # An hour that is there twice: the first one; one that is not there (28 March 2027, Berlin): as if it were.
        ("2026-11-01T01:30:00", "2026-11-01T03:00:00", "America/Chicago", ("2026-11-01T06:30", "2026-11-01T09:00")),
        ("2027-03-28T02:30:00", "2027-03-28T04:00:00", "Europe/Berlin", ("2027-03-28T01:30", "2027-03-28T02:00")),
        # What carries its offset is not told again what time it is.
        (
            "2026-10-31T00:00:00.000-05:00",
            "2026-11-02T00:00:00Z",
            "Europe/Berlin",
            ("2026-10-31T05:00", "2026-11-02T00:00"),
        ),
    ],
)
async def test_the_stores_own_time_decides(
    desk: Desk, start: str, end: str, zone: str, moments: tuple[str, str]
) -> None:
    rows = [price_row(1, "80", sale_type_id=1, start_date=start, end_date=end)]
    begin, close = (datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in moments)
    assert await told(desk, entity(rows, settings_in(zone))) == begin
    assert base(desk) == "100.0000"
    assert await woken(desk, begin - timedelta(microseconds=1)) == begin
    assert base(desk) == "100.0000"
    assert await woken(desk, begin) == close
    assert base(desk) == "80"
    assert await woken(desk, close) is None
    assert base(desk) == "100.0000"


async def test_a_process_that_slept_through_a_whole_period_applies_what_is_valid_now(desk: Desk) -> None:
    rows = [
        price_row(1, "80", start_date=(NOW + DAY).isoformat(), end_date=(NOW + 2 * DAY).isoformat()),
        price_row(2, "70", start_date=(NOW + 3 * DAY).isoformat(), end_date=(NOW + 5 * DAY).isoformat()),
    ]
    await told(desk, entity(rows, settings_in()))
    desk.restart()
    assert await woken(desk, NOW + 4 * DAY) == NOW + 5 * DAY
    assert base(desk) == "70"
    desk.restart()
    assert await woken(desk, NOW + 9 * DAY) is None
    assert base(desk) == "100.0000"


@pytest.mark.parametrize("seed", range(12))
async def test_any_number_of_periods_on_one_sku_is_right_at_every_moment(desk: Desk, seed: int) -> None:
    """Only the wake times drive it; at random moments in between the site has what the rules say of that moment."""
    rng = Random(seed)
    rows = [_random_row(rng, id_) for id_ in range(1, rng.randint(3, 9))]
    price = entity(rows, settings_in("America/Chicago"))
    item, shop, rules = _by_the_rules(rows)
    wake = await told(desk, price)
    looks = sorted(NOW + timedelta(seconds=rng.randint(0, 40 * 86_400)) for _ in range(40))
    for look in looks:
        while wake is not None and wake <= look:
            wake = await woken(desk, wake)
        for slug, customer_type in lists(shop, rules).items():
            found = desk.site.prices("ROPE-60").get(slug) or []
            there = tuple((int(row["quantity"]), Decimal(row["price"])) for row in found)
            assert there in allowed_prices(shop, rules, look, item, customer_type), (look, slug)
    while wake is not None:
        assert wake > desk.now
        wake = await woken(desk, wake)


def _random_row(rng: Random, id_: int) -> dict[str, Any]:
    start = NOW + timedelta(hours=rng.randint(-48, 30 * 24))
    end = start + timedelta(hours=rng.randint(1, 10 * 24))
    texts = [moment.astimezone(CHICAGO).isoformat() for moment in (start, end)]
    return price_row(
        id_,
        str(rng.randint(50, 99)),
        start_date=texts[0] if rng.random() < 0.8 else "",
        end_date=texts[1] if rng.random() < 0.8 else None,
        sale_type_id=rng.choice([None, 1]),
        customer_type_id=rng.choice([None, None, 7, 9]),
        starting_quantity=rng.choice([None, 1, 1, 5, 10]),
    )


def _by_the_rules(rows: list[dict[str, Any]]) -> tuple[Any, Shop, OracleSettings]:
    reference = known()
    shop = Shop(
        {
            "products": [product()],
            "product_pricing": rows,
            "customer_types": [dict(row) for row in reference.customer_types.values()],
            "stores": [{"id": 60, "domain_name": "shop.example"}],
        },
        60,
    )
    (item,) = sellables(shop, shop.products[501])
    return item, shop, OracleSettings()


async def test_a_sale_that_one_list_refused_is_taken_back_in_the_others(desk: Desk) -> None:
    end = NOW + DAY
    rows = [
        price_row(1, "80", end_date=end.isoformat()),
        price_row(2, "10000000", customer_type_id=7, end_date=end.isoformat()),
    ]
    await desk.apply(rope(501, "ROPE-60"))
    (refused,) = await desk.apply(entity(rows, settings_in()))
    assert isinstance(refused, Rejected)
    assert (refused.wake_at, base(desk)) == (end, "80")
    assert await woken(desk, end) is None
    assert base(desk) == "100.0000"


async def test_a_sale_above_the_largest_price_is_looked_at_when_it_ends(desk: Desk) -> None:
    end = NOW + DAY
    desk.settings = desk.settings.with_values({"pricing.largest": "500"})
    await desk.apply(rope(501, "ROPE-60"))
    (refused,) = await desk.apply(entity([price_row(1, "900", end_date=end.isoformat())], settings_in()))
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.wake_at, base(desk)) == ("price_too_large", end, None)
    assert await woken(desk, end) is None
    assert base(desk) == "100.0000"


async def test_a_failure_at_the_beginning_of_a_sale_forgets_its_end_as_little(desk: Desk) -> None:
    end = NOW + DAY
    await desk.apply(rope(501, "ROPE-60"))
    desk.faults.add(FaultRule("status", method="PATCH", path="*/batch-update-pricing", status=503, times=1))
    (failed,) = await desk.apply(entity([price_row(1, "80", end_date=end.isoformat())], settings_in()))
    assert isinstance(failed, Failed)
    assert failed.wake_at == end
    assert await woken(desk, NOW + timedelta(hours=1)) == end
    assert base(desk) == "80"
