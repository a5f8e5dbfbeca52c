"""Whether what a side shows is only what was sent there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connector.engine.content import content
from connector.engine.echoes import judge
from connector.ports import Observed
from connector.state.side_states import Sending, SideState
from contracts.entities import Customer, CustomerAddress, CustomerStatus
from contracts.events import Event, changed, deleted

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ANN = Customer(key="sparkpay:1", email="ann@x.example", first_name="Ann", company="Acme", phone="1")


def shown(customer: Customer, seconds: float = 10, name: str = "e2") -> Event:
    return changed(customer, connection="acme", source="sparkpay", time=NOON + timedelta(seconds=seconds), id=name)


def known(*sent: Customer, before: Customer = ANN, done: bool = True) -> SideState:
    sending = Sending(tuple(content(each) for each in sent), NOON, NOON, done=done) if sent else None
    return SideState("sparkpay:1", sending=sending, shown=content(before), shown_event="e1")


REMEMBERED = Observed("customer", "sparkpay:1", "hash", "e1", NOON)


def news(event: Event, state: SideState) -> set[str] | None:
    found = judge(event, state, REMEMBERED).news
    return None if found is None else set(found)


def of(**fields: object) -> Customer:
    return ANN.model_copy(update=fields)


def test_what_was_sent_is_no_news_when_it_shows() -> None:
    assert news(shown(of(company="New")), known(of(company="New"))) is None


def test_a_field_that_the_sender_does_not_tell_is_compared_with_what_was_shown_before() -> None:
    before = of(number="77")
    assert news(shown(of(company="New", number="77")), known(of(company="New"), before=before)) is None
    assert news(shown(of(company="New", number="78")), known(of(company="New"), before=before)) == {"number"}


def test_a_field_that_the_side_never_showed_is_one_that_it_does_not_keep() -> None:
    sent = of(company="New", discount_percentage="5", vat_numbers=("DE1",))
    assert news(shown(of(company="New")), known(sent)) is None


def test_a_change_on_top_of_what_was_sent_is_news() -> None:
    assert news(shown(of(company="New", phone="2")), known(of(company="New"))) == {"phone"}


def test_clearing_a_field_is_news() -> None:
    assert news(shown(of(company="New", phone=None)), known(of(company="New"))) == {"phone"}


def test_setting_a_field_back_after_it_was_sent_is_news() -> None:
    assert news(shown(ANN, seconds=5), known(of(company="New"))) == {"company"}


def test_a_reading_from_before_the_sending_does_not_take_it_back() -> None:
    old = shown(of(phone="2"), seconds=-1)
    for done in (True, False):
        assert news(old, known(of(company="New"), done=done)) == {"phone"}


def test_of_two_sendings_the_first_may_still_show_while_the_second_is_on_its_way() -> None:
    state = known(of(company="One"), of(company="Two"), done=False)
    assert news(shown(of(company="One")), state) is None
    assert judge(shown(of(company="One")), state, REMEMBERED).state.sending is not None
    assert judge(shown(of(company="Two")), state, REMEMBERED).state.sending is None


def test_once_it_was_seen_every_difference_is_news() -> None:
    seen = judge(shown(of(company="New")), known(of(company="New")), REMEMBERED).state
    later = Observed("customer", "sparkpay:1", "hash", "e2", NOON)
    back = judge(shown(ANN, name="e3", seconds=20), seen, later)
    assert back.news == frozenset({"company"})
    assert back.state.touched


def test_a_reading_that_nobody_could_publish_is_judged_again_alike() -> None:
    event, state = shown(of(phone="2")), known(of(phone="1"))
    first = judge(event, state, REMEMBERED)
    assert first.news == judge(event, first.state, REMEMBERED).news == frozenset({"phone"})


def test_what_differs_only_in_how_a_platform_spells_it_is_alike() -> None:
    mine = CustomerAddress(id="7", line1="1  High St", city="Austin", nickname="Home")
    theirs = CustomerAddress(id="ad_1", line1="1 High St ", city="Austin", refs={"sparklayer": "ad_1"})
    one = of(addresses=(mine,), default_billing="7", email="ANN@x.example")
    other = of(addresses=(theirs,), default_billing="ad_1")
    assert content(one) == content(other)


def test_what_is_kept_as_inactive_after_its_removal_is_an_echo() -> None:
    removed = replace(known(), sending=Sending((), NOON, NOON, gone=True, done=True))
    assert news(shown(of(status=CustomerStatus.INACTIVE)), removed) is None
    assert news(deleted("customer", "sparkpay:1", connection="acme", source="sparkpay", id="e2"), removed) is None
    assert news(shown(ANN), removed) == set(content(ANN))


@pytest.mark.parametrize("done", [True, False])
def test_a_sending_that_overwrote_a_change_is_found(done: bool) -> None:
    """Somebody changed the phone, and what was sent did not know of it."""
    touched = judge(shown(of(phone="2"), seconds=30), known(), REMEMBERED).state
    sending = Sending((content(of(company="New")),), NOON, NOON + timedelta(seconds=40), done=done)
    later = Observed("customer", "sparkpay:1", "hash", "e2", NOON)
    echo = judge(shown(of(company="New"), name="e3", seconds=50), replace(touched, sending=sending), later)
    assert echo.news is None
    assert echo.undone
