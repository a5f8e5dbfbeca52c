"""Faults on demand: rules that match calls and say what goes wrong with them, repeatable by seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from random import Random
from typing import Literal, get_args

Kind = Literal["status", "timeout", "drop_before", "drop_after", "cut_json", "stale", "delay_ms"]


@dataclass(frozen=True, slots=True)
class FaultRule:
    """One thing that goes wrong.

    `method` and `path` (as sent, with /api/v1) are shell patterns. `times` None means always. Kinds:
    `status` answers `status` without applying (502 as an HTML page, 429 with Retry-After; `body` False = no body);
    `timeout` waits `ms` and never answers; `drop_before` closes the connection unapplied, `drop_after` applied;
    `cut_json` sends half of the answer; `stale` serves the kept answer to the same GET however old it is, even to a
    request that asks for a fresh one; `delay_ms` waits `ms` first.
    """

    kind: Kind
    method: str = "*"
    path: str = "*"
    times: int | None = 1
    probability: float = 1.0
    status: int = 503
    body: bool = True
    ms: float = 0

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be meant."""
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}, not {self.kind!r}")
        if not 0 <= self.probability <= 1:
            raise ValueError("probability must be between 0 and 1")
        if not 400 <= self.status <= 599:  # noqa: PLR2004 - the range of errors in HTTP
            raise ValueError("status must be between 400 and 599")

    @classmethod
    def from_json(cls, rule: object) -> FaultRule:
        """Return a rule from the admin interface. Raises ValueError that says what is wrong."""
        names = {field.name for field in fields(cls)}
        if not isinstance(rule, Mapping) or "kind" not in rule or rule.keys() - names:
            raise ValueError(f"a fault is an object with kind and any of {', '.join(sorted(names - {'kind'}))}")
        return cls(**{**rule, "probability": float(rule.get("probability", 1.0)), "ms": float(rule.get("ms", 0))})

    def matches(self, method: str, path: str) -> bool:
        """Whether the rule is about this call."""
        return fnmatchcase(method, self.method) and fnmatchcase(path, self.path)


class FaultBook:
    """The rules in force; each counts its own uses."""

    def __init__(self, seed: int = 1) -> None:
        self._random = Random(seed)
        self._rules: list[tuple[FaultRule, list[int]]] = []

    def add(self, *rules: FaultRule) -> None:
        """Put rules behind those that are there."""
        self._rules.extend((rule, [0]) for rule in rules)

    def replace(self, rules: Iterable[FaultRule]) -> None:
        """Only these from now on."""
        self.clear()
        self.add(*rules)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._rules.clear()

    def strike(self, method: str, path: str) -> list[FaultRule]:
        """Return what befalls this call: every delay that fires, and at most one other rule, the first that fires."""
        struck: list[FaultRule] = []
        for rule, used in self._rules:
            decided = any(other.kind != "delay_ms" for other in struck)
            if (decided and rule.kind != "delay_ms") or not rule.matches(method, path):
                continue
            if self._fires(rule, used):
                struck.append(rule)
        return struck

    def _fires(self, rule: FaultRule, used: list[int]) -> bool:
        if rule.times is not None and used[0] >= rule.times:
            return False
        if rule.probability < 1 and self._random.random() >= rule.probability:
            return False
        used[0] += 1
        return True
