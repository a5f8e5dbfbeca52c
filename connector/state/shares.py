"""How many of the leases of a kind each process should hold: as even as whole numbers allow."""

from collections.abc import Mapping


def to_take(mine: str, held: Mapping[str, int], free: int) -> int:
    """How many of the free leases `mine` may take; `held` counts those of every process that competes, itself included.

    What lies beyond an even share is for whoever comes first, as long as nobody else still lacks his own.
    """
    least, most = _bounds(held, free)
    own = held[mine]
    owed = sum(max(0, least - count) for name, count in held.items() if name != mine)
    needed = max(0, least - own)
    spare = max(0, free - owed - needed)
    return min(free, max(0, min(most - own, needed + spare)))


def to_give(mine: str, held: Mapping[str, int], free: int) -> int:
    """How many of its leases `mine` should hand over because others have less than their share.

    Only the one that holds most gives; among equals the first by name. So never more is on the move than is needed.
    """
    least, most = _bounds(held, free)
    lacking = sum(max(0, least - count) for count in held.values()) - free
    owed = max(lacking, held[mine] - most)
    if owed <= 0 or min(held, key=lambda name: (-held[name], name)) != mine:
        return 0
    return min(owed, max(0, held[mine] - least))


def _bounds(held: Mapping[str, int], free: int) -> tuple[int, int]:
    total = sum(held.values()) + free
    return total // len(held), -(-total // len(held))
