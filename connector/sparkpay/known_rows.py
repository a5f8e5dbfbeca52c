"""Which rows of child resources are known as they are: a look at them then need not read their parents again."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

from connector.sparkpay.answers import Row
from connector.sparkpay.content_hash import fields_digest

_CAPACITY = 5000


class KnownRows:
    """Short digests of the rows that came with their parents, the newest ones."""

    def __init__(self, fields: Mapping[str, Sequence[str]], *, capacity: int = _CAPACITY) -> None:
        """`fields`: what counts of each resource; times never do."""
        self._fields = fields
        self._capacity = capacity
        self._digests: OrderedDict[tuple[str, int], bytes] = OrderedDict()

    def keep(self, resource: str, rows: Iterable[Row]) -> None:
        """These were read with their parents."""
        for row in rows:
            name = resource, row["id"]
            self._digests[name] = fields_digest(row, self._fields[resource])
            self._digests.move_to_end(name)
        while len(self._digests) > self._capacity:
            self._digests.popitem(last=False)

    def unknown(self, resource: str, rows: Iterable[Row]) -> list[Row]:
        """Those that are new or look different."""
        fields = self._fields[resource]
        return [row for row in rows if self._digests.get((resource, row["id"])) != fields_digest(row, fields)]
