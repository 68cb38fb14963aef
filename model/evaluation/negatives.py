"""How many of the negatives are found when only so many false ones may be among those said to be negative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from model.classifier import Reading
from model.evaluation.arrays import Bools, Floats, Ints, probabilities, scored
from model.evaluation.bootstrap import Interval, percentiles
from model.labels import SENTIMENTS
from model.training.rows import Row

PRECISIONS = (0.8, 0.9, 0.95)
RESAMPLES = 200
FEWEST = 20


@dataclass(frozen=True, slots=True)
class Found:
    """Recall of negatives at one precision; `threshold` is the least P(negative) that counts, None: never reached."""

    lang: str
    kind: str
    source: str
    negatives: int
    rows: int
    precision: float
    recall: float
    interval: Interval
    threshold: float | None


def negative_recall(
    rows: Sequence[Row], readings: Sequence[Reading], groups: Mapping[str, int], seed: int
) -> list[Found]:
    """Return the recall at each of `PRECISIONS`, by source; sources with few negatives or no others are left out.

    P(negative) is that among the classes the source knows, of readings as given.
    """
    parts: dict[tuple[str, str, str], list[int]] = {}
    for index, row in enumerate(rows):
        if row.task == "sentiment":
            parts.setdefault((row.lang, row.kind, row.source), []).append(index)
    found = []
    for key, chosen in sorted(parts.items()):
        part = scored([rows[i] for i in chosen], [readings[i] for i in chosen], groups)
        chance = probabilities(part)[:, SENTIMENTS.index("negative")]
        negative = part.accepted[:, SENTIMENTS.index("negative")]
        if FEWEST <= negative.sum() < len(part):
            found.extend(_found(key, chance, negative, part.groups, seed))
    return found


def recall_at(chance: Floats, negative: Bools, precision: float) -> tuple[float, float | None]:
    """Return the greatest recall with at least that precision, and its threshold; (0, None) where there is none.

    A threshold takes all rows of equal probability or none of them.
    """
    order = np.argsort(-chance, kind="stable")
    hits = np.cumsum(negative[order])
    last = np.append(np.diff(chance[order]) != 0, True)
    good = last & (hits >= precision * np.arange(1, len(order) + 1))
    if not good.any():
        return 0.0, None
    place = int(np.flatnonzero(good)[-1])
    return float(hits[place] / hits[-1]), float(chance[order][place])


def _found(key: tuple[str, str, str], chance: Floats, negative: Bools, groups: Ints, seed: int) -> list[Found]:
    samples = list(_resampled(groups, seed))
    result = []
    for precision in PRECISIONS:
        recall, threshold = recall_at(chance, negative, precision)
        drawn = [recall_at(chance[s], negative[s], precision)[0] for s in samples if negative[s].any()]
        interval = percentiles(np.array(drawn))
        result.append(Found(*key, int(negative.sum()), len(chance), precision, recall, interval, threshold))
    return result


def _resampled(groups: Ints, seed: int) -> list[Ints]:
    """Return indexes of rows, whole groups drawn with replacement."""
    draw = np.random.default_rng(seed)
    _, places = np.unique(groups, return_inverse=True)
    order = np.argsort(places, kind="stable")
    starts = np.searchsorted(places[order], np.arange(places.max() + 2))
    samples = []
    for _ in range(RESAMPLES):
        chosen = draw.integers(0, len(starts) - 1, len(starts) - 1)
        samples.append(np.concatenate([order[starts[i] : starts[i + 1]] for i in chosen]))
    return samples
