from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import UserFault
from connector.mapping_rules import RuleFailed, check_mapping, mapping_of
from connector.mapping_rules.fields import field_of, names_of
from connector.mapping_rules.paths import parse_path
from contracts.entities import KINDS, Customer, Entity, Order, Price, Product
from contracts.examples import ENTITIES


def applied(text: str, entity: Entity, kind: str) -> Any:
    found = check_mapping(text, "acme.toml").of("sparklayer", kind)
    assert found is not None
    return found.apply(entity)


CUSTOMER = Customer(
    key="sparkpay:7",
    email="ana@example.com",
    first_name="ana",
    last_name="Ruiz",
    phone="1",
    attributes={"ERP number": "4711", "Internal": "x"},
)

WHOLE = """
[to_sparklayer.customer]
drop = ["phone", 'attributes["Internal"]']

[to_sparklayer.customer.rename]
'attributes["ERP number"]' = "number"

[to_sparklayer.customer.default]
company = "Private customer"
last_name = "unused"

[to_sparklayer.customer.compute]
first_name = 'upper(first_name)'
'attributes["Full"]' = 'first_name & " " & last_name'
"""


def test_rules_rename_drop_fill_in_and_compute() -> None:
    made = applied(WHOLE, CUSTOMER, "customer")
    assert made == CUSTOMER.model_copy(
        update={
            "number": "4711",
            "phone": None,
            "company": "Private customer",
            "first_name": "ANA",
            "attributes": {"Full": "ana Ruiz"},
        }
    )


def test_every_rule_reads_the_entity_as_it_came() -> None:
    swap = """
    [to_sparklayer.customer.rename]
    first_name = "last_name"
    last_name = "first_name"
    """
    made = applied(swap, CUSTOMER, "customer")
    assert (made.first_name, made.last_name) == ("Ruiz", "ana")


def test_each_part_of_a_list_has_its_own_values() -> None:
    price = ENTITIES["price"]
    assert isinstance(price, Price)
    text = """[to_sparklayer.price.compute]
    "lists[].rows[].amount" = 'if(lists[].list = "base", round(lists[].rows[].amount * 1.1, 2), lists[].rows[].amount)'
    """
    made = applied(text, price, "price")
    before = {(found.list, row.from_quantity): row.amount for found in price.lists for row in found.rows}
    after = {(found.list, row.from_quantity): row.amount for found in made.lists for row in found.rows}
    assert after.keys() == before.keys()
    for (name, quantity), amount in before.items():
        wanted = round(amount * Decimal("1.1"), 2) if name == "base" else amount
        assert after[name, quantity] == wanted


def test_numbers_become_what_their_field_holds() -> None:
    product = ENTITIES["product"]
    assert isinstance(product, Product)
    text = """[to_sparklayer.product.compute]
    "variants[].pack_size" = '2 * 3'
    "variants[].weight_grams" = "first(variants[].weight_grams, '0') + 0.5"
    status = 'if(blank(title), "draft", "hidden")'
    """
    made = applied(text, product, "product")
    assert {variant.pack_size for variant in made.variants} == {6}
    assert made.variants[0].weight_grams == (product.variants[0].weight_grams or 0) + Decimal("0.5")
    assert made.status == "hidden"


def test_a_field_of_a_missing_part_stays_missing() -> None:
    text = """[to_sparklayer.customer.compute]
    "credit.limit" = '100'
    """
    assert applied(text, CUSTOMER, "customer") is CUSTOMER


def test_an_entity_that_no_rule_changes_is_the_same_object() -> None:
    text = '[to_sparklayer.customer.default]\nfirst_name = "Nobody"'
    assert applied(text, CUSTOMER, "customer") is CUSTOMER


