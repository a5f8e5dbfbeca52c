"""Every metric of PayLayer: one registry of names, what they count and their labels."""

from collections import Counter as Tallied
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from connector.ports import Outlet, Priority
from connector.version import VERSION
from contracts.events import Event, entity_name

_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Metrics:
    """Counters of one process; `registry` is what `/metrics` shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        Info("paylayer_build", "Which PayLayer this is", registry=self.registry).info({"version": VERSION})
        place = ("connection", "side", "entity")
        self._outcomes = Counter(
            "paylayer_applied_rows", "Rows settled, by outcome", (*place, "outcome"), registry=self.registry
        )
        self._batches = Histogram(
            "paylayer_apply_seconds", "Time of one apply batch", place, registry=self.registry, buckets=_SECONDS
        )
        self._calls = Counter(
            "paylayer_calls", "Calls to a platform, by answer", ("connection", "side", "status"), registry=self.registry
        )
        self._call_seconds = Histogram(
            "paylayer_call_seconds",
            "Time of one call",
            ("connection", "side"),
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._events = Counter(
            "paylayer_published_events", "Events published", ("connection", "entity"), registry=self.registry
        )
        self._intake = Counter(
            "paylayer_intake_records",
            "Records taken from Kafka: new, newer, repeated, stale, skipped (another side's, or the flow is off)",
            ("side", "result"),
            registry=self.registry,
        )
        self._letters = Counter(
            "paylayer_dead_letters",
            "Records put into a dead-letter topic; stage is intake or apply",
            ("side", "stage", "entity", "code"),
            registry=self.registry,
        )
        self._delay = Histogram(
            "paylayer_event_to_applied_seconds",
            "From the inbox to the platform",
            place,
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.lag = Gauge(
            "paylayer_consumer_lag", "Records not taken yet", ("side", "topic", "partition"), registry=self.registry
        )
        self.inbox = Gauge("paylayer_inbox_rows", "Rows by state", (*place, "state"), registry=self.registry)
        self.paused = Gauge("paylayer_side_paused", "1 while paused", ("connection", "side"), registry=self.registry)
        self.stopped = Gauge(
            "paylayer_intake_stopped",
            "1 while a partition stands still because of a flood of dead letters",
            ("side", "topic", "partition"),
            registry=self.registry,
        )
        self.paused_since = Gauge(
            "paylayer_side_paused_since_seconds",
            "Unix time since which it is paused, by kind; only while it is",
            ("connection", "side", "kind"),
            registry=self.registry,
        )
        self.probe_at = Gauge(
            "paylayer_side_next_probe_seconds",
            "Unix time of the next try by itself; only while there will be one",
            ("connection", "side", "kind"),
            registry=self.registry,
        )
        self._pauses = Counter(
            "paylayer_side_pauses", "Pauses that began by themselves", ("connection", "side", "kind"),
            registry=self.registry,
        )  # fmt: skip
        self._probes = Counter(
            "paylayer_side_probes", "Tries of a paused side: passed, failed", ("connection", "side", "result"),
            registry=self.registry,
        )  # fmt: skip
        self.budget = Gauge(
            "paylayer_budget_used_calls",
            "Calls used of the window, as last known",
            ("connection",),
            registry=self.registry,
        )

    def outcome(self, connection: str, side: str, entity: str, name: str) -> None:
        """One row was settled."""
        self._outcomes.labels(connection, side, entity, name).inc()

    def applied(self, connection: str, side: str, entity: str, seconds: float) -> None:
        """One row was applied so long after it had come in."""
        self._delay.labels(connection, side, entity).observe(seconds)

    def pause_began(self, connection: str, side: str, kind: str) -> None:
        """A side stopped by itself."""
        self._pauses.labels(connection, side, kind).inc()

    def probed(self, connection: str, side: str, result: str) -> None:
        """A paused side tried whether it may go on."""
        self._probes.labels(connection, side, result).inc()

    def refused(self, side: str, stage: str, entity: str | None, code: str | None) -> None:
        """One dead letter was acknowledged."""
        self._letters.labels(side, stage, entity or "", code or "").inc()

    def applied_batch(self, connection: str, side: str, entity: str, rows: int, seconds: float) -> None:
        """One handler run."""
        if rows:
            self._batches.labels(connection, side, entity).observe(seconds)

    def call(self, connection: str, side: str, status: int | None, seconds: float) -> None:
        """One call to a platform; no status = no answer."""
        self._calls.labels(connection, side, str(status or "none")).inc()
        self._call_seconds.labels(connection, side).observe(seconds)

    def published(self, connection: str, entity: str, count: int) -> None:
        """Events acknowledged by the broker."""
        self._events.labels(connection, entity).inc(count)

    def intake(self, side: str, result: str, count: int) -> None:
        """Records taken from Kafka."""
        if count:
            self._intake.labels(side, result).inc(count)


@dataclass(frozen=True, slots=True)
class CountedOutlet:
    """An outlet that counts what was acknowledged; `require` raises where this process must not publish any more."""

    outlet: Outlet
    metrics: Metrics
    require: Callable[[], None]

    async def publish(self, events: Sequence[Event], priority: Priority, target: str | None = None) -> None:
        """As the outlet does; counted afterwards."""
        self.require()
        await self.outlet.publish(events, priority, target)
        for (connection, entity), count in Tallied((e.connection, entity_name(e)) for e in events).items():
            self.metrics.published(connection, entity, count)
