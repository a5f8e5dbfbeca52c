"""A connection's own field mapping, between an event and the handler."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from connector.mapping_rules import check_mapping
from contracts.entities import Entity, Product
from handlers.mapped import mapped
from handlers.outcome import Applied, Context, Outcome, Rejected, Task
from tests.support.handler_desk import Desk, rope

RULES = """
[to_sparklayer.product.compute]
title = 'upper(title) & " (" & 12 / number(cut(title, 1)) & ")"'
"""


@dataclass
class Recorder:
    """A handler that takes everything."""

    entity: str = "product"
    batch: int = 10
    after: Sequence[str] = ("stock-location",)
    seen: list[Entity | None] = field(default_factory=list)

    async def apply(self, tasks: Sequence[Task], _context: Context) -> Sequence[Outcome]:
        self.seen += [task.entity for task in tasks]
        return [Applied(task.key) for task in tasks]


def task(key: str, title: str | None) -> Task:
    return Task("acme", key, None if title is None else Product(key=key, title=title))


async def test_entities_pass_the_rules_and_only_the_bad_one_is_rejected() -> None:
    inner, desk = Recorder(), Desk()
    context = Context(desk.settings, desk.skus, desk.now, desk.known, desk.intents)
    handler = mapped({"product": inner}, check_mapping(RULES, "rules"), "sparklayer")["product"]
    assert (handler.entity, handler.batch, handler.after) == ("product", 10, ("stock-location",))
    tasks = [task("erp:1", "3 ropes"), task("erp:2", "0 ropes"), task("erp:3", None), task("erp:4", "4 ropes")]
    outcomes = await handler.apply(tasks, context)
    assert [getattr(entity, "title", None) for entity in inner.seen] == ["3 ROPES (4)", None, "4 ROPES (3)"]
    assert outcomes[0] == Applied("erp:1")
    assert outcomes[2:] == [Applied("erp:3"), Applied("erp:4")]
    refused = outcomes[1]
    assert isinstance(refused, Rejected)
    assert refused.code == "field_mapping"
    assert "product erp:2: compute of title: a number is divided by 0" in refused.message


async def test_a_side_without_rules_has_its_own_handlers() -> None:
    inner = Recorder()
    assert mapped({"product": inner}, check_mapping(RULES, "rules"), "sparkpay") == {"product": inner}


async def test_what_the_rules_leave_alone_costs_no_call_and_what_they_change_one() -> None:
    desk = Desk()
    product = rope(1, "R-1")
    await desk.apply(product)
    desk.calls()
    for text, made in (("slug = 'lower(slug)'", 0), ("title = 'title & \"!\"'", 1)):
        rules = check_mapping(f"[to_sparklayer.product.compute]\n{text}\n", "rules")
        desk.handlers = mapped(desk.handlers, rules, "sparklayer")
        assert isinstance((await desk.apply(product))[0], Applied)
        assert len(desk.calls()) == made
    found = desk.site.catalogue.variant("vi-10")
    assert found is not None
