"""Faults on demand: rules that match calls and say what goes wrong with them, repeatable by seed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from random import Random
from typing import Literal, get_args

Kind = Literal["status", "timeout", "drop_before", "drop_after", "cut_json", "delay_ms", "reject_sku"]


@dataclass(frozen=True, slots=True)
class FaultRule:
    """One thing that goes wrong.

    `method` and `path` (as sent, percent-encoded) are shell patterns. `times` None means always. Kinds:
    `status` answers `status` without applying, with a body or without (`body`); `timeout` waits `ms` and never answers;
    `drop_before` closes the connection unapplied, `drop_after` applied; `cut_json` sends half of a good answer;
    `delay_ms` waits `ms` first; `reject_sku` refuses the row that names `sku`, as the endpoint words refusals.
    """

    kind: Kind
    method: str = "*"
    path: str = "*"
    times: int | None = 1
    probability: float = 1.0
    status: int = 503
    body: bool = True
    ms: int = 0
    sku: str = ""

    def __post_init__(self) -> None:
        """Raises `ValueError` for what cannot be meant."""
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}, not {self.kind!r}")
        if not 0 <= self.probability <= 1:
            raise ValueError("probability must be between 0 and 1")
        if not 400 <= self.status <= 599:  # noqa: PLR2004 - HTTP's error range
            raise ValueError("status must be between 400 and 599")
        if self.kind == "reject_sku" and not self.sku:
            raise ValueError("reject_sku needs the sku")

    @classmethod
    def from_json(cls, row: object) -> "FaultRule":
        """A rule from the admin interface; raises `ValueError` with what is wrong."""
        names = {field.name for field in fields(cls)}
        if not isinstance(row, Mapping) or "kind" not in row or row.keys() - names:
            raise ValueError(f"a fault is an object with kind and any of {', '.join(sorted(names - {'kind'}))}")
        return cls(**{**row, "probability": float(row.get("probability", 1.0))})

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

    def strike(self, method: str, path: str) -> FaultRule | None:
        """The first rule about the whole call that fires now; its use is counted."""
        for rule, used in self._rules:
            if rule.kind != "reject_sku" and rule.matches(method, path) and self._fires(rule, used):
                return rule
        return None

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
