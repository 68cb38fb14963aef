"""Temperatures fitted on held-out rows, and how far stated and real certainty lie apart before and after.

The figure after is cross-fitted: the temperature of a row was fitted without its group of near-copies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from model.calibration import HEADS, LANGUAGES, LEAST, MOST, Calibration
from model.classifier import Reading
from model.evaluation.arrays import TINY, Bools, Floats, Scored, answered, probabilities, scored
from model.training.rows import Row

BINS = 15
FOLDS = 5
A_SOURCE = 2000
FEWEST = 100
PLACES = 3
GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a reliability picture: how sure the answers were, how many were right (both means), its weight."""

    sure: float
    right: float
    share: float


@dataclass(frozen=True, slots=True)
class Calibrated:
    """One head and language. ECE: expected calibration error, 0 to 1.

    `ece_*` count each row once; `even_*` count a source as `A_SOURCE` rows at most, as the fit does;
    `sources` maps a source to its rows, ECE before and after.
    """

    task: str
    lang: str
    rows: int
    temperature: float
    ece_before: float
    ece_after: float
    even_before: float
    even_after: float
    bins_before: tuple[Bin, ...]
    bins_after: tuple[Bin, ...]
    sources: dict[str, tuple[int, float, float]]


def calibrate(
    rows: Sequence[Row], readings: Sequence[Reading], groups: Mapping[str, int], seed: int
) -> list[Calibrated]:
    """Return what uncalibrated readings of held-out rows show, by head and language; too few rows: left out."""
    found = []
    for task in HEADS:
        for lang in LANGUAGES:
            chosen = [i for i, row in enumerate(rows) if (row.task, row.lang) == (task, lang)]
            if len(chosen) >= FEWEST:
                part = scored([rows[i] for i in chosen], [readings[i] for i in chosen], groups, A_SOURCE)
                found.append(_calibrated(task, lang, part, seed))
    return found


def temperatures(found: Sequence[Calibrated]) -> Calibration:
    """Return the calibration of a folder; what was not measured keeps the temperature 1."""
    heat = {head: dict.fromkeys(LANGUAGES, 1.0) for head in HEADS}
    for part in found:
        heat[part.task][part.lang] = part.temperature
    return Calibration(heat["sentiment"], heat["topic"])


def fit(part: Scored) -> float:
    """Return the temperature with the least weighted negative log-likelihood, to three places.

    The loss has one minimum in the inverse temperature, so golden-section search on its logarithm finds it.

    References:
        Guo et al. (2017), On calibration of modern neural networks.
    """
    low, high = np.log(LEAST), np.log(MOST)
    while high - low > 1e-5:
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if _loss(part, float(np.exp(left))) < _loss(part, float(np.exp(right))):
            high = right
        else:
            low = left
    return round(float(np.exp((low + high) / 2)), PLACES)


def cross_fit(part: Scored, seed: int, folds: int = FOLDS) -> Floats:
    """Return a temperature for each row (n,), fitted on the other folds; near-copies are in one fold."""
    names = np.unique(part.groups)
    fold = dict(zip(names.tolist(), np.random.default_rng(seed).permutation(len(names)) % folds, strict=True))
    folded = np.array([fold[group] for group in part.groups.tolist()])
    heat = np.ones(len(part))
    for number in np.unique(folded):
        if (folded != number).any():
            heat[folded == number] = fit(part.where(folded != number))
    return heat


def reliability(sure: Floats, right: Bools, weights: Floats, bins: int = BINS) -> tuple[Bin, ...]:
    """Return the bins of equal width that hold rows, from unsure to sure."""
    places = np.minimum((sure * bins).astype(int), bins - 1)
    found = []
    for place in np.unique(places):
        inside = places == place
        weight = weights[inside]
        said, was = (float(np.average(part[inside], weights=weight)) for part in (sure, right.astype(float)))
        found.append(Bin(said, was, float(weight.sum() / weights.sum())))
    return tuple(found)


def ece(bins: Sequence[Bin]) -> float:
    """Return the expected calibration error of reliability bins, 0 to 1."""
    return sum(part.share * abs(part.sure - part.right) for part in bins)


def _calibrated(task: str, lang: str, part: Scored, seed: int) -> Calibrated:
    ones = np.ones(len(part))
    states = [answered(part, probabilities(part, heat)) for heat in (ones, cross_fit(part, seed))]
    plain = [reliability(sure, right, ones) for sure, right in states]
    even = [ece(reliability(sure, right, part.weights)) for sure, right in states]
    names = np.array(part.sources)
    sources = {}
    for source in sorted(set(part.sources)):
        inside = names == source
        before, after = (ece(reliability(sure[inside], right[inside], ones[inside])) for sure, right in states)
        sources[source] = (int(inside.sum()), before, after)
    return Calibrated(
        task, lang, len(part), fit(part), ece(plain[0]), ece(plain[1]), even[0], even[1], plain[0], plain[1], sources
    )


def _loss(part: Scored, temperature: float) -> float:
    right = (probabilities(part, temperature) * part.accepted).sum(axis=1)
    return -float(np.average(np.log(np.maximum(right, TINY)), weights=part.weights))
