"""The connection's own field mapping, between an event and the handler that applies it.

Here, and nowhere else: the topics hold what the sources said, for every reader alike; events of other services are
mapped like those of the platforms; and a handler's hash is of the body that leaves, rules included, so that a changed
rule costs calls only where it changes something.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from connector.mapping_rules import EntityRules, RuleFailed
from connector.mapping_rules import Mapping as FieldMapping
from handlers.outcome import Context, Handler, Outcome, Rejected, Task

FIELD_MAPPING = "field_mapping"
"""Code of what a rule refuses."""


class MappedHandler:
    """A handler whose entities pass the rules first; what they make invalid is rejected alone."""

    def __init__(self, inner: Handler, rules: EntityRules) -> None:
        self._inner = inner
        self._rules = rules
        self.entity = inner.entity
        self.batch = inner.batch
        self.after = inner.after

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """See `Handler`."""
        outcomes: dict[str, Outcome] = {}
        mapped: list[Task] = []
        for task in tasks:
            try:
                mapped.append(task if task.entity is None else replace(task, entity=self._rules.apply(task.entity)))
            except RuleFailed as error:
                message = f"{self.entity} {task.key}: {error}; mend the rule with paylayer connections update"
                details = [{"rule": error.rule, "message": str(error)}]
                outcomes[task.key] = Rejected(FIELD_MAPPING, message, details=details)
        if mapped:
            applied = await self._inner.apply(mapped, context)
            outcomes |= {task.key: outcome for task, outcome in zip(mapped, applied, strict=True)}
        return [outcomes[task.key] for task in tasks]


def mapped(handlers: Mapping[str, Handler], mapping: FieldMapping, side: str) -> dict[str, Handler]:
    """The handlers of a side with the rules of a connection before those that have any."""
    return {
        entity: handler if (rules := mapping.of(side, entity)) is None else MappedHandler(handler, rules)
        for entity, handler in handlers.items()
    }
