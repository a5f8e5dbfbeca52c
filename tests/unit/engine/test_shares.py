from hypothesis import given
from hypothesis import strategies as st

from connector.state.shares import to_give, to_take

_HELD = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 60), min_size=1)


@given(_HELD, st.integers(0, 100))
def test_what_is_taken_is_there_and_more_than_an_even_share_is_never_held(held: dict[str, int], free: int) -> None:
    total = sum(held.values()) + free
    for name, own in held.items():
        taken = to_take(name, held, free)
        assert 0 <= taken <= free
        if taken:
            assert own + taken <= -(-total // len(held))


@given(_HELD, st.integers(0, 100))
def test_it_settles_evenly_and_then_rests(held: dict[str, int], free: int) -> None:
    held = dict(held)
    total = sum(held.values()) + free
    for _ in range(len(held) + 3):
        for name in sorted(held):
            taken = to_take(name, held, free)
            held[name], free = held[name] + taken, free - taken
            given_ = to_give(name, held, free)
            held[name], free = held[name] - given_, free + given_
    assert free == 0
    assert sum(held.values()) == total
    assert max(held.values()) - min(held.values()) <= 1
    assert all(to_give(name, held, 0) == 0 for name in held)


def test_a_single_lease_stays_where_it_is() -> None:
    assert to_give("a", {"a": 1, "b": 0}, 0) == 0
    assert to_take("b", {"a": 0, "b": 0}, 1) == 1
