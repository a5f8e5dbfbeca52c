"""Sets of flows that work together, and those that cannot."""

import pytest

from connector.app.service import needed
from connector.errors import UserFault
from connector.settings import ConnectionSettings
from connector.settings.flows import contradictions, require_consistent_flows


def flows(**values: str) -> ConnectionSettings:
    return ConnectionSettings().with_values({f"flow.{kind}": direction for kind, direction in values.items()})


def test_what_a_connection_begins_with_works_together() -> None:
    settings = ConnectionSettings()
    assert list(contradictions(settings)) == []
    assert settings.flow_of("order") == "both"
    assert settings.flow_of("customer") == settings.flow_of("customer-group") == "to_sparklayer"
    assert not settings.b2b.customer_type_ids, "no customer is served until somebody says whom"


def test_everything_both_ways_works_together() -> None:
    settings = flows(**dict.fromkeys(ConnectionSettings().flow.model_dump(), "both"))
    assert list(contradictions(settings)) == []
    assert settings.both_ways("customer")
    assert not settings.both_ways("setting"), "Spark Pay takes none"
    assert "setting" not in settings.kinds_from("sparklayer")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"product": "off", "stock": "off"}, "flow.price=to_sparklayer with flow.product=off"),
        ({"product": "to_sparkpay", "stock": "off"}, "SparkLayer takes it only for items that were brought there"),
        ({"product": "off", "price": "to_sparkpay", "stock": "off"}, "nothing tells the items"),
        ({"customer": "off"}, "SparkLayer takes orders only of customers that it has"),
        ({"customer": "off", "order": "to_sparkpay"}, "nothing joins the buyers of both sides"),
        ({"customer_group": "off"}, "customers wait for their group"),
        ({"setting": "to_sparkpay"}, "flow.setting=to_sparkpay goes nowhere"),
    ],
)
def test_a_contradiction_is_refused_with_its_remedy(values: dict[str, str], says: str) -> None:
    with pytest.raises(UserFault, match=says) as raised:
        require_consistent_flows(flows(**values))
    assert ": set " in str(raised.value) or "; set " in str(raised.value)


def test_items_kept_by_somebody_else_may_have_their_prices_from_spark_pay_alone() -> None:
    assert list(contradictions(flows(product="to_sparklayer", price="to_sparkpay", stock="off"))) == []


def test_a_side_that_no_flow_goes_to_has_no_job() -> None:
    class Joined:
        settings = flows(order="to_sparklayer")

    connection: object = Joined()
    assert needed("apply:sparklayer", connection)  # type: ignore[arg-type]
    assert not needed("apply:sparkpay", connection)  # type: ignore[arg-type]
