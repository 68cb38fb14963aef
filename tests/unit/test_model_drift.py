from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.drift import (
    FEWEST,
    LEVELS,
    LIMITS,
    Observation,
    by_chance,
    compare,
    divergence,
    gauges,
    measure,
    references,
    terms,
)
from model.drift_file import as_json, read_references
from model.errors import ModelError

THEMES = {
    "earnings": "profit revenue quarter results growth margin guidance sales forecast dividend".split(),
    "fx_crypto": "bitcoin token exchange wallet blockchain miner stablecoin ledger ether coin".split(),
}
COMMON = [f"word{chr(97 + i)}{chr(97 + j)}" for i in range(12) for j in range(12)]


def stream(count: int, seed: int, crypto: float = 0.1, sure: float = 0.8, kind: str = "news") -> list[Observation]:
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        topic = "fx_crypto" if draw.random() < crypto else draw.choice(["earnings", "macro", "market_move"])
        words = draw.choices(THEMES.get(topic, COMMON), k=3) + draw.choices(COMMON, k=7)
        best = min(0.99, max(0.4, draw.gauss(sure, 0.1)))
        chances = [(1 - best) / 2] * 3
        chances[draw.choice([0, 1, 1, 2])] = best
        found.append(Observation("en", kind, (chances[0], chances[1], chances[2]), topic, " ".join(words)))
    return found


@pytest.mark.parametrize("count", [FEWEST, 1000])
def test_a_stream_that_stays_the_same_is_steady_whatever_the_window(count: int) -> None:
    (reference,) = references(stream(4000, 0))
    for seed in range(1, 6):
        found = compare(reference, stream(count, seed))
        assert found is not None and found.level == "steady" and found.documents == count
        assert set(found.measures) == set(LIMITS)


def test_a_stream_whose_topic_shifts_drifts_in_topic_and_words_and_only_there() -> None:
    (reference,) = references(stream(4000, 0))
    found = compare(reference, stream(500, 1, crypto=0.9))
    assert found is not None and found.level == "drifted"
    assert found.measures["topic"].level == "drifted"
    assert found.measures["words"].level != "steady"
    assert found.measures["sentiment"].level == found.measures["length"].level == "steady"


def test_a_model_that_grows_unsure_drifts_in_confidence() -> None:
    (reference,) = references(stream(4000, 0))
    found = compare(reference, stream(500, 1, sure=0.55))
    assert found is not None and found.measures["confidence"].level == "drifted"
    assert found.measures["topic"].level == "steady"


def test_words_that_were_never_seen_raise_the_unknown_share() -> None:
    (reference,) = references(stream(4000, 0))
    strange = [
        Observation(o.language, o.kind, o.sentiment, o.topic, o.text.replace("word", "wort")) for o in stream(300, 1)
    ]
    found = compare(reference, strange)
    assert found is not None and found.measures["unknown"].value > 0.6 and found.measures["unknown"].level == "drifted"


def test_small_windows_and_other_kinds_say_nothing() -> None:
    (reference,) = references(stream(1000, 0))
    assert compare(reference, stream(FEWEST - 1, 1)) is None
    assert compare(reference, stream(1000, 1, kind="comment")) is None
    mixed = compare(reference, [*stream(300, 1), *stream(900, 2, crypto=1.0, kind="comment")])
    assert mixed is not None and mixed.documents == 300 and mixed.level == "steady"


def test_predictions_without_texts_are_compared_by_what_they_have() -> None:
    (reference,) = references(stream(4000, 0))
    bare = [Observation(o.language, o.kind, o.sentiment, o.topic) for o in stream(400, 1)]
    found = compare(reference, bare)
    assert found is not None and set(found.measures) == {"sentiment", "topic", "confidence"}


