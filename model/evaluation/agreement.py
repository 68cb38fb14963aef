"""Figures by how many of a row's annotators agreed, where the rows say it: PhraseBank does."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.evaluation.bootstrap import Intervals, intervals
from model.evaluation.measure import Answer, Figures, figures
from model.training.rows import SENTIMENT_FILE


@dataclass(frozen=True, slots=True)
class Agreed:
    """The answers of one contender on the rows of which at least so many percent of the annotators agreed."""

    source: str
    at_least: float
    contender: str
    figures: Figures
    intervals: Intervals


def agreement(labelled: Path) -> dict[tuple[str, str], float]:
    """Return the percentage that agreed, by source and text, of the rows of `labelled`/ that state one."""
    found = {}
    with gzip.open(labelled / SENTIMENT_FILE, "rt", encoding="utf-8") as file:
        for record in map(json.loads, file):
            if record.get("agree") is not None:
                found[str(record["source"]), str(record["text"])] = float(record["agree"])
    return found


def by_agreement(
    answers: Mapping[str, Sequence[Answer]],
    percent: Mapping[tuple[str, str], float],
    near: Mapping[str, int],
    seed: int,
) -> list[Agreed]:
    """Return figures by source, level and contender; each level holds those above it, the lowest thus all rows."""
    found = []
    for source, level in sorted({(source, value) for (source, _), value in percent.items()}):
        for who, given in answers.items():
            part = [a for a in given if a.row.task == "sentiment" and a.row.source == source
                    and percent.get((source, a.row.text), -1.0) >= level]  # fmt: skip
            if part:
                found.append(Agreed(source, level, who, figures(part), intervals(part, near, seed)))
    return found
