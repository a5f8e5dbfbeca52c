"""What a stream of SparkLayer is: one kind of entity, looked at for changes or read as a whole."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from connector.ports import Findings, Priority, Progress, Unmapped
from connector.sparklayer.mapping.faults import MappingFault
from connector.sparklayer.telling import Told

log = structlog.get_logger("paylayer.sparklayer")


class Stream(Protocol):
    """One kind of entity of one site.

    Every method raises the typed errors of `connector.errors`; a position that was not reached is not stored then.
    """

    @property
    def kind(self) -> str:
        """As in event types."""
        ...

    async def look(self, priority: Priority) -> Told:
        """Tell what changed since the last look, or what is next in a round over everything."""
        ...

    async def whole(self, run_id: str, priority: Priority, progress: Progress | None, *, force: bool) -> Told:
        """Read everything and tell what is new, or with `force` all of it. The same run goes on where it stopped."""
        ...


@dataclass(frozen=True, slots=True)
class Problem:
    """An entity that cannot be told."""

    kind: str
    key: str
    code: str
    message: str


OnProblem = Callable[[Problem], None]


def log_problem(problem: Problem) -> None:
    """Say so in the log."""
    log.error("not_told", kind=problem.kind, key=problem.key, code=problem.code, reason=problem.message)


def kept_in(findings: Findings) -> OnProblem:
    """Say so in the log, and keep it until the entity is read without it."""

    def tell(problem: Problem) -> None:
        log_problem(problem)
        findings.found(Unmapped(problem.kind, problem.key, problem.code, problem.message))

    return tell


def problem_of(kind: str, key: str, fault: MappingFault) -> Problem:
    """What a mapping objected to."""
    return Problem(kind, key, fault.code, fault.message)


async def report(progress: Progress | None, told: Told) -> None:
    """Tell who wants to know."""
    if progress is not None and told != Told():
        await progress(read=told.read, published=told.published, skipped=told.skipped)
