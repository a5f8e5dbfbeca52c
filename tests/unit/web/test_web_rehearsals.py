"""/api: previews and dry runs."""

import pytest

from connector.app.platforms import Platforms as Clients
from tests.support.both_platforms import Platforms, over
from tests.unit.web.conftest import Site

CATALOGUE = {"flow__customer": "off", "flow__customer_group": "off", "flow__order": "off"}


@pytest.fixture
async def both(site: Site) -> Platforms:
    """Both platforms, reached by the site's service."""
    platforms = over(site.core)
    await site.core.connections.remove("acme")
    await platforms.add(**CATALOGUE)
    site.service.platforms = Clients(site.core, site.service.meter, platforms.transport)
    return platforms


async def test_a_preview_shows_source_entity_and_request(site: Site, both: Platforms) -> None:
    id_ = both.product(item_name="Rope", price="5.50")
    shown = await site.call("GET", f"/connections/acme/preview?entity=product&id={id_}")
    (one,) = shown["entities"]
    assert (one["key"], one["canonical"]["title"]) == (f"sparkpay:{id_}", "Rope")
    assert [(call["method"], call["path"]) for call in one["requests"]] == [("POST", "/api/v1/products")]
    assert both.writes == {"sparkpay": [], "sparklayer": []}
    (price,) = (await site.call("GET", f"/connections/acme/preview?entity=price&id={id_}"))["entities"]
    assert price["canonical"]["lists"][0]["rows"][0]["amount"] == "5.5"


async def test_a_dry_run_tells_changes_and_sums(site: Site, both: Platforms) -> None:
    both.product("A-1")
    both.product("B-1")
    told = await site.call("POST", "/connections/acme/dry-run", json={"entities": ["product"]})
    assert [(change["act"], change["what"]) for change in told["changes"]] == [
        ("create", "products 1"),
        ("create", "products 2"),
    ]
    assert (told["summary"]["create"], told["summary"]["refuse"]) == (2, 0)
    told = await site.call("POST", "/connections/acme/dry-run", json={"entities": ["product"], "ids": ["2"]})
    assert [change["what"] for change in told["changes"]] == ["products 2"]
    assert both.writes == {"sparkpay": [], "sparklayer": []}


@pytest.mark.parametrize(
    ("asked", "body", "answer"),
    [
        ("GET /connections/acme/preview?entity=product&id=99", None, (400, "acme has no product '99'")),
        ("GET /connections/acme/preview?entity=product", None, (422, "query.id: Field required")),
        ("GET /connections/acme/preview?entity=x&id=1", None, (400, "--entity 'x'")),
        ("GET /connections/nope/preview?entity=product&id=1", None, (400, "there is no connection 'nope'")),
        ("POST /connections/acme/dry-run", {"entities": ["x"]}, (400, "'x' is not known")),
        ("POST /connections/acme/dry-run", {"ids": ["A"]}, (400, "--id 'A'")),
        ("POST /connections/acme/dry-run", {"where": "price"}, (400, "'price' is no condition")),
        ("POST /connections/acme/syncs", {"where": "price"}, (400, "'price' is no condition")),
        ("POST /connections/acme/syncs", {"since": 5}, (422, "body.since")),
    ],
)
async def test_wrong_input_is_a_sentence(
    site: Site, both: Platforms, asked: str, body: object, answer: tuple[int, str]
) -> None:
    code, why = answer
    told = await site.call(*asked.split(), code, json=body)
    assert why in told["error"]
    assert both.writes == {"sparkpay": [], "sparklayer": []}


async def test_a_chosen_sync_is_asked_for_with_its_choice(site: Site, both: Platforms) -> None:
    asked = {"ids": ["7", "3"], "where": "price=gt:5", "since": "2026-01-01T00:00:00Z"}
    run = await site.call("POST", "/connections/acme/syncs", 202, json=asked)
    assert run["choice"] == {"ids": [3, 7], "where": "price=gt:5", "since": "2026-01-01T00:00:00+00:00"}
    assert await site.call("GET", f"/syncs/{run['id']}") == run
    assert both.writes == {"sparkpay": [], "sparklayer": []}
