"""What readers could not map, as a test looks at it."""

from collections.abc import Iterable

from connector.ports import Unmapped


class FakeFindings:
    """Implements `connector.ports.Findings` in memory: the problems that are left, by kind and key."""

    def __init__(self) -> None:
        self.left: dict[tuple[str, str], list[Unmapped]] = {}
        self._in_part: dict[tuple[str, str], list[Unmapped]] = {}

    def found(self, problem: Unmapped) -> None:
        entity = (problem.kind, problem.key)
        if problem.rest_is_told:
            self._in_part.setdefault(entity, []).append(problem)
        self.left[entity] = [problem]

    def read(self, kind: str, keys: Iterable[str]) -> None:
        for key in keys:
            self.left.pop((kind, key), None)
            if problems := self._in_part.pop((kind, key), None):
                self.left[kind, key] = problems

    @property
    def codes(self) -> dict[tuple[str, str], list[str]]:
        return {entity: [problem.code for problem in problems] for entity, problems in self.left.items()}
