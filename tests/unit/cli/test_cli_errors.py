"""What a person gets wrong, one by one: a sentence, an exit code, never a traceback or a secret."""

import json
import socket
import sqlite3

import pytest
from commands import ADD, Shell

COMMANDS = [("frobnicate",), ("status", "--nope"), ("sync",), ("connections", "frob"), ("dlq", "show"),
            ("sandbox", "sparkpay", "--port", "x"), ("sandbox", "sparkpay", "--port", "99999"),
            ("sandbox", "sparkpay", "--window-seconds", "0"), ("dlq", "replay", "--rate", "0")]  # fmt: skip


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_wrong_use_names_the_help(shell: Shell, arguments: tuple[str, ...]) -> None:
    ended = shell.run(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert "Try 'paylayer" in ended.err
    assert "Error: " in ended.err


@pytest.mark.parametrize("group", ["connections", "dlq", "topics", "contracts", "sandbox"])
def test_a_group_alone_shows_what_it_has(shell: Shell, group: str) -> None:
    ended = shell.run(group)
    assert ended.code == 2
    assert f"Usage: paylayer {group} [OPTIONS] COMMAND" in ended.err


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PAYLAYER_SECRET_KEY", "short", "PAYLAYER_SECRET_KEY has 5 characters: set it to"),
        ("PAYLAYER_HTTP_PORT", "abc", "PAYLAYER_HTTP_PORT must be a whole number"),
        ("PAYLAYER_HTTP_PORT", "99999", "PAYLAYER_HTTP_PORT must be less than or equal to 65535"),
        ("PAYLAYER_LOG_LEVEL", "loud", "PAYLAYER_LOG_LEVEL must be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("PAYLAYER_TOPIC_PREFIX", "a b", "PAYLAYER_TOPIC_PREFIX must be 1 to 100 of letters"),
        ("PAYLAYER_POLL_INTERVAL_SECONDS", "soon", "PAYLAYER_POLL_INTERVAL_SECONDS must be a number"),
        ("PAYLAYER_DATABASE_URL", "mysql://u:pass-9@h/x", "databases of kind 'mysql' are not supported"),
        ("PAYLAYER_DATABASE_URL", "nonsense:pass-9", "the database address cannot be read"),
        ("PAYLAYER_DATABASE_URL", "sqlite://", "the SQLite database needs a file"),
    ],
)
def test_a_wrong_setting_is_named(shell: Shell, name: str, value: str, sentence: str) -> None:
    told = shell.fails(2, "status", **{name: value})
    assert told.startswith(sentence)
    assert "pass-9" not in told


def test_a_missing_key_is_told_with_how_to_make_one(shell: Shell) -> None:
    shell.unset("PAYLAYER_SECRET_KEY")
    assert "openssl rand -hex 32" in shell.fails(2, "status")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b'topic_prefx = "x"\n', "paylayer.toml has a name that nobody reads, topic_prefx: did you mean topic_prefix?"),
        (b"http_port = 'x'\n", "http_port in paylayer.toml must be a whole number"),
        (b"topic_prefix = x\n", "paylayer.toml cannot be read"),
        (b"\xff\xfe", "paylayer.toml cannot be read"),
        (b"[wrong]\nx = 1\n", "paylayer.toml has a name that nobody reads, wrong: known: kafka_bootstrap_servers"),
    ],
)
def test_a_wrong_file_of_settings_is_told(shell: Shell, text: bytes, sentence: str) -> None:
    (shell.folder / "paylayer.toml").write_bytes(text)
    assert shell.fails(2, "status").startswith(sentence)


def test_another_key_than_the_databases_is_told(shell: Shell) -> None:
    assert shell.run(*ADD).code == 0
    told = shell.fails(2, "connections", "show", "acme", PAYLAYER_SECRET_KEY="x" * 40)
    assert "set PAYLAYER_SECRET_KEY, or PAYLAYER_SECRET_KEY_SECOND, to the value it had" in told


