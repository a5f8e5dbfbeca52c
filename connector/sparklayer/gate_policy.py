"""How many calls may be under way: rules without I/O. SparkLayer publishes no rate limit, so the gate feels for it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """Additive increase, multiplicative decrease; every figure can be configured per site.

    `grow_after` good answers raise the limit by one, a 429, a time-out or latency that grows by `latency_factor`
    divides it by `shrink_by`. Latency below `latency_floor` seconds is never a reason. `max_rps` is an optional steady
    upper rate in calls per second. A 429 without `Retry-After` holds everybody for `first_hold` seconds, doubled
    with each further one to `longest_hold`; a told wait is obeyed up to `longest_told_hold`.
    """

    start: int = 4
    smallest: int = 1
    largest: int = 16
    grow_after: int = 50
    shrink_by: int = 2
    latency_factor: float = 2.0
    latency_floor: float = 0.25
    latency_samples: int = 20
    max_rps: float | None = None
    first_hold: float = 1.0
    longest_hold: float = 60.0
    longest_told_hold: float = 3600.0

    def __post_init__(self) -> None:
        """Raise `ValueError` for figures that contradict each other."""
        if not 1 <= self.smallest <= self.start <= self.largest:
            raise ValueError("the gate needs 1 <= smallest <= start <= largest")
        if self.max_rps is not None and self.max_rps <= 0:
            raise ValueError("max_rps must be above 0, or None for no limit")
        if self.shrink_by <= 1 or self.latency_factor <= 1:
            raise ValueError("shrink_by and latency_factor must be above 1")


class Concurrency:
    """The limit and what moves it. Trouble of calls that began before the last cut cuts no second time."""

    def __init__(self, policy: GatePolicy) -> None:
        self._policy = policy
        self._good = 0
        self.limit = policy.start
        self.epoch = 0

    def good(self) -> None:
        """Count an answer in time."""
        self._good += 1
        if self._good >= self._policy.grow_after:
            self._good = 0
            self.limit = min(self._policy.largest, self.limit + 1)

    def trouble(self, epoch: int) -> None:
        """Cut the limit, unless the call that met the trouble left before the last cut."""
        self._good = 0
        if epoch == self.epoch:
            self.limit = max(self._policy.smallest, self.limit // self._policy.shrink_by)
            self.epoch += 1


class LatencyWatch:
    """Notices when a route becomes much slower than it was; each route is compared with itself only."""

    _RECENT, _USUAL = 0.2, 0.02

    def __init__(self, policy: GatePolicy) -> None:
        self._policy = policy
        self._routes: dict[str, tuple[int, float, float]] = {}

    def doubled(self, route: str, seconds: float) -> bool:
        """Take one measurement; true once per rise, after which the new level is the usual one."""
        count, recent, usual = self._routes.get(route, (0, seconds, seconds))
        count += 1
        # While there are few samples both are the plain mean: the first answer must not weigh most for long.
        recent += (seconds - recent) * max(self._RECENT, 1 / count)
        usual += (seconds - usual) * max(self._USUAL, 1 / count)
        rise = (
            count > self._policy.latency_samples
            and recent > self._policy.latency_floor
            and recent >= usual * self._policy.latency_factor
        )
        self._routes[route] = (count, recent, recent if rise else usual)
        return rise


class Backoff:
    """How long a 429 holds everybody."""

    def __init__(self, policy: GatePolicy) -> None:
        self._policy = policy
        self._untold = 0

    def hold(self, retry_after: float | None) -> float:
        """Seconds from now."""
        if retry_after is not None:
            return min(retry_after, self._policy.longest_told_hold)
        self._untold += 1
        return min(self._policy.longest_hold, self._policy.first_hold * 2.0 ** min(self._untold - 1, 30))

    def reset(self) -> None:
        """Begin again at the first step, after a good answer."""
        self._untold = 0
