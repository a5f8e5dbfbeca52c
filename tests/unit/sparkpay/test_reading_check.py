import pytest

from connector.sandbox.sparkpay import FaultRule, SandboxPolicy
from connector.sparkpay.check import check_access, needed
from tests.fakes.sparkpay_people import with_people
from tests.fakes.sparkpay_shop import TOKEN, open_shop


async def test_a_token_with_everything_has_no_problem() -> None:
    async with open_shop() as shop:
        findings = await check_access(shop.client, shop.settings)
        assert [finding.resource for finding in findings] == list(needed(shop.settings))
        assert all(finding.ok for finding in findings)
        assert shop.calls == len(needed(shop.settings))


async def test_a_missing_scope_is_named_in_the_words_of_the_console() -> None:
    policy = SandboxPolicy(token=TOKEN, limit=1000, scopes=frozenset({"read_catalog", "system"}))
    async with open_shop(policy=policy) as shop:
        lacking = {
            finding.resource: finding.problem
            for finding in await check_access(shop.client, shop.settings)
            if not finding.ok
        }
        assert set(lacking) == {"customer_types", "warehouses"}
        assert "read_people" in str(lacking["customer_types"])
        assert "Settings" in str(lacking["warehouses"])


@pytest.mark.parametrize("path", ["/api/v1/products"])
async def test_a_resource_in_trouble_is_a_finding_too(path: str) -> None:
    async with open_shop() as shop:
        shop.app.state.faults.add(FaultRule("status", path=path, status=503, times=None))  # type: ignore[attr-defined]
        findings = await check_access(shop.client, shop.settings)
        assert [finding.resource for finding in findings if not finding.ok] == ["products"]
        assert "answered 503" in str(findings[0].problem)


async def test_a_wrong_token_ends_the_list() -> None:
    async with open_shop(policy=SandboxPolicy(token="another", limit=1000)) as shop:
        (finding,) = await check_access(shop.client, shop.settings)
        assert "wrong or revoked" in str(finding.problem)


async def test_what_the_flow_takes_from_the_store_decides_what_is_tried() -> None:
    async with open_shop(values=with_people(customers__association_type_id="1")) as shop:
        tried = [finding.resource for finding in await check_access(shop.client, shop.settings)]
        assert tried == shop.wire.paths
        assert {"customers", "addresses", "customer_association", "orders", "order_addresses", "stores"} < set(tried)
        assert "products" not in tried
    policy = SandboxPolicy(token=TOKEN, limit=1000, scopes=frozenset({"read_people", "settings", "system"}))
    async with open_shop(policy=policy, values=with_people(flow__customer="off")) as shop:
        lacking = [one for one in await check_access(shop.client, shop.settings) if not one.ok]
        assert {one.resource.partition("_")[0] for one in lacking} == {"orders", "order", "custom"}
        assert any("read_orders" in str(one.problem) for one in lacking)
