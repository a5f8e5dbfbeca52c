"""A few thousand inputs for everything that reads what others write: from a seed, and as Hypothesis makes them.

`python -m tests.fuzz --inputs 100000` plays more.
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.configuration import Configuration
from tests.fuzz.letters import Arguments, LetterLines, Letters
from tests.fuzz.playing import Target, opened, play, play_one
from tests.fuzz.records import Records
from tests.fuzz.sparklayer import SparkLayerReplies
from tests.fuzz.sparkpay import SparkPayReplies, SparkPayRows

INPUTS, OF_HYPOTHESIS = 400, 40


@pytest.fixture(
    params=[
        "records",
        "records (PostgreSQL)",
        *(
            target.name
            for target in (
                SparkPayReplies,
                SparkPayRows,
                SparkLayerReplies,
                Configuration,
                Letters,
                LetterLines,
                Arguments,
            )
        ),
    ]
)
def target(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Target]:
    monkeypatch.setenv("PAYLAYER_DATABASE_URL", f"sqlite:///{tmp_path}/absent.sqlite3")
    if request.param == "records":
        yield Records(request.getfixturevalue("sqlite_url"))
    elif request.param == "records (PostgreSQL)":
        yield Records(request.getfixturevalue("postgres_url"), name=request.param)
    else:
        kinds = (SparkPayReplies, SparkPayRows, SparkLayerReplies, Configuration, Letters, LetterLines, Arguments)
        yield next(kind for kind in kinds if kind.name == request.param)()


@pytest.mark.timeout(600)
def test_seeded_inputs_do_no_harm(target: Target) -> None:
    result = play(target, INPUTS, "ci")
    assert result.findings == [], "\n".join(map(str, result.findings))
    assert len(result.outcomes) > 1, "nothing but one outcome: the inputs are all alike"


@pytest.mark.timeout(600)
def test_inputs_of_hypothesis_do_no_harm(target: Target) -> None:
    """The same makers with Hypothesis for chance: it makes a finding small."""
    with opened(target) as runner:

        @settings(
            max_examples=OF_HYPOTHESIS,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        @given(st.randoms(use_true_random=False))
        def feed(rng: Random) -> None:
            findings = play_one(runner, target, rng)
            assert not findings, "\n".join(map(str, findings))

        feed()
