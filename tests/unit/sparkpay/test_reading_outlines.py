"""What the memory of outlines promises: a product looks different unless it was kept as it is now."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from connector.sparkpay.bundle import ProductBundle
from connector.sparkpay.outlines import Outlines

_IDS = st.sampled_from([1, 2, 63, 64, 65, 127, 128, 1_000_000, 2**40])
_STATES = st.integers(0, 2)


def _product(id_: int, state: int) -> ProductBundle:
    return ProductBundle({"id": id_, "price": state})


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("keep"), _IDS, _STATES),
            st.tuples(st.just("forget"), _IDS, st.just(0)),
            st.tuples(st.just("clear"), st.just(0), st.just(0)),
        )
    )
)
def test_only_what_was_kept_last_does_not_differ(steps: list[tuple[str, int, int]]) -> None:
    outlines, kept = Outlines(), dict[int, int]()
    for step, id_, state in steps:
        if step == "keep":
            outlines.keep([_product(id_, state)])
            kept[id_] = state
        elif step == "forget":
            outlines.forget([id_])
            kept.pop(id_, None)
        else:
            outlines.clear()
            kept.clear()
    for id_ in (1, 2, 63, 64, 65, 127, 128, 1_000_000, 2**40):
        for state in (0, 1, 2):
            differs = outlines.differing([_product(id_, state)])
            assert (not differs) is (kept.get(id_) == state)


def test_texts_do_not_count_and_prices_do() -> None:
    outlines = Outlines()
    product = ProductBundle({"id": 5, "price": 1, "long_description_1": "old"}, prices=({"id": 9, "price": 3},))
    outlines.keep([product])

    described = replace(product, product={**product.product, "long_description_1": "new"})
    assert outlines.differing([described]) == []
    dearer = replace(product, prices=({"id": 9, "price": 4},))
    assert outlines.differing([dearer]) == [dearer]
