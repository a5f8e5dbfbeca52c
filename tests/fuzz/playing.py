"""Plays inputs against a target: what may come of one, how long it may take, and what must not be told."""

import asyncio
import logging
import signal
import time
import traceback
from collections import Counter
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from types import FrameType
from typing import Any, Protocol

import structlog

SECRETS = ("store-token-7f3a91", "site-secret-91bc02", "access-token-55d1e8", "database-pass-4c7e", "sasl-pass-6b21f0")
LONGEST_SECONDS = 20  # of computing, and as long again of waiting; the machine may be busy
LONGEST_MESSAGE = 4000
_SHOWN = 1500


class Target(Protocol):
    """What is fed. `open` and `close` may prepare what is dear; every input is made from chance alone."""

    name: str

    async def open(self) -> None:
        """Before the first input."""
        ...

    async def close(self) -> None:
        """After the last one."""
        ...

    def make(self, rng: Random) -> Any:
        """An input whose repr says everything."""
        ...

    def feed(self, given: Any) -> str | Coroutine[Any, Any, str]:
        """What came of it, in a word or two. Whatever is raised, and every broken promise, is a finding."""
        ...


class Fuzzed:
    """A target that needs nothing dear."""

    name = ""

    async def open(self) -> None:
        """Nothing to prepare."""

    async def close(self) -> None:
        """Nothing to give back."""


@dataclass(frozen=True)
class Finding:
    """An input that did what none may do."""

    target: str
    seed: str
    given: str
    what: str

    @property
    def cause(self) -> str:
        """The same for findings that are probably one: where it was raised."""
        places = [line for line in self.what.splitlines() if line.lstrip().startswith("File ")]
        return places[-1] if places else self.what

    def __str__(self) -> str:
        return f"{self.target}: {self.what}\n  seed {self.seed}\n  input {self.given}"


@dataclass
class Result:
    """What came of all inputs of a target."""

    target: str
    inputs: int = 0
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)


class TooSlow(BaseException):
    """An input took so long that it hangs; no `except Exception` keeps it."""


class _Heard(logging.Handler):
    """Every log line, ours and the libraries', as it is before anything is blacked out."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage() + str(record.exc_info or ""))

    def __call__(self, _logger: object, _method: str, event: Mapping[str, Any]) -> str:
        self.lines.append(str(event))
        raise structlog.DropEvent


@contextmanager
def listening() -> Iterator[list[str]]:
    """Collect log lines; everything is as it was afterwards."""
    heard, root, before = _Heard(), logging.getLogger(), structlog.get_config()
    level = root.level
    root.addHandler(heard)
    root.setLevel(logging.INFO)
    structlog.configure(processors=[heard], wrapper_class=structlog.BoundLogger, cache_logger_on_first_use=False)
    try:
        yield heard.lines
    finally:
        structlog.configure(**before)
        root.removeHandler(heard)
        root.setLevel(level)


def leaked(text: str) -> str | None:
    """A secret in the text."""
    return next((secret for secret in SECRETS if secret in text), None)


def play(target: Target, inputs: int, seed: str, *, most_findings: int = 5) -> Result:
    """So many inputs made from the seed; stops early only where there is nothing but findings."""
    result, begun = Result(target.name), time.monotonic()
    with opened(target) as runner, listening() as lines:
        for number in range(inputs):
            one = f"{seed}:{target.name}:{number}"
            _one(runner, target, one, Random(one), result=result, lines=lines)
            if len({finding.cause for finding in result.findings}) >= most_findings:
                break
    result.seconds = time.monotonic() - begun
    return result


@contextmanager
def opened(target: Target) -> Iterator[asyncio.Runner]:
    """The target ready for inputs, and the loop that it lives in."""
    with asyncio.Runner() as runner:
        runner.run(target.open())
        try:
            yield runner
        finally:
            runner.run(target.close())


def play_one(runner: asyncio.Runner, target: Target, rng: Random) -> Sequence[Finding]:
    """One input of an opened target, from any source of chance."""
    result = Result(target.name)
    with listening() as lines:
        _one(runner, target, "of Hypothesis", rng, result=result, lines=lines)
    return result.findings


def _one(runner: asyncio.Runner, target: Target, seed: str, rng: Random, *, result: Result, lines: list[str]) -> None:
    given = target.make(rng)
    lines.clear()
    result.inputs += 1
    try:
        with _computing(LONGEST_SECONDS):
            fed = target.feed(given)
            outcome = fed if isinstance(fed, str) else runner.run(asyncio.wait_for(fed, LONGEST_SECONDS * 2))
    except (Exception, TooSlow) as error:  # noqa: BLE001 - that is what is looked for
        told = "".join(traceback.format_exception(error)[-5:])
        result.findings.append(Finding(target.name, seed, repr(given)[:_SHOWN], f"{type(error).__name__}: {told}"))
        return
    result.outcomes[outcome] += 1
    for line in lines:
        if secret := leaked(line):
            result.findings.append(Finding(target.name, seed, repr(given)[:_SHOWN], f"{secret} in the log: {line}"))


@contextmanager
def _computing(seconds: float) -> Iterator[None]:
    """Raise `TooSlow` after so much processor time: a loop that never ends lets no other timer through."""

    def over(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow(f"more than {seconds} s of computing")

    before = signal.signal(signal.SIGPROF, over)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def told(error: BaseException, *, longest: int | None = LONGEST_MESSAGE) -> str:
    """An error's name, once it is sure that it keeps its secrets and has something, but no novel, to say.

    `longest` is none where a person gets back what they typed.
    """
    text = "".join(traceback.format_exception(error))
    assert not leaked(text), f"{leaked(text)} in {text[-1000:]}"
    assert str(error).strip(), f"{type(error).__name__} says nothing"
    assert longest is None or len(str(error)) <= longest, f"{type(error).__name__} says {len(str(error))} characters"
    return type(error).__name__
