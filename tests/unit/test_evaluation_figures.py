from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.classifier import Reading
from model.evaluation.arrays import Scored, answered, probabilities, scored
from model.evaluation.bootstrap import intervals, share_interval
from model.evaluation.calibrate import calibrate, cross_fit, ece, fit, reliability, temperatures
from model.evaluation.confusion import confusion_cells
from model.evaluation.lexicon import Lexicon, lexicon_answers
from model.evaluation.measure import Answer, by_class, figures, judge
from model.evaluation.negatives import recall_at
from model.labels import SENTIMENTS, TOPICS
from model.training.rows import Row

TOPIC_CHANCES = tuple(1 / len(TOPICS) for _ in TOPICS)


def row(label: str, text: str, source: str = "sentfin", lang: str = "en", kind: str = "news") -> Row:
    return Row("sentiment", lang, source, kind, text, (label,))


def reading(*sentiment: float) -> Reading:
    return Reading((sentiment[0], sentiment[1], sentiment[2]), TOPIC_CHANCES)


def drawn(count: int, temperature: float, seed: int = 0) -> Scored:
    """Rows whose truth is drawn from the softmax of their logits over a temperature."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, 3, (count, 3))
    grown = np.exp(logits / temperature)
    chances = grown / grown.sum(axis=1, keepdims=True)
    truth = (chances.cumsum(axis=1) < draw.random((count, 1))).sum(axis=1).clip(0, 2)
    accepted = np.eye(3, dtype=bool)[truth]
    shape = np.ones((count, 3), dtype=bool)
    return Scored(
        logits, shape, accepted, np.zeros(count, dtype=bool), np.arange(count), np.ones(count), ("a",) * count
    )


# --- temperatures


@pytest.mark.parametrize("temperature", [0.6, 1.0, 2.5])
def test_the_fit_finds_the_temperature_that_the_truth_was_drawn_with(temperature: float) -> None:
    part = drawn(6000, temperature)
    assert fit(part) == pytest.approx(temperature, rel=0.08)
    sure, right = answered(part, probabilities(part, fit(part)))
    assert ece(reliability(sure, right, part.weights)) < 0.03
    if temperature == 2.5:
        sure, right = answered(part, probabilities(part))
        assert ece(reliability(sure, right, part.weights)) > 0.1


def test_the_temperature_of_a_row_is_fitted_without_its_near_copies() -> None:
    part = drawn(400, 1.5)
    part.groups[:100] = 7  # one group of near-copies
    heat = cross_fit(part, 0)
    assert len(set(heat[part.groups == 7])) == 1
    turned = np.roll(part.accepted[:100], 1, axis=1)
    part.accepted[:100] = turned
    assert cross_fit(part, 0)[0] == heat[0]
    assert fit(part) != pytest.approx(heat[0], rel=0.01)


def test_only_the_classes_that_a_source_knows_share_the_probability() -> None:
    rows = [row("positive", "a", "stockemotions", kind="comment"), row("non_negative", "b", "finnsp", "zh")]
    part = scored(rows, [reading(0.2, 0.6, 0.2), reading(0.3, 0.4, 0.3)], {"a": 0, "b": 1})
    chances = probabilities(part)
    assert chances[0] == pytest.approx([0.5, 0, 0.5])
    sure, right = answered(part, chances)
    assert sure.tolist() == pytest.approx([0.5, 0.7])  # not negative: neutral and positive together
    assert right.tolist() == [False, True]


def test_the_calibration_error_is_the_weighted_gap_of_the_bins() -> None:
    draw = np.random.default_rng(1)
    sure, right, weights = draw.random(500), draw.random(500) < 0.5, draw.random(500)
    expected = 0.0
    for place in range(15):
        inside = (sure >= place / 15) & (sure < (place + 1) / 15)
        expected += abs((weights * sure)[inside].sum() - (weights * right)[inside].sum()) / weights.sum()
    assert ece(reliability(sure, right, weights)) == pytest.approx(expected)


def test_calibration_is_by_head_and_language_and_what_was_not_measured_stays_at_one() -> None:
    draw = random.Random(0)
    rows, readings = [], []
    for index in range(300):
        right = draw.random() < 0.6
        rows.append(row("negative" if right else "positive", f"text {index}", draw.choice(["sentfin", "tfn_sent"])))
        readings.append(reading(0.98, 0.01, 0.01))
    (found,) = calibrate(rows, readings, {r.text: i for i, r in enumerate(rows)}, 0)
    assert (found.task, found.lang, found.rows) == ("sentiment", "en", 300)
    assert found.temperature > 2 and found.ece_before > 0.3 > 0.12 > found.ece_after
    assert set(found.sources) == {"sentfin", "tfn_sent"}
    heat = temperatures([found])
    assert heat.sentiment == {"en": found.temperature, "zh": 1.0} and heat.topic == {"en": 1.0, "zh": 1.0}


# --- intervals


def test_an_interval_is_that_of_drawing_groups_again() -> None:
    draw = random.Random(3)
    found, groups = [], {}
    for index in range(120):
        truth = draw.choice(SENTIMENTS)
        label = truth if draw.random() < 0.7 else draw.choice(SENTIMENTS)
        answer = Answer(row(truth, str(index)), truth, label)
        groups[answer.row.text] = index // 3
        found.append(answer)
    ours = intervals(found, groups, 0, resamples=4000)
    numbers = np.array([groups[a.row.text] for a in found])
    random_ = np.random.default_rng(9)
    accuracies, scores = [], []
    for _ in range(1500):
        chosen = random_.integers(0, 40, 40)
        sample = [found[i] for group in chosen for i in np.flatnonzero(numbers == group)]
        accuracies.append(figures(sample).accuracy)
        scores.append(figures(sample).macro_f1)
    assert ours.accuracy == pytest.approx(tuple(np.quantile(accuracies, [0.025, 0.975])), abs=0.02)
    assert ours.macro_f1 == pytest.approx(tuple(np.quantile(scores, [0.025, 0.975])), abs=0.02)
    assert intervals(found, groups, 0) == intervals(found[::-1], groups, 0)


def test_near_copies_make_an_interval_wider() -> None:
    found = [Answer(row("negative", str(i)), "negative", "negative" if i % 40 < 30 else "neutral") for i in range(200)]
    apart = intervals(found, {str(i): i for i in range(200)}, 0).accuracy
    together = intervals(found, {str(i): i // 10 for i in range(200)}, 0).accuracy
    assert together[1] - together[0] > 2 * (apart[1] - apart[0])


def test_the_interval_of_a_share_is_wilsons() -> None:
    assert share_interval(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-3)
    assert share_interval(0, 100) == pytest.approx((0.0, 0.037), abs=1e-3)
    assert share_interval(0, 0) == (0.0, 1.0)


# --- classes, negatives, confusion, lexicon


def test_precision_recall_and_f1_of_a_class() -> None:
    told = [("negative", "negative"), ("negative", "neutral"), ("neutral", "negative"), ("positive", "positive")]
    lines = by_class(figures([Answer(row(truth, "x"), truth, label) for truth, label in told]))
    assert lines["negative"] == (2, 0.5, 0.5, 0.5)
    assert lines["positive"] == (1, 1.0, 1.0, 1.0)


@given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=40), st.sampled_from([0.5, 0.8, 0.95])
)
def test_recall_at_a_precision_is_the_best_of_all_thresholds(rows: list[tuple[int, bool]], precision: float) -> None:
    chance = np.array([value / 6 for value, _ in rows])
    negative = np.array([truth for _, truth in rows])
    if not negative.any():
        return
    best = 0.0
    for threshold in set(chance.tolist()):
        said = chance >= threshold
        if negative[said].sum() >= precision * said.sum():
            best = max(best, negative[said].sum() / negative.sum())
    recall, threshold_ = recall_at(chance, negative, precision)
    assert recall == pytest.approx(best)
    assert (threshold_ is None) == (best == 0)


def test_confusion_counts_what_the_stream_would_say_of_sources_with_three_classes() -> None:
    rows = [
        row("positive", "a"), row("negative", "b", kind="comment", source="fiqa_post"),
        row("neutral", "c", "finfe", "zh"),
        row("negative", "d", "stockemotions"), row("non_negative", "e", "finnsp", "zh"), row("positive", "f", "gold"),
        Row("topic", "en", "sentfin", "news", "g", ("macro",)), row("positive", "h", "fpb"),
    ]  # fmt: skip
    cells = confusion_cells(rows, [reading(0.1, 0.5, 0.4)] * len(rows))
    assert [(cell["language"], cell["kind"], cell["counts"]) for cell in cells] == [
        ("en", "news", [[0, 0, 0], [0, 0, 0], [0, 2, 0]]),
        ("en", "comment", [[0, 1, 0], [0, 0, 0], [0, 0, 0]]),
        ("zh", "news", [[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
    ]
    assert cells[0]["sources"] == ["fpb", "sentfin"]


@pytest.mark.parametrize(
    ("text", "lang", "score"),
    [
        ("Revenue jumps, shares rise", "en", 2),
        ("shares did not fall", "en", 1),
        ("公司业绩增长", "zh", 1),
        ("净利润未增长，股价下跌", "zh", -2),
        ("涨停", "zh", 1),
        ("", "en", 0),
    ],
)
def test_the_lexicon_counts_words_and_turns_negated_ones(text: str, lang: str, score: int) -> None:
    assert Lexicon().score(text, lang) == score


def test_the_lexicon_answers_within_the_classes_of_a_source() -> None:
    rows = [
        row("positive", "nothing", "stockemotions"),
        row("non_negative", "平稳", "finnsp", "zh"),
        row("neutral", "x"),
    ]
    found = lexicon_answers(Lexicon(), rows)
    assert [answer.label for answer in found] == ["negative", "non_negative", "neutral"]
    assert judge(rows[2], reading(0.1, 0.8, 0.1)).truth == found[2].truth
