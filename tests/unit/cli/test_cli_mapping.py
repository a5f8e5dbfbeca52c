"""Field mapping as people give it, see it and take it away."""

import json
from pathlib import Path

from commands import ADD, Shell

RULES = """# titles
[to_sparklayer.product.compute]
title = 'upper(title)'

[to_sparkpay.customer]
drop = ["phone", 'attributes["Internal"]']
"""
WRONG = "[to_sparklayer.product]\ndrop = ['titel']\n"


def written(folder: Path, text: str) -> str:
    file = folder / "rules.toml"
    file.write_text(text, "utf-8")
    return str(file)


def test_a_mapping_is_given_shown_replaced_and_forgotten(shell: Shell) -> None:
    file = written(shell.folder, RULES)
    assert shell.run(*ADD, "--mapping", file).code == 0
    assert shell.run("mapping", "show", "acme").out == RULES
    shown = " ".join(shell.run("connections", "show", "acme").out.split())
    assert "mapping.rules 3 rules: paylayer mapping show acme" in shown
    settings = json.loads(shell.run("connections", "show", "acme", "--json").out)["settings"]
    assert settings["mapping"]["rules"] == RULES
    written(shell.folder, RULES.replace("upper", "lower"))
    assert shell.run("connections", "update", "acme", "--mapping", file).code == 0
    assert "lower(title)" in shell.run("mapping", "show", "acme").out
    assert shell.run("connections", "update", "acme", "--set", "stock.batch=7").code == 0
    assert "lower(title)" in shell.run("mapping", "show", "acme").out, "other changes leave it alone"
    assert shell.run("connections", "update", "acme", "--no-mapping").code == 0
    assert "acme has no field mapping" in shell.run("mapping", "show", "acme").out


def test_a_wrong_mapping_is_refused_with_file_and_line_and_changes_nothing(shell: Shell) -> None:
    shell.run(*ADD, "--mapping", written(shell.folder, RULES))
    wrong = written(shell.folder, WRONG)
    said = shell.fails(2, "connections", "update", "acme", "--mapping", wrong)
    assert said.startswith(f"{wrong}, line 2: [to_sparklayer.product.drop] a product has no field titel; did you mean")
    assert shell.run("mapping", "show", "acme").out == RULES
    assert "cannot be read" in shell.fails(2, "connections", "update", "acme", "--mapping", "nowhere.toml")
    assert "write one of them" in shell.fails(2, "connections", "update", "acme", "--mapping", wrong, "--no-mapping")
    said = shell.fails(2, "connections", "update", "acme", "--set", "mapping.rules=[to_nowhere.x]")
    assert said.startswith("setting mapping.rules, line 1: [to_nowhere]")


def test_a_file_is_checked_without_a_connection(shell: Shell) -> None:
    file = written(shell.folder, RULES)
    out = " ".join(shell.run("mapping", "check", file).out.split())
    assert out.startswith(f"{file}: 3 rules")
    assert "product to sparklayer: 1" in out
    assert "customer to sparkpay: 2" in out
    assert "did you mean title" in shell.fails(2, "mapping", "check", written(shell.folder, WRONG))
    assert "cannot be read" in shell.fails(2, "mapping", "check", "nowhere.toml")


def test_a_preview_of_nothing_known_says_what_is_wrong(shell: Shell) -> None:
    assert "there is no connection 'acme'" in shell.fails(
        2, "mapping", "preview", "acme", "--entity", "product", "--id", "1"
    )
    shell.run(*ADD)
    said = shell.fails(2, "mapping", "preview", "acme", "--entity", "produkt", "--id", "1")
    assert said.startswith("--entity 'produkt': write product, price")
    said = shell.fails(2, "mapping", "preview", "acme", "--entity", "product", "--id", "1", "--from", "erp")
    assert said == "--from 'erp': write sparkpay or sparklayer"
