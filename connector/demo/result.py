"""What a run of the demo found out, as plain numbers and words; nothing here knows how it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field

SPARK_PAY = "Spark Pay"
SPARK_LAYER = "SparkLayer"


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls to one platform; `least` is what the same work costs at best, None where nobody can say."""

    made: int
    least: int | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """One part of the run. `changed` counts the entities (products, prices and stock of a SKU) that were different."""

    name: str
    seconds: float
    changed: int
    sparkpay: Calls
    sparklayer: Calls


@dataclass(frozen=True, slots=True)
class Synchronised:
    """What SparkLayer holds at the end."""

    products: int
    variants: int
    prices: int
    price_lists: int
    stock_rows: int
    customers: int = 0
    purchases: int = 0


@dataclass(frozen=True, slots=True)
class WindowUse:
    """The store's rate window: what it allows, what was used of each one that was touched, what it refused."""

    limit: int
    seconds: float
    used: tuple[int, ...]
    refused: int


@dataclass(frozen=True, slots=True)
class Refused:
    """One dead letter; `fate` says what became of it ("edited and replayed", "waits for the merchant")."""

    entity: str
    key: str
    code: str
    message: str
    fate: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The comparison of both platforms; `differences` in words."""

    fields_compared: int
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DemoResult:
    """Everything that the summary tells; `changes` counts the merchant's edits by kind, `replays` are in words."""

    synchronised: Synchronised
    phases: tuple[Phase, ...]
    window: WindowUse
    verdict: Verdict
    seconds: float
    refused: tuple[Refused, ...] = ()
    replays: tuple[str, ...] = ()
    changes: Mapping[str, int] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """Whether both platforms are in step: something was compared and nothing differs."""
        return self.verdict.fields_compared > 0 and not self.verdict.differences

    def total(self, side: str) -> Calls:
        """Calls to one side over all phases; `least` only if every phase knows it."""
        calls = [phase.sparkpay if side == SPARK_PAY else phase.sparklayer for phase in self.phases]
        known = [each.least for each in calls if each.least is not None]
        return Calls(sum(each.made for each in calls), sum(known) if len(known) == len(calls) else None)

    @property
    def changed(self) -> int:
        """Entities that were different, over all phases."""
        return sum(phase.changed for phase in self.phases)
