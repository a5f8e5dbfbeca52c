"""Who may have a SKU when several products or variants claim it.

SparkLayer keeps a SKU unique over all variants, suspended and discontinued ones included. A claimant that is for sale
gets it from one that is not; of two alike the lower product keeps it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from connector.ports import Desired, Holder
from handlers.outcome import Claim, SkuDirectory

LONGEST_SKU = 100
THERE = frozenset({"live", "retired"})  # states of a claim whose SKU exists on the site; a refused one's does not


class Verdict(Enum):
    """What a claimant gets."""

    HAS_IT = auto()
    LOST = auto()
    WAITS = auto()


@dataclass(frozen=True, slots=True)
class Ruling:
    """The verdict, and what it asks for.

    `rename`: holders that have to leave the SKU first. Two kinds only if they turn out to stand in the way: `depose`,
    living holders of a higher product, and `stale`, whoever should have left it already. `by`: the product that has
    it, or that is waited for.
    """

    verdict: Verdict
    rename: tuple[Holder, ...] = ()
    depose: tuple[Holder, ...] = ()
    stale: tuple[Holder, ...] = ()
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Claimant:
    """A variant that wants a SKU.

    `retired`: it is not for sale itself. `has_it`: it was sent with that SKU last. `lets_go`: its product gives up
    other SKUs at the same time; somebody may wait for those, so it must not wait itself, or two products that swap
    SKUs would wait for each other.
    """

    product: str
    retired: bool
    has_it: bool
    lets_go: bool

    def comes_before(self, holder: Holder) -> bool:
        """What is for sale comes before what is not, then the lower product."""
        own = (self.retired, precedence(self.product))
        return own < (holder.state == "retired", precedence(holder.product))


def precedence(product: str) -> tuple[int, int, str]:
    """The lower comes first: Spark Pay's products by number, then everybody else's by name."""
    system, _, id_ = product.partition(":")
    if system == "sparkpay" and id_.isascii() and id_.isdigit():
        return (0, int(id_), "")
    return (1, 0, product)


def parked(sku: str, part: str) -> str:
    """The name under which a variant that may not have a SKU is kept: `<sku>~<part>`, 100 characters at most."""
    suffix = f"~{part}"
    if sku.endswith(suffix):
        return sku
    return (sku[: max(0, LONGEST_SKU - len(suffix))] + suffix)[:LONGEST_SKU]


def rule(claimant: Claimant, holders: Sequence[Holder], desired: Mapping[str, Desired], sku: str) -> Ruling:
    """Decide about one SKU; `desired` has an entry for every other product that holds it."""
    rename: list[Holder] = []
    depose: list[Holder] = []
    for holder in others(claimant.product, holders):
        wanted = desired[holder.product]
        if sku in wanted.skus:
            if not claimant.comes_before(holder):
                return Ruling(Verdict.LOST, by=holder.product)
            (rename if holder.state == "retired" else depose).append(holder)
        elif holder.state == "live" and wanted.pending and not claimant.lets_go:
            return Ruling(Verdict.WAITS, by=holder.product)
        else:
            rename.append(holder)
    if claimant.has_it:
        return Ruling(Verdict.HAS_IT, depose=tuple(depose), stale=tuple(rename))
    return Ruling(Verdict.HAS_IT, rename=tuple(rename), depose=tuple(depose))


def others(product: str, holders: Sequence[Holder]) -> list[Holder]:
    """Those of other products that have the SKU, for sale or not."""
    return [holder for holder in holders if holder.product != product and holder.state in THERE]


@dataclass(slots=True)
class BatchDirectory:
    """The directory as one batch sees it: what was asked once, with what the batch itself has done since."""

    source: SkuDirectory
    _holders: dict[str, list[Holder]] = field(default_factory=dict)
    _settled: dict[str, Desired] = field(default_factory=dict)
    _recorded: set[tuple[str, str]] = field(default_factory=set)

    async def load(self, skus: Sequence[str]) -> None:
        """Ask for all SKUs of the batch at once."""
        found = await self.source.holders(skus) if skus else {}
        self._holders = {sku: list(holders) for sku, holders in found.items()}
        self._recorded = {
            (holder.product, sku) for sku, holders in found.items() for holder in holders if holder.state in THERE
        }

    def holders(self, sku: str) -> Sequence[Holder]:
        """Everybody with a claim on the SKU."""
        return self._holders.get(sku, ())

    def on_record(self, product: str, sku: str) -> bool:
        """Whether the batch began with the knowledge that the product has the SKU there, for sale or not."""
        return (product, sku) in self._recorded

    def found(self, product: str, claims: Iterable[Claim]) -> None:
        """A look at that product showed these: what was on record of it before counts no more."""
        for sku, holders in self._holders.items():
            gone = [holder for holder in holders if holder.product == product and holder.state in THERE]
            self._holders[sku] = [holder for holder in holders if holder not in gone]
        for claim in claims:
            self._holders.setdefault(claim.sku, []).append(Holder(product, claim.part, claim.state))

    async def desired(self, product: str) -> Desired:
        """The newest wanted state of a product."""
        return self._settled.get(product) or await self.source.desired(product)

    def renamed(self, sku: str, holder: Holder) -> None:
        """That variant has another SKU now."""
        self._holders[sku] = [other for other in self.holders(sku) if other != holder]

    def settle(self, product: str, wanted: frozenset[str], claims: Mapping[str, tuple[str, str]]) -> None:
        """That product is done: `claims` maps a SKU to the part that claims it and the claim's state."""
        self._settled[product] = Desired(wanted, pending=False)
        for sku, holders in self._holders.items():
            self._holders[sku] = [holder for holder in holders if holder.product != product]
        for sku, (part, state) in claims.items():
            self._holders.setdefault(sku, []).append(Holder(product, part, state))
