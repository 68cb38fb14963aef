"""Recorded crises open, recorded quiet does not: the shipped model and the detector that runs live on real streams.

What is not scored yet is scored first and kept under `runs/`: a minute or so for a case on two cores. The longest, and
whole streams, are left to those who ask: BAROGRAPH_REAL=all, or `python -m bench.real_cases`.
"""

from __future__ import annotations

import math
import os

import pytest

from bench.real_cases import Result, Stream, as_shipped
from bench.real_list import CASES, Case
from bench.real_streams import STREAMS
from model import folder
from model.classifier import Classifier

BUDGET = 0.03  # false alarms a series-week, at default settings
LONG = {"quiet, tweets", "bot spam 2014-06"}

pytestmark = [
    pytest.mark.timeout(900),  # where two cores are shared with others, scoring takes that much longer
    pytest.mark.skipif(not (folder.SHIPPED / folder.CONFIG).is_file(), reason="no weights are shipped here"),
    pytest.mark.skipif(not STREAMS.is_dir(), reason=f"no streams in {STREAMS}; BAROGRAPH_DATA names the data's folder"),
]


def cases(expected: str) -> list[object]:
    whole = os.environ.get("BAROGRAPH_REAL") == "all"
    too_long = pytest.mark.skipif(not whole, reason="scores 20,000 documents: BAROGRAPH_REAL=all asks for it")
    return [
        pytest.param(case, id=case.name, marks=[too_long] if case.name in LONG else [])
        for case in CASES
        if case.expected == expected
    ]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load()


def went(case: Case, classifier: Classifier) -> Result:
    return Stream(case.stream, classifier, as_shipped()).result(case)


@pytest.mark.parametrize("case", cases("open"))
def test_a_crisis_opens_in_its_window(case: Case, classifier: Classifier) -> None:
    result = went(case, classifier)
    assert result.told, {name: (one.z, one.negative, one.total) for name, one in result.strongest.items()}


@pytest.mark.parametrize("case", cases("not"))
def test_what_is_no_crisis_does_not_open(case: Case, classifier: Classifier) -> None:
    result = went(case, classifier)
    assert [(one.opened.series, one.opened.clock, one.opened.z) for one in result.told] == []
    # Narrower series may open by chance as often as the budget says; so many more do once in a thousand times.
    chance = BUDGET * result.seen.series_weeks
    assert len(result.seen.found) <= chance + 3.1 * math.sqrt(chance) + 1
