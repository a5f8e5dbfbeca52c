"""Metrics that are a state, not a count: filled in when somebody asks for them."""

from connector.app.service import Service
from connector.app.status import statuses


async def refresh(service: Service) -> None:
    """Inbox rows, pauses, budget and consumer lag as they are now."""
    metrics = service.metrics
    for status in await statuses(service.core):
        metrics.budget.labels(status.id).set(status.budget.used)
        for side, rows in status.sides.items():
            metrics.paused.labels(status.id, side).set(0 if rows.paused is None else 1)
            for entity, counted in rows.entities.items():
                for state in ("waiting", "retrying", "rejected", "applied"):
                    metrics.inbox.labels(status.id, side, entity, state).set(getattr(counted, state))
    for side, intake in service.intakes.items():
        for (topic, partition), lag in intake.health().lag.items():
            if lag is not None:
                metrics.lag.labels(side, topic, str(partition)).set(lag)
