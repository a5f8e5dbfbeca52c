"""Progress of long work: a line every few seconds where there is no terminal, nothing for scripts."""

import io

from connector.cli.progress import EVERY_SECONDS, LongWork, in_words
from connector.clock import SteppedClock


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_words_say_how_many_how_fast_and_how_long_still() -> None:
    assert in_words("sending", 1200, 5000, 5.0) == "sending: 1,200 of 5,000, 240/s, 16 s left"
    assert in_words("looking through", 3000, None, 2.0) == "looking through: 3,000, 1,500/s"
    assert in_words("sending", 1, 10, 10.0) == "sending: 1 of 10, 6.0/min, 90 s left"
    assert in_words("sending", 0, 10, 0.0) == "sending: 0 of 10"


def test_without_a_terminal_there_is_a_line_every_few_seconds() -> None:
    clock, stream = SteppedClock(), io.StringIO()
    with LongWork(clock=clock, stream=stream) as progress:
        for done in range(0, 2200, 200):
            progress("sending", done, 2000)
            clock.advance(1)
        progress.say("done")
    assert EVERY_SECONDS == 5.0
    assert stream.getvalue().splitlines() == [
        "sending: 1,000 of 2,000, 200/s, 5 s left",
        "sending: 2,000 of 2,000, 200/s, 0 s left",
        "done",
    ]


def test_for_a_script_there_is_nothing() -> None:
    clock, stream = SteppedClock(), io.StringIO()
    with LongWork(quiet=True, clock=clock, stream=stream) as progress:
        progress("sending", 0, 10)
        clock.advance(60)
        progress("sending", 10, 10)
        progress.say("replay 1")
    assert stream.getvalue() == ""


def test_on_a_terminal_there_is_a_bar() -> None:
    stream = Terminal()
    with LongWork(clock=SteppedClock(), stream=stream) as progress:
        progress("looking through", 200, None)
        progress("sending", 1000, 2000)
        progress.say("replay 1")
        progress("sending", 2000, 2000)
    assert "replay 1" in stream.getvalue()
    assert "2000/2000" in stream.getvalue()
