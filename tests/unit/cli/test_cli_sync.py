"""What `paylayer sync` takes, and what it says to what it does not take."""

import json
from pathlib import Path

import pytest
from commands import ADD, Shell

from tests.unit.cli.test_cli_pauses import with_core


@pytest.fixture
def joined(shell: Shell) -> Shell:
    shell.run(*ADD, "--no-sync")
    return shell


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--entity", "produkt"), "--entity 'produkt': write product, price"),
        (("--id", "ROPE-1"), "--id 'ROPE-1': write the number that it has in the store; by SKU: --where item_number="),
        (("--id", "٣"), "write the number"),
        (("--ids", "nowhere.txt"), "--ids: nowhere.txt cannot be read"),
        (("--where", "price"), "--where: 'price' is no condition"),
        (("--where", "width=gt:3"), "products.width does not work in queries"),
        (("--since", "yesterday"), "--since 'yesterday' is no time"),
        (("--entity", "order", "--entity", "product", "--id", "1"), "choose rows of one table; order and product have"),
        (("--entity", "setting", "--id", "1"), "setting cannot be chosen by id or query"),
        (("--dry-run", "--full"), "--dry-run needs no service"),
        (("--dry-run", "--here"), "--dry-run needs no service"),
    ],
)
def test_wrong_use_says_what_fits(joined: Shell, options: tuple[str, ...], why: str) -> None:
    assert why in joined.fails(2, "sync", "acme", *options)


def test_an_empty_file_of_ids_is_no_sync_of_everything(joined: Shell) -> None:
    Path("ids.txt").write_text("# none yet\n\n")
    assert joined.fails(2, "sync", "acme", "--ids", "ids.txt") == "--ids: ids.txt names no id"


def test_without_a_service_nothing_is_asked_for(joined: Shell) -> None:
    assert "no service is running" in joined.fails(1, "sync", "acme", "--id", "18")

    assert with_core(lambda core: core.runs.latest("acme")) is None


def test_a_dry_run_of_a_store_that_does_not_answer_fails_in_one_sentence(joined: Shell) -> None:
    ended = joined.run("sync", "acme", "--dry-run", "--id", "18", "--entity", "product")
    assert ended.code == 1
    assert ended.err.count("\n") == 1
    assert ended.out == ""
    assert json.loads(joined.run("connections", "show", "acme", "--json").out)["id"] == "acme"


def test_a_dry_run_of_a_kind_that_does_not_flow_is_wrong_use(joined: Shell) -> None:
    joined.run("connections", "update", "acme", "--set", "flow.stock_location=off")
    said = joined.fails(2, "sync", "acme", "--dry-run", "--entity", "stock-location")
    assert said.startswith("the flow of acme takes no stock-location from either side")
