"""House rules that ruff does not know: each takes a parsed module and gives the lines that break it."""

import ast
from collections.abc import Callable, Iterator

Rule = Callable[[ast.Module], list[int]]


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _called(call: ast.Call) -> str:
    """`datetime.now`, `consumer.commit`, ...: how the called thing is spelled."""
    return ast.unparse(call.func)


def bare_commits(tree: ast.Module) -> list[int]:
    """`commit()` of a consumer without offsets commits what was only fetched."""
    return [
        call.lineno
        for call in _calls(tree)
        if _called(call).endswith(".commit")
        and "consumer" in _called(call).lower()
        and not call.args
        and not call.keywords
    ]


def subscribers_without_policy(tree: ast.Module) -> list[int]:
    """FastStream's default acknowledges a record before it is handled."""
    return [
        call.lineno
        for call in _calls(tree)
        if _called(call).endswith(".subscriber") and "ack_policy" not in {word.arg for word in call.keywords}
    ]


def http_clients(tree: ast.Module) -> list[int]:
    """A client of its own would call a platform past the budget."""
    made = ("httpx.AsyncClient", "httpx.Client", "AsyncClient")
    verbs = tuple(f"httpx.{verb}" for verb in ("get", "post", "put", "patch", "delete", "request", "stream"))
    return [call.lineno for call in _calls(tree) if _called(call) in (*made, *verbs)]


def clock_reads(tree: ast.Module) -> list[int]:
    """What reads the time itself cannot be tested without waiting."""
    reads = ("datetime.now", "datetime.datetime.now", "datetime.utcnow", "date.today", "datetime.today", "time.time")
    return [call.lineno for call in _calls(tree) if _called(call) in reads]


def waits_for_real(tree: ast.Module) -> list[int]:
    """Waiting goes through a Clock; `asyncio.sleep(0)` only lets others run."""
    return [
        call.lineno
        for call in _calls(tree)
        if _called(call) in ("asyncio.sleep", "sleep") and ast.unparse(call.args[0] if call.args else call) != "0"
    ]


def cancelled_reads(tree: ast.Module) -> list[int]:
    """A cancelled `getone` may take a record with it."""
    return [
        call.lineno
        for call in _calls(tree)
        if _called(call).endswith("wait_for") and call.args and ".getone(" in ast.unparse(call.args[0])
    ]