@given(st.lists(st.integers(0, 50), min_size=4, max_size=4), st.lists(st.integers(0, 50), min_size=4, max_size=4))
def test_the_divergence_is_symmetric_between_0_and_1_and_as_numpy_has_it(ours: list[int], theirs: list[int]) -> None:
    if not sum(ours) or not sum(theirs):
        return
    value = divergence(ours, theirs)
    assert -1e-12 <= value <= 1 + 1e-12 and value == pytest.approx(divergence(theirs, ours))
    p, q = np.array(ours) / sum(ours), np.array(theirs) / sum(theirs)
    middle = (p + q) / 2

    def entropy(chances: np.ndarray) -> float:
        kept = chances[chances > 0]
        return float(-(kept * np.log2(kept)).sum())

    assert value == pytest.approx(entropy(middle) - (entropy(p) + entropy(q)) / 2, abs=1e-9)


def test_what_chance_makes_is_what_samples_of_one_distribution_show() -> None:
    draw = np.random.default_rng(0)
    shares = np.arange(1, 11) / 55
    drawn = [(draw.multinomial(300, shares), draw.multinomial(2000, shares)) for _ in range(400)]
    seen = np.mean([divergence(a.tolist(), b.tolist()) for a, b in drawn])
    assert by_chance([30] * 10, [200] * 10) == pytest.approx(seen, rel=0.1)


def test_terms_are_words_and_pairs_of_chinese_characters() -> None:
    assert len(terms("Profit UP 3%")) == 2 and terms("PROFIT") == terms("profit")
    assert terms("净利润") == [*terms("净利"), *terms("利润")]
    assert terms("") == [] and len(terms("涨")) == 1


@pytest.mark.parametrize("name", LIMITS)
def test_a_level_begins_at_its_limit(name: str) -> None:
    watch, drifted = LIMITS[name]
    assert [measure(name, value).level for value in (0, watch - 1e-9, watch, drifted - 1e-9, drifted)] == [
        "steady", "steady", "watch", "watch", "drifted",
    ]  # fmt: skip
    assert LEVELS == ("steady", "watch", "drifted")


def test_gauges_are_one_number_a_series() -> None:
    (reference,) = references(stream(4000, 0))
    found = compare(reference, stream(500, 1, crypto=0.9))
    assert found is not None
    lines = gauges([found])
    labels = 'language="en",kind="news"'
    assert lines[f"barograph_model_drift_level{{{labels}}}"] == 2.0
    assert lines[f"barograph_model_drift_documents{{{labels}}}"] == 500.0
    assert lines[f'barograph_model_drift{{{labels},measure="topic"}}'] == found.measures["topic"].value
    assert len(lines) == 2 + len(LIMITS)


def test_references_come_back_from_their_file_as_they_were(tmp_path: Path) -> None:
    found = references([*stream(300, 0), *stream(300, 1, kind="comment")])
    (tmp_path / "r.json").write_text(json.dumps(as_json(found, "abc")))
    again = read_references(tmp_path / "r.json")
    assert [(r.language, r.kind, r.documents, r.words, r.frequent) for r in again] == [
        (r.language, r.kind, r.documents, r.words, r.frequent) for r in found
    ]
    assert read_references(tmp_path / "none.json") == []


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"schema": 2}', '{"schema": 1, "labels": {}}', '{"schema": 1, "references": 3}']
)
def test_a_damaged_file_of_references_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(ModelError, match=r"r\.json") as caught:
        read_references(tmp_path / "r.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", [{"topic": [1, 2]}, {"frequent": "AAA"}, {"documents": "many"}, {"length": None}])
def test_a_reference_of_another_shape_is_refused_in_one_line(tmp_path: Path, change: dict[str, object]) -> None:
    record = as_json(references(stream(300, 0)), "abc")
    record["references"][0] |= change
    (tmp_path / "r.json").write_text(json.dumps(record))
    with pytest.raises(ModelError, match="not references of drift"):
        read_references(tmp_path / "r.json")


def test_drift_needs_the_standard_library_alone() -> None:
    code = "import model.drift, model.drift_file, sys; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {name.split(".")[0] for name in out} & {"numpy", "torch", "tokenizers", "safetensors", "stream"}
