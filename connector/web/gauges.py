"""Metrics that are a state, not a count: filled in when somebody asks for them."""

from connector.app.service import Service
from connector.app.status import PauseStatus, statuses
from connector.engine.metrics import Metrics


async def refresh(service: Service) -> None:
    """Inbox rows, pauses, budget and consumer lag as they are now."""
    metrics = service.metrics
    metrics.stopped.clear()
    for stop in await service.core.stops.all():
        metrics.stopped.labels(stop.side, stop.topic, str(stop.partition)).set(1)
    metrics.paused_since.clear()
    metrics.probe_at.clear()
    for status in await statuses(service.core):
        metrics.budget.labels(status.id).set(status.budget.used)
        for side, rows in status.sides.items():
            _pause(metrics, status.id, side, rows.pause)
            for entity, counted in rows.entities.items():
                for state in ("waiting", "retrying", "rejected", "applied"):
                    metrics.inbox.labels(status.id, side, entity, state).set(getattr(counted, state))
    for side, intake in service.intakes.items():
        for (topic, partition), lag in intake.health().lag.items():
            if lag is not None:
                metrics.lag.labels(side, topic, str(partition)).set(lag)


def _pause(metrics: Metrics, connection: str, side: str, pause: PauseStatus | None) -> None:
    metrics.paused.labels(connection, side).set(0 if pause is None else 1)
    if pause is None:
        return
    metrics.paused_since.labels(connection, side, pause.kind).set(pause.since.timestamp())
    if pause.next_probe is not None:
        metrics.probe_at.labels(connection, side, pause.kind).set(pause.next_probe.timestamp())
