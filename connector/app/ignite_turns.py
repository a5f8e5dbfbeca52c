"""What Ignite and the applier both may make in a store: the same cart, the same e-mail address, one at a time.

SparkLayer shows a purchase in its list while it still waits for Ignite's answer, and the store takes two orders of one
number, and two customers of one e-mail, without a word.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from connector.state.turns import Turns, TurnTaken
from contracts.entities import Customer, Order
from handlers.outcome import Applied, Context, Failed, Handler, Outcome, Task

WAIT_SECONDS = 4.5
_CART = "sparklayer:"  # what the key of an order begins with that began as a cart there


def cart_turn(cart: str) -> str:
    """The name of a cart's turn; its result is the store's id of the order that it became."""
    return f"cart:{cart.lower()}"


def person_turn(what: str, of: str) -> str:
    """The name of a turn about a person; no personal data in it."""
    return f"{what}:{hashlib.sha256(of.strip().casefold().encode()).hexdigest()[:32]}"


def customer_turn(email: str) -> str:
    """The name of the turn of whoever has that e-mail address."""
    return person_turn("customer", email)


def turn_of(task: Task) -> str | None:
    """The turn that a task needs; none for what is known in the store, so that nothing is made."""
    if task.entity is None or "sparkpay" in task.entity.refs or {"order_id", "customer_id"} & task.ledger.keys():
        return None
    match task.entity:
        case Order() if task.key.startswith(_CART):
            return cart_turn(task.key.removeprefix(_CART))
        case Customer(email=str(email)) if email.strip():
            return customer_turn(email)
    return None


class InTurn:
    """A handler that makes nothing which Ignite is making, and takes for made what Ignite has made."""

    def __init__(self, inner: Handler, turns: Turns, connection: str) -> None:
        self._inner = inner
        self._turns = turns
        self._connection = connection
        self.entity = inner.entity
        self.batch = inner.batch
        self.after = inner.after

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """See `Handler`. Who needs a turn goes alone, so that nobody waits for a whole batch."""
        names = {task.key: turn_of(task) for task in tasks}
        together = [task for task in tasks if names[task.key] is None]
        alone = [(task, name) for task in tasks if (name := names[task.key]) is not None]
        answers, single = await asyncio.gather(
            self._together(together, context),
            asyncio.gather(*(self._alone(task, name, context) for task, name in alone)),
        )
        outcomes = dict(zip((task.key for task in together), answers, strict=True))
        outcomes |= dict(zip((task.key for task, _ in alone), single, strict=True))
        return [outcomes[task.key] for task in tasks]

    async def _together(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        return await self._inner.apply(tasks, context) if tasks else ()

    async def _alone(self, task: Task, name: str, context: Context) -> Outcome:
        final = isinstance(task.entity, Order)
        try:
            async with self._turns.taken(self._connection, name, WAIT_SECONDS, final=final) as turn:
                made = turn.result if final else None
                (outcome,) = await self._inner.apply([task if made is None else _made(task, made)], context)
                if final and made is None and isinstance(outcome, Applied):
                    turn.result = outcome.refs.get("sparkpay")
                return outcome
        except TurnTaken as error:
            return Failed(f"{self.entity} {task.key}: {error}", target=False)


def _made(task: Task, id_: str) -> Task:
    entity = task.entity
    if entity is None:
        return task
    return replace(task, entity=entity.model_copy(update={"refs": {**entity.refs, "sparkpay": id_}}))


def in_turn(handlers: Mapping[str, Handler], turns: Turns, connection: str) -> dict[str, Handler]:
    """The handlers of a store that Ignite may write to as well."""
    return {
        entity: InTurn(handler, turns, connection) if entity in ("customer", "order") else handler
        for entity, handler in handlers.items()
    }
