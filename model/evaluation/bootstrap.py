"""Intervals by resampling groups of near-copies, seeded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from model.evaluation.arrays import Floats
from model.evaluation.measure import Answer, label_order

RESAMPLES = 1000
LEVEL = 0.95

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Intervals:
    """95% intervals of the figures of one set of answers."""

    accuracy: Interval
    macro_f1: Interval


def intervals(found: Sequence[Answer], groups: Mapping[str, int], seed: int, resamples: int = RESAMPLES) -> Intervals:
    """Return percentile intervals of accuracy and macro-F1 of some answers, at least one.

    Whole groups of near-copies are drawn, as their answers stand and fall together. Groups that hold the same
    cells of the confusion matrix are alike, so a draw is one multinomial over such kinds of groups.

    References:
        Efron & Tibshirani (1993), An introduction to the bootstrap, chapter 13.
    """
    names = [name for name in label_order(found) if any(name in (a.truth, a.label) for a in found)]
    place = {name: index for index, name in enumerate(names)}
    cells: dict[int, Counter[tuple[int, int]]] = {}
    for answer in found:
        cells.setdefault(groups[answer.row.text], Counter())[place[answer.truth], place[answer.label]] += 1
    alike = Counter(tuple(sorted(counts.items())) for counts in cells.values())
    matrices = np.zeros((len(alike), len(names), len(names)))
    for index, kind in enumerate(sorted(alike)):
        for (truth, label), count in kind:
            matrices[index, truth, label] = count
    shares = np.array([alike[kind] for kind in sorted(alike)], dtype=np.float64)
    draws = np.random.default_rng(seed).multinomial(int(shares.sum()), shares / shares.sum(), size=resamples)
    drawn = np.tensordot(draws.astype(np.float64), matrices, axes=1)  # (resamples, truth, label)
    return Intervals(percentiles(_accuracy(drawn)), percentiles(_macro_f1(drawn)))


def percentiles(values: Floats, level: float = LEVEL) -> Interval:
    """Return the middle `level` of some values."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def share_interval(hits: int, total: int) -> Interval:
    """Return the 95% interval of a share of independent cases; (0, 1) of none.

    References:
        Wilson (1927), Probable inference, the law of succession, and statistical inference.
    """
    if not total:
        return 0.0, 1.0
    z2 = 1.96**2
    middle = (hits + z2 / 2) / (total + z2)
    half = (z2 * (hits * (total - hits) / total + z2 / 4)) ** 0.5 / (total + z2)
    return max(0.0, middle - half), min(1.0, middle + half)


def _accuracy(drawn: Floats) -> Floats:
    hits = np.trace(drawn, axis1=1, axis2=2)
    return np.asarray(hits / drawn.sum(axis=(1, 2)))


def _macro_f1(drawn: Floats) -> Floats:
    """Return macro-F1 over the classes that the truth of the draw has."""
    hits = np.diagonal(drawn, axis1=1, axis2=2)
    truths, labels = drawn.sum(axis=2), drawn.sum(axis=1)
    there = truths > 0
    scores = np.where(there, 2 * hits / np.maximum(truths + labels, 1), 0.0)
    return np.asarray(scores.sum(axis=1) / there.sum(axis=1))
