"""What drift is compared with: how the model reads text like that it learned from, and the words of that text."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from model.calibration import Calibration
from model.classifier import Reading
from model.drift import Observation, Reference, references
from model.evaluation.arrays import TINY
from model.training.recipe import NEVER_TRAINED
from model.training.rows import Row

A_SOURCE = 1000
VOCABULARY_A_SOURCE = 3000
# Templated headlines are many and all alike: they would make any other news look strange.
TEMPLATED = frozenset({"gold"})


def learnt(
    train: Sequence[Row], held: Sequence[Row], readings: Sequence[Reading], temperatures: Calibration, seed: int
) -> list[Reference]:
    """Return the reference of each language and kind.

    Readings are those of held-out rows, which are of the sources of the training but were not learnt by heart;
    the frequent terms are those of the rows to train on. A task's source counts so many rows at most.
    """
    draw = random.Random(seed)
    chosen = _even(range(len(held)), lambda i: held[i], A_SOURCE, draw)
    seen = [
        observation(held[i], calibrated(readings[i], temperatures.of(held[i].text)))
        for i in chosen
        if held[i].source not in TEMPLATED | NEVER_TRAINED
    ]
    texts: dict[tuple[str, str], list[str]] = {}
    for i in _even(range(len(train)), lambda i: train[i], VOCABULARY_A_SOURCE, draw):
        if train[i].source not in TEMPLATED:
            texts.setdefault((train[i].lang, train[i].kind), []).append(train[i].text)
    return references(seen, texts)


def observation(row: Row, reading: Reading) -> Observation:
    """Return what drift looks at in a row and its reading."""
    return Observation(row.lang, row.kind, reading.sentiment, reading.topic, row.text)


def calibrated(reading: Reading, temperatures: tuple[float, float]) -> Reading:
    """Return an uncalibrated reading as it is with the temperatures of its sentiment and topic."""
    negative, neutral, positive = _cooled(reading.sentiment, temperatures[0])
    return Reading((negative, neutral, positive), _cooled(reading.topics, temperatures[1]))


def _cooled(chances: Sequence[float], temperature: float) -> tuple[float, ...]:
    powers = [math.exp(math.log(max(chance, TINY)) / temperature) for chance in chances]
    return tuple(power / sum(powers) for power in powers)


def _even(indexes: Sequence[int], row: Callable[[int], Row], at_most: int, draw: random.Random) -> list[int]:
    parts: dict[tuple[str, str], list[int]] = {}
    for index in indexes:
        parts.setdefault((row(index).task, row(index).source), []).append(index)
    return [i for _, part in sorted(parts.items()) for i in draw.sample(part, min(at_most, len(part)))]