def test_databases_that_are_not_ours_are_told(shell: Shell) -> None:
    place = shell.folder / "other.sqlite3"
    url = f"sqlite:///{place}"
    place.write_text("no database at all, but long enough to look like a file of something")
    assert "is no SQLite database" in shell.fails(2, "status", PAYLAYER_DATABASE_URL=url)
    place.unlink()
    with sqlite3.connect(place) as raw:
        raw.execute("create table leases(x)")
    raw.close()
    assert "belongs to another program (its table leases)" in shell.fails(2, "status", PAYLAYER_DATABASE_URL=url)
    assert "is a folder" in shell.fails(2, "status", PAYLAYER_DATABASE_URL=f"sqlite:///{shell.folder}")
    told = shell.fails(1, "status", PAYLAYER_DATABASE_URL="postgresql://user:pass-9@127.0.0.1:1/x")
    assert "does not answer" in told
    assert "pass-9" not in told


def test_a_database_of_the_future_or_with_a_hole_is_told(shell: Shell) -> None:
    assert shell.run("status").code == 0
    place = shell.folder / "state.sqlite3"
    with sqlite3.connect(place) as raw:
        raw.execute("drop table inbox")
    raw.close()
    assert "lacks the table inbox: restore it" in shell.fails(2, "status")
    (broken,) = [found for found in json.loads(shell.run("doctor", "--json").out) if found["what"] == "database"]
    assert not broken["ok"]
    assert "lacks the table inbox" in broken["message"]
    with sqlite3.connect(place) as raw:
        raw.execute("update alembic_version set version_num = '9999'")
    raw.close()
    assert "was made by a newer PayLayer (schema 9999)" in shell.fails(2, "status")


@pytest.mark.parametrize("command", [("topics", "check"), ("topics", "create"), ("dlq", "list"), ("run",)])
def test_an_unreachable_broker_is_told_once(shell: Shell, command: tuple[str, ...]) -> None:
    ended = shell.run(*command, PAYLAYER_LOG_LEVEL="ERROR", PAYLAYER_HTTP_PORT="0")
    assert (ended.code, ended.out) == (1, "")
    told = ended.err.splitlines()[-1]
    assert told.startswith("paylayer: Kafka at 127.0.0.1:9 cannot be reached")
    assert "PAYLAYER_KAFKA_BOOTSTRAP_SERVERS" in told


def test_a_broker_address_that_is_none_is_told(shell: Shell) -> None:
    assert "is no host:port" in shell.fails(2, "topics", "check", PAYLAYER_KAFKA_BOOTSTRAP_SERVERS="nonsense")
    assert "is empty" in shell.fails(2, "topics", "check", PAYLAYER_KAFKA_BOOTSTRAP_SERVERS="")
    told = shell.fails(2, "topics", "check", PAYLAYER_KAFKA_SECURITY_PROTOCOL="SASL_SSL")
    assert "PAYLAYER_KAFKA_SASL_USERNAME has to be set" in told


def test_a_port_in_use_is_told(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = shell.fails(1, "sandbox", "sparklayer", "--port", str(taken.getsockname()[1]))
    assert "cannot be listened on (Address already in use): another program may have it" in told


@pytest.mark.parametrize("command", ["show", "pause", "resume", "remove", "check", "update"])
def test_an_unknown_connection_is_told(shell: Shell, command: str) -> None:
    assert shell.fails(2, "connections", command, "nope").startswith("there is no connection 'nope'")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--set", "stock"), "--set takes KEY=VALUE, not 'stock'"),
        (("--set", "stock.mod=x"), "there is no setting 'stock.mod'; did you mean stock.mode"),
        (("--set", "stock.mode=x"), "setting stock.mode does not take 'x': it must be 'single_default' or"),
        (("--sparkpay-limit", "0"), "setting sparkpay.limit does not take 0: it must be greater than"),
        (("--b2b-customer-types", "some"), "--b2b-customer-types 'some': write all, or ids such as 1,2"),
        (("--site-env", "prod"), "--site-env 'prod': write live or test"),
        (("--sparkpay-url", "http://shop.example.com"), "--sparkpay-url 'http://shop.example.com': a token must not"),
        (("--sparkpay-url", "shop.example.com/store"), "--sparkpay-url 'https://shop.example.com/store': give the"),
        (("--currency", "dollars"), "setting store.currency_code does not take 'DOLLARS'"),
    ],
)  # fmt: skip
def test_what_a_connection_does_not_take_is_told(shell: Shell, options: tuple[str, ...], sentence: str) -> None:
    assert shell.fails(2, *ADD, *options).startswith(sentence)