def test_custom_fields_of_orders_and_their_lines() -> None:
    order = ENTITIES["order"]
    assert isinstance(order, Order)
    text = """[to_sparklayer.order.compute]
    'attributes["Channel"]' = '"B2B " & number'
    'lines[].attributes["Label"]' = 'lines[].sku & "/" & customer.company'
    """
    made = applied(text, order, "order")
    assert made.attributes["Channel"] == f"B2B {order.number}"
    assert [line.attributes["Label"] for line in made.lines] == [
        f"{line.sku or ''}/{order.customer.company or ''}" for line in order.lines
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[to_sparklayer.product.compute]\n'variants[].pack_size' = '\"many\"'", "pack_size"),
        ("[to_sparklayer.product.compute]\n'variants[].pack_size' = '1.5'", "pack_size"),
        ("[to_sparklayer.product.compute]\nstatus = 'title'", "status is not valid"),
        ("[to_sparklayer.product.compute]\nstatus = 'none'", "status"),
        ("[to_sparklayer.product.compute]\ntitle = '1 / 0'", "compute of title: a number is divided by 0"),
        ("[to_sparklayer.product.compute]\n'variants[].weight_grams' = 'title'", "is no number"),
    ],
)
def test_a_rule_that_gives_nothing_valid_says_which_field(text: str, why: str) -> None:
    product = ENTITIES["product"]
    if "none" in text:
        assert applied(text, product, "product").status == "active"  # blank: the model's own default
        return
    with pytest.raises(RuleFailed) as failed:
        applied(text, product, "product")
    assert why in str(failed.value)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("title = 1", 1, "there is no direction 'title'"),
        ("[to_spraklayer.product]\ndrop = []", 1, "did you mean to_sparklayer"),
        ("[to_sparklayer.produkt]\ndrop = []", 1, "there is no entity 'produkt'; did you mean product"),
        ("[to_sparklayer.product]\nremove = []", 2, "there is no kind of rule 'remove'"),
        ("[to_sparklayer.product]\ndrop = 'title'", 2, "drop is a list of fields"),
        ("[to_sparklayer.product]\nrename = ['title']", 2, "rename is a table: [to_sparklayer.product.rename]"),
        ("[to_sparklayer.product]\n\n# so\ndrop = ['titel']", 4, "a product has no field titel; did you mean title"),
        ("[to_sparklayer.product]\ndrop = [3]", 2, "3 is no field"),
        ("[to_sparklayer.product]\ndrop = ['key']", 2, "key cannot be changed by a rule: it is the entity's key"),
        ("[to_sparklayer.customer]\ndrop = ['email']", 2, "customers are found by e-mail"),
        ("[to_sparklayer.order.compute]\n'lines[].sku' = '\"A\"'", 2, "joined by SKU"),
        ("[to_sparklayer.order]\ndrop = ['placed_at']", 2, "placed_at has to be there"),
        ("[to_sparklayer.order]\ndrop = ['lines[].net']", 2, "lines[].net has to be there"),
        ("[to_sparklayer.order.default]\nstatus = 'opne'", 2, "status does not take 'opne'"),
        ("[to_sparklayer.order.default]\nnet_days = 'soon'", 2, "net_days does not take 'soon'"),
        ("[to_sparklayer.customer.default]\ndiscount_percentage = 1.5", 2, "is not exact"),
        ("[to_sparklayer.customer.default]\ncredit = 'x'", 2, "has fields of its own"),
        ("[to_sparklayer.customer.compute]\naddresses = 'phone'", 2, "only single fields can be computed"),
        ("[to_sparklayer.customer.compute]\nphone = 3", 2, "an expression is text"),
        ("[to_sparklayer.customer.compute]\nphone = 'upper(phon)'", 2, "a customer has no field phon"),
        ("[to_sparklayer.customer.compute]\nphone = 'uper(phone)'", 2, "did you mean upper"),
        ("[to_sparklayer.customer.compute]\nphone = 'addresses[].phone'", 2, "which one is not said"),
        ("[to_sparklayer.customer.rename]\nphone = 'addresses[].phone'", 2, "do not belong to the same part"),
        ("[to_sparklayer.customer.rename]\nphone = 'price_lists'", 2, "only like can be renamed"),
        ("[to_sparklayer.customer]\ndrop = ['phone']\n[to_sparklayer.customer.compute]\nphone = '1'", 4, "two rules"),
        ("[to_sparklayer.customer]\ndrop = ['addresses[]']", 2, "names whole parts"),
        ("[to_sparklayer.customer]\ndrop = ['phone.x']", 2, "a customer has no field phone.x"),
    ],
)
def test_a_wrong_file_names_itself_the_line_and_what_fits(text: str, line: int, why: str) -> None:
    with pytest.raises(UserFault) as refused:
        check_mapping(text, "acme.toml")
    said = str(refused.value)
    assert said.startswith(f"acme.toml, line {line}: ["), said
    assert why in said


def test_what_is_no_toml_names_its_line() -> None:
    with pytest.raises(UserFault, match=r"acme\.toml is no TOML: .*line 2"):
        check_mapping("[to_sparklayer.product]\ndrop = ?", "acme.toml")


def test_numbers_as_defaults_are_text_or_whole() -> None:
    text = '[to_sparklayer.customer.default]\ndiscount_percentage = "7.5"\n"credit.net_days" = 30\n'
    assert applied(text, CUSTOMER, "customer").discount_percentage == Decimal("7.5")
    whole = "[to_sparklayer.customer.default]\ndiscount_percentage = 7\n"
    assert applied(whole, CUSTOMER, "customer").discount_percentage == Decimal(7)


def test_no_rules_are_no_mapping() -> None:
    assert len(mapping_of("")) == len(mapping_of("\n# nothing yet\n")) == 0
    assert mapping_of("").of("sparklayer", "product") is None
    assert len(mapping_of(WHOLE)) == 7
    assert mapping_of(WHOLE).of("sparkpay", "customer") is None


def test_other_rules_have_another_digest() -> None:
    one, same = check_mapping(WHOLE, "a"), check_mapping(f"# said again\n{WHOLE}", "b")
    other = check_mapping(WHOLE.replace("Private", "Some"), "c")
    digests = [found.of("sparklayer", "customer") for found in (one, same, other)]
    first, second, third = [found.digest for found in digests if found is not None]
    assert first == second != third


@pytest.mark.parametrize("entity", sorted(KINDS))
def test_every_field_of_every_model_can_be_named(entity: str) -> None:
    names = names_of(entity)
    assert names
    for name in names:
        assert str(field_of(entity, parse_path(name)).path) == name


@given(st.data())
def test_no_rule_changes_what_identifies_an_entity(data: st.DataObject) -> None:
    entity = data.draw(st.sampled_from(sorted(KINDS)))
    names = [name for name in names_of(entity) if not name.endswith("attributes")]
    path = data.draw(st.sampled_from(names))
    action = data.draw(
        st.sampled_from(["drop = ['{}']", "compute = {{ '{}' = '\"7\"' }}", "default = {{ '{}' = '7' }}"])
    )
    text = f"[to_sparklayer.{entity}]\n{action.format(path)}\n"
    came = ENTITIES[entity]
    try:
        made = applied(text, came, entity)
    except (UserFault, RuleFailed):
        made = came
    assert type(made) is type(came)
    assert (made.key, made.refs) == (came.key, came.refs)


@given(st.text(max_size=200))
def test_any_text_is_a_mapping_or_a_sentence(text: str) -> None:
    said = "acme.toml"
    try:
        check_mapping(text, "acme.toml")
    except UserFault as error:
        said = str(error)
    assert said.startswith("acme.toml")
