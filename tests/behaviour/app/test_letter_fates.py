"""What a dead letter is worth after its key went on living."""

from connector.app.letters import LetterFilter
from connector.state.inbox import SetApplied
from tests.behaviour.app.letter_desk import SIDE, LetterDesk, stock


async def test_a_letter_whose_event_was_applied_after_all_is_not_new_any_more(desk: LetterDesk) -> None:
    """As when the product that had the SKU let it go: the refused one is tried again, with the event it had."""
    event = stock("S-1")
    await desk.want(event)
    (id_,) = await desk.refuse([event])
    assert await desk.fates() == {id_: "new"}
    inbox = desk.core.inbox
    row = await inbox.get("acme", SIDE, "stock", "S-1")
    assert row is not None
    await inbox.settle([SetApplied(row, hash="h")])
    assert await desk.fates() == {id_: "superseded"}
    assert await desk.letters(LetterFilter(side=SIDE, state="new")) == []


async def test_a_letter_about_a_part_stays_new_while_the_rest_is_applied(desk: LetterDesk) -> None:
    event = stock("S-1")
    await desk.want(event)
    (id_,) = await desk.refuse([event])
    row = await desk.core.inbox.get("acme", SIDE, "stock", "S-1")
    assert row is not None
    await desk.core.inbox.settle([SetApplied(row, hash="h", problem_code="sku_missing")])
    assert await desk.fates() == {id_: "new"}
