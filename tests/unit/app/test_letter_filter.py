"""Which letters are meant, as a resumed replay reads it back from its record."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from connector.app.letter_filter import LetterFilter

_TEXT = st.none() | st.text(min_size=1, max_size=5)
_MOMENT = st.none() | st.datetimes(timezones=st.just(UTC))
_FILTERS = st.builds(
    LetterFilter,
    ids=st.lists(st.text(min_size=1, max_size=5), max_size=3).map(tuple),
    side=_TEXT, entity=_TEXT, connection=_TEXT, state=_TEXT, status=st.none() | st.integers(100, 599),
    code=_TEXT, since=_MOMENT, until=_MOMENT, grep=_TEXT,
)  # fmt: skip


@given(_FILTERS)
def test_a_record_gives_the_filter_back(chosen: LetterFilter) -> None:
    record = json.loads(json.dumps(chosen.as_record() | {"all": True, "file": "x"}))
    assert LetterFilter.recorded(record) == chosen


def test_a_record_says_only_what_is_set() -> None:
    assert LetterFilter().as_record() == {}
    assert LetterFilter().empty
    chosen = LetterFilter(code="duplicate", since=datetime(2026, 1, 1, tzinfo=UTC))
    assert chosen.as_record() == {"code": "duplicate", "since": "2026-01-01T00:00:00+00:00"}
    assert not chosen.empty
