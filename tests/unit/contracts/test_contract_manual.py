"""The manual names everything that the code does."""

import re
from pathlib import Path

import contracts
from contracts import EVENTS, KINDS, PRIORITIES, PRIORITY, REPLAY, TARGET, TopicNames
from contracts.dead_letters import HEADERS

ROOT = Path(__file__).parents[3]
MANUAL = (ROOT / "docs" / "contracts.md").read_text("utf-8")


def test_every_code_of_an_unreadable_record_is_explained() -> None:
    source = Path(contracts.events.__file__).read_text("utf-8")
    codes = set(re.findall(r'Unreadable\(\s*"(\w+)"', source))
    assert len(codes) > 5
    assert {code for code in codes if f"`{code}`" not in MANUAL} == set()


def test_topics_headers_and_priorities_are_named() -> None:
    names = [*TopicNames().all_sources(), TARGET, PRIORITY, REPLAY, *PRIORITIES]
    assert [name for name in names if f"`{name}`" not in MANUAL] == []
    assert all(kind in MANUAL for kind in KINDS)


def test_every_header_of_a_dead_letter_is_named() -> None:
    short = [re.sub(r"^(__connect\.errors|paylayer)(\.error)?(?=\.)", "", name) for name, _, _ in HEADERS]
    assert [name for name in short if f"{name}`" not in MANUAL] == []


def test_the_examples_publish_an_event_that_exists() -> None:
    folder = ROOT / "docs" / "examples" / "publish-stock"
    topic = TopicNames().of("stock")
    for name in ("publish-stock.sh", "publish-stock.mjs", "PublishStock.java"):
        text = (folder / name).read_text("utf-8")
        assert topic in text
        assert any(type_ in text for type_ in EVENTS)
    assert topic in (folder / "publish_stock.py").read_text("utf-8")
