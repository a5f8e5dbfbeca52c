"""Changes of both sides that did not know of each other."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from connector.engine.concurrence import merged
from connector.engine.content import content
from connector.state.side_states import Changed, News
from contracts.entities import Customer
from contracts.events import Event, changed, deleted

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ANN = Customer(key="sparkpay:1", email="ann@x.example", company="Acme", phone="1")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def of(**fields: object) -> Customer:
    return ANN.model_copy(update=fields)


def event(customer: Customer, seconds: float, source: str = "sparklayer") -> Event:
    return changed(customer, connection="acme", source=source, time=at(seconds), id=f"{source}-{seconds}")


def news(customer: Customer, when: Mapping[str, float], name: str = "mine", base: float | None = 0) -> News:
    shown = content(customer)
    fields = {field: Changed(shown.get(field, ""), at(seconds)) for field, seconds in when.items()}
    entity = customer.model_dump(mode="json", exclude_none=True)
    return News(name, at(max(when.values())), entity, fields, None if base is None else at(base))


def theirs(of_event: Event, when: Mapping[str, float], base: float = 0) -> News:
    assert isinstance(of_event.data, Customer)
    return news(of_event.data, when, of_event.id, base)


def test_without_a_change_there_the_event_is_applied_as_it_is() -> None:
    told = event(of(company="New"), 10)
    assert merged(told, None, None).entity == told.data


def test_changes_of_different_fields_are_joined_whichever_is_newer() -> None:
    for mine_at, theirs_at in ((10, 20), (20, 10)):
        told = event(of(company="New"), theirs_at)
        plan = merged(told, news(of(phone="2"), {"phone": mine_at}), theirs(told, {"company": theirs_at}))
        assert plan.entity == of(company="New", phone="2")
        assert plan.kept
        assert not plan.lost_by_side
        assert not plan.lost_by_event


def test_of_one_field_the_newer_change_wins() -> None:
    told = event(of(company="Theirs"), 20)
    plan = merged(told, news(of(company="Mine"), {"company": 10}), theirs(told, {"company": 20}))
    assert plan.entity == told.data
    assert plan.lost_by_side == ("company",)
    plan = merged(told, news(of(company="Mine"), {"company": 30}), theirs(told, {"company": 20}))
    assert plan.entity == of(company="Mine")
    assert plan.lost_by_event == ("company",)


def test_a_change_that_the_publisher_had_received_does_not_come_back() -> None:
    told = event(of(company="New"), 20)
    plan = merged(told, news(of(phone="2"), {"phone": 5}), theirs(told, {"company": 20}, base=5))
    assert plan.entity == told.data


def test_a_newer_change_there_is_kept_against_another_services_older_event() -> None:
    told = event(of(company="New"), 10, source="erp")
    plan = merged(told, news(of(phone="2"), {"phone": 20}), None)
    assert plan.entity == of(company="New", phone="2")
    assert plan.lost_by_event == ("phone",)
    assert merged(event(of(company="New"), 30, source="erp"), news(of(phone="2"), {"phone": 20}), None).kept is False


def test_a_removal_and_a_change_are_not_joined() -> None:
    gone = deleted("customer", "sparkpay:1", connection="acme", source="sparklayer", time=at(10), id="gone")
    newer = merged(gone, news(of(phone="2"), {"phone": 20}), None)
    assert newer.overtaken
    older = merged(gone, news(of(phone="2"), {"phone": 5}), News("gone", at(10), None, {}, at(0)))
    assert older.entity is None
    assert not older.overtaken
    assert older.lost_by_side == ("phone",)


def test_both_sides_come_to_the_same() -> None:
    left, right = of(company="Left", phone="2"), of(company="Right", number="9")
    of_left, of_right = event(left, 20, "sparkpay"), event(right, 30)
    news_left = theirs(of_left, {"company": 20, "phone": 20})
    news_right = theirs(of_right, {"company": 30, "number": 30})
    on_right = merged(of_left, news_right, news_left).entity
    on_left = merged(of_right, news_left, news_right).entity
    assert on_left == on_right == of(company="Right", phone="2", number="9")
