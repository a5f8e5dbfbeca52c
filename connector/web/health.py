"""Health that means progress: a consumer or a worker that stopped moving is ill, also while the broker is well."""

from dataclasses import dataclass

from connector.app.service import Service

INTAKE_STUCK_SECONDS = 30.0
WORKER_STUCK_SECONDS = 300.0  # a bulk call may take three minutes


@dataclass(frozen=True, slots=True)
class Verdict:
    """Well, or what is wrong."""

    problems: tuple[str, ...]

    @property
    def well(self) -> bool:
        """Nothing is wrong."""
        return not self.problems


def live(service: Service) -> Verdict:
    """Whether everything that should move has moved lately."""
    now = service.core.clock.monotonic()
    problems: list[str] = []
    for side, intake in service.intakes.items():
        health = intake.health()
        if not health.live(INTAKE_STUCK_SECONDS, WORKER_STUCK_SECONDS):
            problems.append(
                f"intake {side} does not move: last tick {health.last_tick_age:.0f} s ago, "
                f"oldest unfinished record {health.oldest_unfinished_age:.0f} s"
            )
    ticks = {f"applier {name}": applier.last_tick for (name, _), applier in service.appliers.items()}
    if service.supervisor is not None:
        ticks["supervisor"] = service.supervisor.last_tick
    problems.extend(
        f"{name} has not moved for {now - tick:.0f} s"
        for name, tick in ticks.items()
        if now - tick > WORKER_STUCK_SECONDS
    )
    return Verdict(tuple(problems))


def ready(service: Service) -> Verdict:
    """Live, and every consumer has its partitions."""
    waiting = tuple(
        f"intake {side} is not ready: {intake.health().failing or 'no partitions yet'}"
        for side, intake in service.intakes.items()
        if not intake.health().ready()
    )
    return Verdict((*live(service).problems, *waiting))
