"""The SKU directory in memory."""

from collections.abc import Iterable, Mapping, Sequence

from connector.ports import Desired, Holder
from handlers.outcome import Claim


class FakeSkuDirectory:
    """Claims by product, and what each product wants; counts how often it is asked."""

    def __init__(self) -> None:
        self.claims: dict[str, tuple[Claim, ...]] = {}
        self.wanted: dict[str, Desired] = {}
        self.questions = 0

    def claim(self, product: str, sku: str, part: str, state: str = "live") -> None:
        """One more claim of a product."""
        self.claims[product] = (*self.claims.get(product, ()), Claim(sku, part, state))

    def void(self, product: str, sku: str, part: str) -> None:
        """That variant of a product holds the SKU no more."""
        gone = [claim for claim in self.claims.get(product, ()) if (claim.sku, claim.part) == (sku, part)]
        gone = [claim for claim in gone if claim.state != "refused"]
        self.claims[product] = tuple(claim for claim in self.claims.get(product, ()) if claim not in gone)

    def heirs(self, product: str, claims: Sequence[Claim]) -> list[str]:
        """Who was refused a SKU that this product has on record, and lets go, or sells no more, with these claims."""
        now = {claim.sku: claim.state for claim in claims}
        enough = {"live": {"live"}, "retired": {"live", "retired"}}
        held = [claim for claim in self.claims.get(product, ()) if claim.state in enough]
        freed = {claim.sku for claim in held if now.get(claim.sku) not in enough[claim.state]}
        return [
            other
            for other, theirs in self.claims.items()
            if other != product and any(claim.sku in freed and claim.state == "refused" for claim in theirs)
        ]

    def want(self, product: str, skus: Iterable[str], *, pending: bool) -> None:
        """What the newest state of a product says."""
        self.wanted[product] = Desired(frozenset(skus), pending)

    async def holders(self, skus: Sequence[str]) -> Mapping[str, Sequence[Holder]]:
        """See `SkuDirectory`."""
        self.questions += 1
        found: dict[str, list[Holder]] = {}
        for product, claims in self.claims.items():
            for claim in claims:
                if claim.sku in skus:
                    found.setdefault(claim.sku, []).append(Holder(product, claim.part, claim.state))
        return found

    async def desired(self, product: str) -> Desired:
        """See `SkuDirectory`."""
        return self.wanted.get(product, Desired(frozenset(), pending=False))
