"""Readings of labelled rows as arrays: what temperatures, precision and intervals are computed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.classifier import Reading
from model.labels import SENTIMENTS, TOPICS
from model.training.recipe import accepted, policy
from model.training.rows import NON_NEGATIVE, Row

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Scored:
    """Rows of one task; n rows, c classes.

    Attributes:
        logits: (n, c) up to a constant a row, of uncalibrated readings.
        possible: (n, c) the classes that the row's source knows; the answer is the best of them.
        accepted: (n, c) the classes that are right for the row.
        merged: (n,) rows of which only "negative or not" is known.
        groups: (n,) rows of one group are near-copies.
        weights: (n,) how much a row counts.
    """

    logits: Floats
    possible: Bools
    accepted: Bools
    merged: Bools
    groups: Ints
    weights: Floats
    sources: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.sources)

    def where(self, chosen: NDArray[Any]) -> Scored:
        """Return the rows chosen by a boolean mask or by indexes."""
        indexes = np.arange(len(self))[chosen]
        return Scored(
            self.logits[indexes], self.possible[indexes], self.accepted[indexes], self.merged[indexes],
            self.groups[indexes], self.weights[indexes], tuple(self.sources[i] for i in indexes),
        )  # fmt: skip


def scored(
    rows: Sequence[Row], readings: Sequence[Reading], groups: Mapping[str, int], a_source: int | None = None
) -> Scored:
    """Return the arrays of rows of one task, at least one, with their readings.

    Args:
        groups: the group of near-copies of each text.
        a_source: a source counts as so many rows at most; its rows share that weight. None: each row counts 1.
    """
    names = SENTIMENTS if rows[0].task == "sentiment" else TOPICS
    chances = np.array([r.sentiment if rows[0].task == "sentiment" else r.topics for r in readings], dtype=np.float64)
    sources = tuple(row.source for row in rows)
    counts = {source: sources.count(source) for source in set(sources)}
    return Scored(
        logits=np.log(np.maximum(chances, TINY)),
        possible=np.array([[name in _classes(row) for name in names] for row in rows]),
        accepted=np.array([[name in accepted(row) for name in names] for row in rows]),
        merged=np.array([row.source == "finnsp" or row.labels == (NON_NEGATIVE,) for row in rows]),
        groups=np.array([groups[row.text] for row in rows], dtype=np.int64),
        weights=np.array([1.0 if a_source is None else min(1.0, a_source / counts[s]) for s in sources]),
        sources=sources,
    )


def _classes(row: Row) -> tuple[str, ...]:
    return policy(row).classes if row.task == "sentiment" else TOPICS


def probabilities(part: Scored, temperatures: Floats | float = 1.0) -> Floats:
    """Return the probabilities (n, c) among the possible classes; `temperatures` is one number, or (n,)."""
    heat = np.broadcast_to(np.asarray(temperatures, dtype=np.float64), (len(part),))
    logits = np.where(part.possible, part.logits / heat[:, None], -np.inf)
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def answered(part: Scored, chances: Floats) -> tuple[Floats, Bools]:
    """Return how sure each answer is (n,) and whether it is right (n,).

    Of a merged row the answer is "negative" or "not negative", which has the rest of the probability.
    """
    best = chances.argmax(axis=1)
    sure = chances.max(axis=1)
    sure = np.where(part.merged & (best != 0), 1.0 - chances[:, 0], sure)
    return sure, part.accepted[np.arange(len(part)), best]
