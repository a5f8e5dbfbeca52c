"""Whether SparkLayer has a variant with a SKU yet: stock and prices have nowhere to go without one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.ports import Holder
from handlers.outcome import Failed, SkuDirectory, Waiting


@dataclass(frozen=True, slots=True)
class KnownSkus:
    """The claims on the SKUs of one batch."""

    holders: Mapping[str, Sequence[Holder]]

    def held(self, sku: str) -> bool:
        """By a variant that is there, retired or not."""
        return any(holder.state in {"live", "retired"} for holder in self.holders.get(sku, ()))

    def held_live(self, sku: str) -> bool:
        """By a variant that is not retired."""
        return any(holder.state == "live" for holder in self.holders.get(sku, ()))

    def part(self, sku: str) -> str | None:
        """The variant that has it, one that is for sale first; none where nobody has it."""
        there = [holder for holder in self.holders.get(sku, ()) if holder.state in {"live", "retired"}]
        return min(there, key=lambda holder: (holder.state, holder.product, holder.part)).part if there else None


async def known_skus(directory: SkuDirectory, skus: Sequence[str]) -> KnownSkus:
    """Ask once for the whole batch."""
    wanted = sorted(set(skus))
    return KnownSkus(await directory.holders(wanted) if wanted else {})


def absent(sku: str, *, live: bool, status: int | None) -> Waiting | Failed:
    """SparkLayer says that it has no such SKU.

    Where a product was applied with it, it is on its way from one variant to another at this moment: the old one is
    renamed before the new one is written. So it is tried again, and refused only if it stays unknown.
    """
    if not live:
        return waiting_for(sku)
    message = f"SparkLayer does not know the SKU {sku!r} although a product was applied with it"
    return Failed(message, target=False, status=status, code="sku_unknown")


def waiting_for(sku: str) -> Waiting:
    """Released when a product with that SKU is applied."""
    return Waiting(f"sku:{sku}", f"SparkLayer has no variant with the SKU {sku!r} yet")
