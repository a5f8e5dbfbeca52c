"""What the documents show is what the code takes."""

import re
from pathlib import Path

from connector.mapping_rules import check_mapping
from connector.mapping_rules.functions import FUNCTIONS

PAGE = (Path(__file__).parents[3] / "docs" / "field-mapping.md").read_text("utf-8")


def test_the_example_of_the_page_is_right() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert len(check_mapping(example, "example")) >= 6


def test_the_page_names_every_function() -> None:
    assert [name for name in FUNCTIONS if f"`{name}(" not in PAGE] == []
