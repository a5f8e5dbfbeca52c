"""Faults on demand: rules that match calls and say what goes wrong with them, repeatable by seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from fnmatch import fnmatchcase
from random import Random
from typing import Literal, get_args

Kind = Literal["status", "timeout", "drop_before", "drop_after", "cut_json", "delay_ms", "stale", "reject_sku"]

KINDS: frozenset[str] = frozenset(get_args(Kind))
COMMON_KINDS = KINDS - {"stale", "reject_sku"}
"""What can befall a call to either platform."""

_LOSING = frozenset({"timeout", "drop_before", "drop_after"})
_WAITING = frozenset({"delay_ms", "timeout"})
_NUMBERS = ("probability", "ms")
_JSON_TYPES = {
    **dict.fromkeys(("kind", "method", "path", "sku"), str),
    **dict.fromkeys(_NUMBERS, int | Decimal),
    "times": int | None,
    "status": int,
    "body": bool,
    "retry_after": bool,
}


@dataclass(frozen=True, slots=True)
class FaultRule:
    """One thing that goes wrong.

    `method` and `path` (as the sandbox sees it: Spark Pay's decoded, SparkLayer's percent-encoded) are shell patterns.
    `times` None means always. Kinds:
    `status` answers `status` without applying (502 as an HTML page, 429 with Retry-After unless `retry_after` is False;
    `body` False = no body);
    `timeout` waits `ms` and never answers; `drop_before` closes the connection unapplied, `drop_after` applied;
    `cut_json` applies and sends half of the answer; `delay_ms` waits `ms` first;
    `stale` (Spark Pay) serves the kept answer to the same GET however old it is, even to a request that asks for a
    fresh one; `reject_sku` (SparkLayer) refuses the row that names `sku`, as the endpoint words refusals.
    """

    kind: Kind
    method: str = "*"
    path: str = "*"
    times: int | None = 1
    probability: float = 1.0
    status: int = 503
    body: bool = True
    retry_after: bool = True
    ms: float = 0
    sku: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be meant."""
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(sorted(KINDS))}, not {self.kind!r}")
        if not 0 <= self.probability <= 1:
            raise ValueError("probability must be between 0 and 1")
        if not 400 <= self.status <= 599:  # noqa: PLR2004 - the range of errors in HTTP
            raise ValueError("status must be between 400 and 599")
        if self.ms < 0:
            raise ValueError("ms must not be negative")
        if self.kind == "reject_sku" and not self.sku:
            raise ValueError("reject_sku needs the sku")

    @classmethod
    def from_json(cls, rule: object) -> FaultRule:
        """Return a rule from the admin interface. Raises ValueError that says what is wrong."""
        names = {field.name for field in fields(cls)}
        if not isinstance(rule, Mapping) or "kind" not in rule or rule.keys() - names:
            raise ValueError(f"a fault is an object with kind and any of {', '.join(sorted(names - {'kind'}))}")
        wrong = {name: value for name, value in rule.items() if not isinstance(value, _JSON_TYPES[name])}
        if wrong:
            raise ValueError("; ".join(f"{name} of a fault cannot be {value!r}" for name, value in wrong.items()))
        return cls(**{**rule, **{name: float(rule[name]) for name in _NUMBERS if name in rule}})

    def matches(self, method: str, path: str) -> bool:
        """Whether the rule is about this call."""
        return fnmatchcase(method, self.method) and fnmatchcase(path, self.path)


@dataclass(frozen=True, slots=True)
class Struck:
    """What befalls one call: all delays that fire, and at most one other rule, the first that fires."""

    delays: tuple[FaultRule, ...] = ()
    rule: FaultRule | None = None

    @property
    def kind(self) -> str | None:
        """The fault as the log names it; None when nothing goes wrong."""
        if self.rule is not None:
            return self.rule.kind
        return "delay_ms" if self.delays else None

    @property
    def lost(self) -> bool:
        """Whether the answer never leaves."""
        return self.kind in _LOSING

    @property
    def seconds(self) -> float:
        """How long the call waits before anything else happens."""
        waits = [*self.delays, *([self.rule] if self.rule is not None else [])]
        return sum(rule.ms for rule in waits if rule.kind in _WAITING) / 1000


class FaultBook:
    """The rules in force; each counts its own uses. Raises ValueError for a kind that its sandbox does not have."""

    def __init__(self, seed: int = 1, kinds: frozenset[str] = KINDS) -> None:
        self._random = Random(seed)
        self._kinds = kinds
        self._rules: list[tuple[FaultRule, list[int]]] = []

    def add(self, *rules: FaultRule) -> None:
        """Put rules behind those that are there."""
        for rule in rules:
            if rule.kind not in self._kinds:
                raise ValueError(f"this sandbox knows {', '.join(sorted(self._kinds))}, not {rule.kind!r}")
        self._rules.extend((rule, [0]) for rule in rules)

    def replace(self, rules: Iterable[FaultRule]) -> None:
        """Only these from now on; the old ones stay where one of the new is refused."""
        before, self._rules = self._rules, []
        try:
            self.add(*rules)
        except ValueError:
            self._rules = before
            raise

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._rules.clear()

    def strike(self, method: str, path: str) -> Struck:
        """Return what befalls this call as a whole; the uses are counted."""
        delays: list[FaultRule] = []
        decided: FaultRule | None = None
        for rule, used in self._rules:
            delaying = rule.kind == "delay_ms"
            if rule.kind == "reject_sku" or (decided is not None and not delaying) or not rule.matches(method, path):
                continue
            if not self._fires(rule, used):
                continue
            if delaying:
                delays.append(rule)
            else:
                decided = rule
        return Struck(tuple(delays), decided)

    def refuses_sku(self, method: str, path: str, sku: str) -> bool:
        """Whether a rule refuses the row of this SKU; the use is counted."""
        return any(
            rule.kind == "reject_sku" and rule.sku == sku and rule.matches(method, path) and self._fires(rule, used)
            for rule, used in self._rules
        )

    def _fires(self, rule: FaultRule, used: list[int]) -> bool:
        if rule.times is not None and used[0] >= rule.times:
            return False
        if rule.probability < 1 and self._random.random() >= rule.probability:
            return False
        used[0] += 1
        return True
