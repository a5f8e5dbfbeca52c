"""Spark Pay customers, types, warehouses and shipping methods -> canonical entities, rule by rule."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import CustomerBundle
from connector.sparkpay.mapping import (
    MappingFault,
    customer_entity,
    customer_in_scope,
    group_entity,
    location_entity,
    shipping_method_entity,
)
from contracts.entities import (
    BandBasis,
    CreditTerms,
    Customer,
    CustomerAddress,
    CustomerGroup,
    CustomerRole,
    CustomerStatus,
    ShippingBand,
    StockLocation,
)
from tests.support.sparkpay_people import address_row, customer, customer_row, store

SETTINGS = ConnectionSettings().with_b2b_types("7,9")


def mapped(bundle: CustomerBundle, settings: ConnectionSettings = SETTINGS) -> Customer:
    return customer_entity(bundle, store(), settings)


def test_a_customer_with_all_that_spark_pay_knows() -> None:
    bundle = customer(
        address_row(id=8802, is_default_shipping_address=True, address_type="Yard", alternate_phone="0170"),
        address_row(is_default_billing_address=True),
        customer_number="R-1044",
        is_no_tax_customer=True,
        tax_exemption_number="TX-1",
        credit_limit=Decimal("5000.0000"),
        payment_net_term=30,
    )
    common = {"first_name": "Ana", "last_name": "Ruiz", "line1": "12 Oak St", "city": "Austin", "region": "TX"}
    assert mapped(bundle) == Customer(
        key="sparkpay:5012",
        refs={"sparkpay": "5012"},
        email="ana@roofers.example",
        first_name="Ana",
        last_name="Ruiz",
        company="Ruiz Roofing LLC",
        phone="512-555-0100",
        number="R-1044",
        group="ct-7",
        tax_exempt=True,
        tax_exemption_number="TX-1",
        currency="USD",
        price_lists=("ct-7",),
        credit=CreditTerms(currency="USD", limit=Decimal(5000), net_days=30),
        addresses=(
            CustomerAddress(id="8801", refs={"sparkpay": "8801"}, postal_code="78701", country="US", **common),
            CustomerAddress(
                id="8802", refs={"sparkpay": "8802"}, postal_code="78701", country="US", nickname="Yard",
                mobile="0170", **common,
            ),
        ),
        default_billing="8801",
        default_shipping="8802",
    )  # fmt: skip


def test_what_spark_pay_does_not_know_is_left_to_the_other_side() -> None:
    found = mapped(CustomerBundle(customer_row()))
    assert (found.addresses, found.credit, found.discount_percentage, found.sales_agents) == (None, None, None, None)
    assert (found.pays_by_invoice, found.vat_numbers) == (None, None)


@pytest.mark.parametrize(
    ("changes", "active"),
    [
        ({}, True),
        ({"customer_type_id": 9}, True),
        ({"customer_type_id": 8}, False),
        ({"customer_type_id": 0}, False),
        ({"customer_type_id": None}, False),
        ({"no_account": True}, False),
        ({"is_contact_information_only": True}, False),
        ({"store_id": 61}, False),
        ({"store_id": 0}, True),
    ],
)
def test_who_is_served(changes: dict[str, Any], active: bool) -> None:
    row = customer_row(**changes)
    assert customer_in_scope(row, store(), SETTINGS) is active
    assert (mapped(CustomerBundle(row)).status is CustomerStatus.ACTIVE) is active


def test_nobody_is_served_before_somebody_is_named_and_all_means_those_without_a_type_too() -> None:
    row = customer_row(customer_type_id=0)
    assert not customer_in_scope(row, store(), ConnectionSettings())
    everybody = ConnectionSettings().with_b2b_types("all")
    assert customer_in_scope(row, store(), everybody)
    found = mapped(CustomerBundle(row), everybody)
    assert (found.group, found.price_lists) == ("base", ("base",))


def test_an_inactive_customer_may_not_sign_in() -> None:
    assert mapped(customer(is_inactive=True)).status is CustomerStatus.INACTIVE


def test_a_sub_account_names_its_parent() -> None:
    found = mapped(CustomerBundle(customer_row(), parent_id=4))
    assert (found.role, found.parent) == (CustomerRole.LIMITED, "sparkpay:4")


def test_optional_rules_are_off_until_they_are_switched_on() -> None:
    row = customer_row(
        tax_exemption_number="DE123", sales_person_user_id=2, store_payment_methods_enabled=["Purchase Orders"]
    )
    chosen = SETTINGS.with_values(
        {
            "customers.vatin": "true",
            "customers.sales_agents": "true",
            "customers.invoice_methods": '["purchase orders"]',
        }
    )
    found = mapped(CustomerBundle(row), chosen)
    assert (found.vat_numbers, found.sales_agents, found.pays_by_invoice) == (("DE123",), ("sp-2",), True)


def test_custom_fields_are_attributes() -> None:
    fields = (
        {"name": "Region", "value": "South"},
        {"name": "Empty", "value": ""},
        {"name": "Region", "value": "North"},
    )
    assert mapped(CustomerBundle(customer_row(), custom_fields=fields)).attributes == {"Region": "South"}


def test_a_country_that_nobody_knows_is_none_and_a_state_without_code_stays() -> None:
    (found,) = mapped(customer(address_row(country="Atlantis", state="Deep South"))).addresses or ()
    assert (found.country, found.region) == (None, "Deep South")


def test_faults_name_the_field() -> None:
    with pytest.raises(MappingFault, match="credit_limit is no number"):
        mapped(customer(credit_limit="plenty"))
    with pytest.raises(MappingFault, match="a row of addresses has no id"):
        mapped(customer(address_row(id=None)))


def test_a_customer_type_is_a_group() -> None:
    assert group_entity({"id": 4, "name": " Trade  partners "}) == CustomerGroup(
        key="ct-4", refs={"sparkpay": "4"}, name="Trade partners", parent="base"
    )
    assert group_entity({"id": 4, "name": ""}).name == "ct-4"


def test_a_warehouse_is_a_location() -> None:
    assert location_entity({"id": 2, "name": "Harbour", "is_default": False}) == StockLocation(
        key="wh-2", refs={"sparkpay": "2"}, name="Harbour"
    )
    assert location_entity({"id": 1, "name": "", "is_default": True}).key == "default"


RULE: dict[str, Any] = {
    "id": 5, "lower_bound": Decimal(0), "upper_bound": Decimal(50), "bound_type": "dollars", "amount": Decimal("6.95"),
    "amount_type": "dollars", "modifier_amount": Decimal(0), "region_id": 11, "warehouse_id": 0, "bound_type_2": "",
    "customer_type_id": 0,
}  # fmt: skip


def method(*rules: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "id": 3, "name": "Parcel", "is_enabled": True, "admin_only": False, "is_calculated_method": False,
        "rules": list(rules), **changes,
    }  # fmt: skip


def test_a_shipping_method_with_bands() -> None:
    rest = {**RULE, "id": 6, "lower_bound": Decimal(50), "upper_bound": Decimal(0), "amount": 0, "customer_type_id": 7}
    found = shipping_method_entity(method(rest, RULE), store(), SETTINGS)
    assert (found.key, found.name, found.enabled, found.unsupported) == ("sp-csm-3", "Parcel", True, None)
    assert found.countries == ("CA", "US")
    assert found.groups == ("ct-7",)
    assert found.bands == (
        ShippingBand(basis=BandBasis.TOTAL, upper=Decimal(50), price=Decimal("6.95")),
        ShippingBand(basis=BandBasis.TOTAL, lower=Decimal(50), price=Decimal(0)),
    )


def test_weights_are_grams() -> None:
    found = shipping_method_entity(
        method({**RULE, "bound_type": "Weight", "upper_bound": Decimal(10)}), store(), SETTINGS
    )
    assert found.bands == (ShippingBand(basis=BandBasis.WEIGHT, upper=Decimal("4535.92"), price=Decimal("6.95")),)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bound_type": "moon"}, "bounded by moon"),
        ({"bound_type_2": "dollars"}, "second bound"),
        ({"modifier_amount": Decimal(1)}, "more than a fixed price"),
        ({"warehouse_id": 2}, "one warehouse"),
        ({"region_id": 12}, "finer than a country"),
        ({"region_id": 13}, "country that is not known"),
        ({"region_id": 99}, "region 99 is not known"),
    ],
)
def test_a_rule_without_counterpart_is_named(changes: dict[str, Any], reason: str) -> None:
    found = shipping_method_entity(method({**RULE, **changes}), store(), SETTINGS)
    assert found.unsupported is not None
    assert reason in found.unsupported


def test_overlapping_rules_are_not_guessed_at() -> None:
    found = shipping_method_entity(method(RULE, {**RULE, "id": 6}), store(), SETTINGS)
    assert found.unsupported == "its rules overlap"
    assert found.bands == ()


def test_a_method_for_staff_only_is_not_offered() -> None:
    assert not shipping_method_entity(method(RULE, admin_only=True), store(), SETTINGS).enabled


def test_addresses_that_were_not_read_are_not_an_empty_book() -> None:
    assert mapped(customer()).addresses == ()
    assert mapped(replace(customer(), addresses=None)).addresses is None
