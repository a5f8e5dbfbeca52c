"""Tasks that must not run at the same time because they touch a common thing."""

from collections.abc import Callable, Iterable, Sequence

from handlers.outcome import Task


def grouped(tasks: Sequence[Task], touched: Callable[[Task], Iterable[str]]) -> list[list[Task]]:
    """Groups such that no thing is touched from two of them; tasks keep their order inside a group."""
    leader = list(range(len(tasks)))

    def find(at: int) -> int:
        while leader[at] != at:
            leader[at] = leader[leader[at]]
            at = leader[at]
        return at

    first: dict[str, int] = {}
    for at, task in enumerate(tasks):
        for thing in touched(task):
            leader[find(at)] = find(first.setdefault(thing, at))
    groups: dict[int, list[Task]] = {}
    for at, task in enumerate(tasks):
        groups.setdefault(find(at), []).append(task)
    return list(groups.values())