def test_filters_and_ids_of_letters_are_checked_before_the_broker_is_asked(shell: Shell) -> None:
    assert shell.fails(2, "dlq", "list", "--side", "nowhere") == "--side 'nowhere': write sparklayer, sparkpay"
    assert shell.fails(2, "dlq", "list", "--state", "old").startswith("--state 'old': write new, replayed")
    assert "is no time: write 2026-11-22T10:00:00Z" in shell.fails(2, "dlq", "list", "--since", "yesterday")
    assert "is no letter id" in shell.fails(2, "dlq", "show", "x")
    assert shell.fails(2, "dlq", "discard").startswith("say which letters")
    assert shell.fails(2, "dlq", "replay").startswith("say which letters")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("none.json", None, "--transform: none.json cannot be read: No such file or directory"),
        ("a.json", "{", "--transform: a.json is not JSON"),
        ("a.json", "{}", "--transform: a.json is no JSON Patch: a list of operations is needed (RFC 6902)"),
        ("a.json", "[1]", "--transform: a.json is no JSON Patch: "),
        ("a.json", '[{"op": "frob", "path": "/a"}]', "--transform: a.json is no JSON Patch: Unknown operation 'frob'"),
        ("a.json", '[{"op": "add", "path": "/a"}]', "has no 'value'"),
        ("a.json", '[{"op": "move", "path": "/a"}]', "has no 'from'"),
        ("a.json", '[{"op": "copy", "from": "a", "path": "/a"}]', "--transform: a.json is no JSON Patch: "),
        ("a.json", '[{"op": "remove", "path": "a"}]', "--transform: a.json is no JSON Patch: "),
        ("a.py", "def change(event, letter):\n    return event\n", "--transform: a.py has no function transform("),
        ("a.py", "transform = 1\n", "--transform: a.py has no function transform("),
        ("a.py", "def transform(:\n", "--transform: a.py cannot be run: SyntaxError"),
        ("a.py", "raise SystemExit(3)\n", "--transform: a.py cannot be run: SystemExit: 3"),
    ],
)
def test_what_is_wrong_with_a_transform_is_told(shell: Shell, name: str, text: str | None, told: str) -> None:
    if text is not None:
        (shell.folder / name).write_text(text)
    assert told in shell.fails(2, "dlq", "replay", "--code", "x", "--transform", name)


def test_replays_and_imports_are_checked_before_the_broker_is_asked(shell: Shell) -> None:
    assert shell.fails(2, "dlq", "replay", "--resume", "nope") == (
        "there is no replay 'nope': paylayer dlq replays lists them"
    )
    assert "--resume goes with --rate" in shell.fails(2, "dlq", "replay", "--resume", "x", "--code", "y")
    assert "--resume goes with --rate" in shell.fails(2, "dlq", "replay", "--resume", "x", "--all")
    assert shell.fails(2, "dlq", "import", "none.jsonl") == "none.jsonl cannot be read: No such file or directory"
    (shell.folder / "bad.jsonl").write_text('{"id": "x"}\n')
    assert shell.fails(2, "dlq", "import", "bad.jsonl").startswith("bad.jsonl cannot be imported, nothing was: line 1")
    assert shell.fails(2, "dlq", "import", "bad.jsonl", "--rate", "5") == "--all and --rate go with --replay"
    assert shell.fails(1, "dlq", "replay", "--code", "x").startswith("Kafka at 127.0.0.1:9 cannot be reached")


def test_replays_are_listed(shell: Shell) -> None:
    assert shell.run("dlq", "replays").out == "no replays\n"
    assert json.loads(shell.run("dlq", "replays", "--json").out) == []


def test_a_sync_without_a_service_says_how(shell: Shell) -> None:
    assert shell.run(*ADD, "--no-sync").code == 0
    assert "start it with paylayer run, or add --here" in shell.fails(1, "sync", "acme")
    assert "--entity 'orders': write product, price, stock" in shell.fails(2, "sync", "acme", "--entity", "orders")


def test_nothing_is_removed_without_being_asked(shell: Shell) -> None:
    assert shell.run(*ADD).code == 0
    assert "add --yes" in shell.fails(2, "connections", "remove", "acme")
    assert shell.run("connections", "remove", "acme", "--yes").out == "removed acme\n"
