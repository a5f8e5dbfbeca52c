"""What the demo says, in 80 columns and without a terminal."""

import io
from dataclasses import replace

import pytest

from connector.demo.report import demo_console, progress, reason, show_progress, show_summary
from connector.demo.result import (
    SPARK_LAYER,
    SPARK_PAY,
    Calls,
    DemoResult,
    Phase,
    Refused,
    Synchronised,
    Verdict,
    WindowUse,
)

RESULT = DemoResult(
    synchronised=Synchronised(products=519, variants=1692, prices=8412, price_lists=5, stock_rows=1),
    phases=(
        Phase("First sync", 14.2, 3903, Calls(14, 13), Calls(534, 528)),
        Phase("Edits while it runs", 6.1, 97, Calls(26, 11), Calls(66)),
    ),
    window=WindowUse(limit=50, seconds=10.0, used=(14, 50, *range(1, 11)), refused=0),
    verdict=Verdict(fields_compared=26_948),
    seconds=31.2,
    refused=(
        Refused("product", "sparkpay:521", "sku_duplicate", "the SKU is taken", "waits for the merchant"),
        Refused("price", "[bold]SKU[/] " + "X" * 60, "invalid", "price:\n must be below [10]", "edited and replayed"),
    ),
    replays=("price PRICELESS: 10,000,000.00 to 1,000.00",),
    changes={"prices": 90, "titles": 7},
)


def shown(result: DemoResult) -> str:
    out = io.StringIO()
    show_summary(demo_console(out), result)
    return out.getvalue()


def test_the_summary_tells_everything_in_80_columns_without_colour_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = shown(RESULT)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    for words in (
        "519 products, 1,692 variants, 8,412 prices in 5 price lists, 1 stock level",
        "90 prices, 7 titles",
        "14 (least 13)",
        "534 (least 528)",
        "the highest use was 50 of 50",
        "refused: 0",
        "window   2    50 / 50  ####################",
        "and 4 more with 7 to 10 calls",
        "waits for the merchant",
        "edited and replayed",
        "price PRICELESS: 10,000,000.00 to 1,000.00",
        "26,948 fields compared, no difference. Both platforms agree.",
    ):
        assert words in " ".join(text.split()) or words in text, words


def test_keys_are_never_read_as_markup() -> None:
    assert "[bold]SKU[/] XXXXXXXXXX…" in shown(RESULT).replace("\n", " ")


def test_calls_are_told_per_side_and_per_changed_entity() -> None:
    assert RESULT.total(SPARK_PAY) == Calls(40, 24)
    assert RESULT.total(SPARK_LAYER) == Calls(600, None)
    assert RESULT.changed == 4000
    lines = [line.split() for line in shown(RESULT).splitlines()]
    assert ["Spark", "Pay", "40", "24", "+67%", "0.010"] in lines
    assert ["SparkLayer", "600", "unknown", "-", "0.150"] in lines


def test_differences_are_listed_and_the_rest_is_counted() -> None:
    bad = replace(RESULT, verdict=Verdict(100, tuple(f"stock S{n}: should be 1, found 2" for n in range(20))))
    text = shown(bad)
    assert not bad.agrees
    assert "100 fields compared, 20 differences:" in text
    assert "stock S11: should be 1, found 2" in text
    assert "stock S12" not in text
    assert "and 8 more" in text


def test_nothing_compared_is_no_success() -> None:
    nothing = replace(RESULT, verdict=Verdict(0))
    assert not nothing.agrees
    assert "Nothing was compared" in shown(nothing)


def test_a_refused_call_is_not_hidden() -> None:
    assert "That should not happen" in shown(replace(RESULT, window=replace(RESULT.window, refused=2)))


def test_a_run_without_anything_special_can_be_told() -> None:
    text = shown(DemoResult(Synchronised(0, 0, 0, 0, 0), (), WindowUse(50, 10, (), 0), Verdict(1), 0.1))
    assert "Refused, and kept" not in text
    assert "1 fields compared" in text


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        ("sku_missing", "x", "it has no SKU, so nobody could order it"),
        ("unheard-of", "price  must\nbe below 1", "price must be below 1"),
        ("unheard-of", "", "unheard-of"),
    ],
)
def test_reasons_in_words(code: str, message: str, words: str) -> None:
    assert reason(Refused("product", "k", code, message, "")) == words


def test_a_progress_line_says_when_what_and_how_far() -> None:
    assert (
        progress(3.21, "First sync", done=1200, of=5000, note="a\nb").plain
        == "   3.2 s  First sync  1,200 of 5,000  a b"
    )
    assert progress(3.21, "Polling", done=7).plain == "   3.2 s  Polling  7"


def test_a_progress_line_stays_one_line() -> None:
    out = io.StringIO()
    show_progress(demo_console(out), 1, "First sync", note="歯車 " * 60)
    assert out.getvalue().count("\n") == 1
    assert out.getvalue().rstrip().endswith("…")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    show_summary(demo_console(out), RESULT)
    assert "\x1b[" in out.getvalue()
