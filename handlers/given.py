"""Which source gave a field last, so that the same source can take it back by leaving it out.

A field that an event leaves out is not known to its publisher, and stays as it is on the other side; but where the same
publisher gave it before, it was cleared there. The names are kept in the ledger of the key, as `given`.
"""

from collections.abc import Collection

from handlers.outcome import Task

GIVEN = "given"


def withdrawn(task: Task, names: Collection[str]) -> frozenset[str]:
    """Fields that the task's source gave last and leaves out now; `names` are those that it gives."""
    if task.source is None:
        return frozenset()
    return frozenset(name for name, source in _given(task).items() if source == task.source and name not in names)


def kept(task: Task, names: Collection[str]) -> frozenset[str]:
    """Fields that another source gave and the task leaves out; of a state that was joined of all sources, none."""
    if task.source is None:
        return frozenset()
    return frozenset(name for name, source in _given(task).items() if source != task.source and name not in names)


def given(task: Task, names: Collection[str]) -> dict[str, str]:
    """Field -> the source that gave it last, for the ledger once these `names` are applied."""
    gone = withdrawn(task, names)
    kept = {name: source for name, source in _given(task).items() if name not in gone}
    return kept if task.source is None else {**kept, **dict.fromkeys(sorted(names), task.source)}


def _given(task: Task) -> dict[str, str]:
    return dict(task.ledger.get(GIVEN) or {})
