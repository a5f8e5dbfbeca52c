"""Health that means progress: a consumer or a worker that stopped moving is ill, also while the broker is well."""

from dataclasses import dataclass

from connector.app.service import Service

INTAKE_STUCK_SECONDS = 30.0
WORKER_STUCK_SECONDS = 300.0  # a bulk call may take three minutes
PRODUCER_STUCK_SECONDS = 900.0  # one look at a small plan's store, with every retry
BEAT_STUCK_SECONDS = 60.0  # a database that is away answers with an error; one that hangs does not answer


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
    workers = [
        *(
            (f"applier {side} of {name}", applier.last_tick, WORKER_STUCK_SECONDS)
            for (name, side), applier in service.appliers.items()
        ),
        *(
            (f"producer {side} of {name}", producer.last_tick, PRODUCER_STUCK_SECONDS)
            for (name, side), producer in service.producers.items()
        ),
    ]
    if service.supervisor is not None:
        workers.append(("supervisor", service.supervisor.last_tick, BEAT_STUCK_SECONDS))
    if service.lookout.last_tick is not None:
        workers.append(("lookout", service.lookout.last_tick, WORKER_STUCK_SECONDS))
    problems.extend(f"{name} has not moved for {now - tick:.0f} s" for name, tick, most in workers if now - tick > most)
    return Verdict(tuple(problems))


def ready(service: Service) -> Verdict:
    """Live, and every consumer has its partitions."""
    waiting = tuple(
        f"intake {side} is not ready: {intake.health().failing or 'no partitions yet'}"
        for side, intake in service.intakes.items()
        if not intake.health().ready()
    )
    return Verdict((*live(service).problems, *waiting))
