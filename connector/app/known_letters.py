"""Dead letters that exist already, so that what is refused once more does not become a second one."""

from collections.abc import Mapping, Sequence

from connector.bus.dead_letters import APPLY, DeadLetterOffice, LetterBox, Refusal
from connector.bus.letter_reader import LetterReader
from connector.bus.record import HeaderList, Place, Record
from connector.clock import Clock
from connector.settings import Settings
from contracts.dead_letters import without_reason
from contracts.events import Unreadable, decode
from contracts.topics import TopicNames

Refused = tuple[str, str, str | None]
"""Side, event id, and the code of the refusal."""


async def known_letters(settings: Settings, ids: Sequence[str]) -> dict[Refused, Place]:
    """The refusals by a platform that the dead-letter topics hold of these connections. Raises `Unavailable`."""
    reader = LetterReader(settings)
    found: dict[Refused, Place] = {}
    async for stored in reader.read(reader.topics()):
        letter = stored.letter
        if letter is None or letter.stage != APPLY or letter.connection not in ids or stored.value is None:
            continue
        id_ = _event_id(stored.key, stored.value, without_reason(stored.headers))
        if id_ is not None:
            found[letter.side, id_, letter.code] = Place(stored.topic, stored.partition, stored.offset)
    return found


class KnowingOffice(DeadLetterOffice):
    """Posts a refusal only where no letter says the same of the same event; without `post`, never."""

    def __init__(
        self, box: LetterBox, names: TopicNames, clock: Clock, *, known: Mapping[Refused, Place], post: bool
    ) -> None:
        super().__init__(box, names, clock)
        self._known = known
        self._post = post

    async def refuse(self, record: Record, side: str, refusal: Refusal) -> Place:
        """As `DeadLetterOffice.refuse`."""
        id_ = None if record.value is None else _event_id(record.key, record.value, record.headers)
        there = None if id_ is None else self._known.get((side, id_, refusal.code))
        if there is not None:
            return there
        if not self._post:
            return Place(record.topic, record.partition, record.offset)
        return await super().refuse(record, side, refusal)


def _event_id(key: bytes | None, value: bytes, headers: HeaderList) -> str | None:
    try:
        return decode(key, value, headers).id
    except Unreadable:
        return None
