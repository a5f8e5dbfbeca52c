"""`paylayer secrets`: the key is changed by command, with counts, and nothing is left under the old one."""

import json

from commands import ADD, SECRET_KEY, Shell

NEW_KEY = "another-cli-key-0123456789-0123456789"


def test_the_key_is_changed(shell: Shell) -> None:
    assert "no secrets are stored" in shell.run("secrets", "check").out
    shell.run(*ADD)
    assert "PAYLAYER_SECRET_KEY_SECOND is not needed" in shell.run("secrets", "check").out
    shell.set(PAYLAYER_SECRET_KEY=NEW_KEY)
    lost = shell.run("secrets", "check")
    assert lost.code == 1
    assert "connections.sparkpay_token of acme: its key is not known" in lost.out
    assert shell.run("secrets", "rotate").code == 1
    shell.set(PAYLAYER_SECRET_KEY_SECOND=SECRET_KEY)
    assert shell.run("connections", "show", "acme").code == 0
    told = shell.run("secrets", "rotate", "--dry-run")
    assert (told.code, "2 need the second key yet" in told.out) == (0, True)
    assert shell.run("secrets", "check").code == 1
    counted = json.loads(shell.run("secrets", "rotate", "--json").out)
    assert (counted["renewed"], counted["former"]) == (2, 0)
    assert [(one["what"], one["current"], one["former"], one["unreadable"]) for one in counted["secrets"]] == [
        ("connections.sparkpay_token", 1, 0, []),
        ("connections.client_secret", 1, 0, []),
    ]
    again = shell.run("secrets", "rotate")
    assert (again.code, "0 stored anew" in again.out, NEW_KEY in again.out) == (0, True, False)
    shell.unset("PAYLAYER_SECRET_KEY_SECOND")
    assert shell.run("connections", "show", "acme").code == 0
    shell.set(PAYLAYER_SECRET_KEY=SECRET_KEY)
    assert "another key" in shell.fails(2, "connections", "show", "acme")


def test_a_second_key_that_is_none_is_refused(shell: Shell) -> None:
    said = shell.fails(2, "secrets", "check", PAYLAYER_SECRET_KEY_SECOND="short")
    assert said.startswith("PAYLAYER_SECRET_KEY_SECOND has 5 characters")
    assert shell.run("secrets", "check", PAYLAYER_SECRET_KEY_SECOND="").code == 0
