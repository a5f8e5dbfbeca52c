"""All targets, and how many of a hundred inputs each gets."""

from pathlib import Path

from tests.fuzz.configuration import Configuration
from tests.fuzz.letters import Arguments, LetterLines, Letters
from tests.fuzz.playing import Target
from tests.fuzz.records import Records
from tests.fuzz.sparklayer import SparkLayerReplies
from tests.fuzz.sparkpay import SparkPayReplies, SparkPayRows


def targets(folder: Path, postgres_url: str | None) -> list[tuple[Target, float]]:
    """Every target with its share. Records go into SQLite, and part of them into PostgreSQL where there is one."""
    found: list[tuple[Target, float]] = [
        (Records(f"sqlite:///{folder / 'fuzz.sqlite3'}"), 0.15 if postgres_url else 0.25),
        (SparkPayReplies(), 0.15),
        (SparkPayRows(), 0.20),
        (SparkLayerReplies(), 0.15),
        (Configuration(), 0.10),
        (Letters(), 0.08),
        (LetterLines(), 0.04),
        (Arguments(), 0.05),
    ]
    if postgres_url:
        found.append((Records(postgres_url, name="records (PostgreSQL)"), 0.10))
    return found
