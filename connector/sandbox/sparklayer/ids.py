"""Internal ids, the same ones for the same seed."""

from random import Random


class Ids:
    """Makes ids such as `pp_5f0c...`; never the same twice."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def make(self, prefix: str) -> str:
        """A new id with the prefix of its kind."""
        return f"{prefix}{self._random.getrandbits(80):020x}"
