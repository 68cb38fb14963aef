"""Is what comes in like what the model learned from? Distributions of readings, words and lengths, compared.

Values in, values out, standard library only: what shows or exports drift needs no model. A reference is built from
observations (the training data's lies beside the weights; a stream's own past makes one as well), and a window of
recent observations is compared with it, per language and kind.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from model.labels import SENTIMENTS, TOPICS

BUCKETS: Final = 256
CONFIDENCES: Final = 10
LENGTHS: Final = 12
FREQUENT: Final = 4096
FEWEST: Final = 200
LEVELS: Final = ("steady", "watch", "drifted")
HISTOGRAMS: Final = ("sentiment", "topic", "confidence", "length", "words")
# Words of one document come together, as if half as many were drawn.
TOGETHER: Final = {"words": 2.0}
# Watch: farther than any of 63 windows of nine real streams lay from the earlier part of its own stream; drifted:
# about twice that. The model card tells of those windows.
LIMITS: Final[dict[str, tuple[float, float]]] = {
    "sentiment": (0.05, 0.1),
    "topic": (0.1, 0.2),
    "confidence": (0.03, 0.06),
    "length": (0.08, 0.2),
    "words": (0.05, 0.1),
    "unknown": (0.15, 0.3),
}

_TERM = re.compile(r"[a-z]+|[㐀-䶿一-鿿豈-﫿]+")


@dataclass(frozen=True, slots=True)
class Observation:
    """One document as it was read; an empty text leaves words and length uncounted.

    `sentiment` are three probabilities in the order of `SENTIMENTS`, `topic` one of `TOPICS`.
    """

    language: str
    kind: str
    sentiment: tuple[float, float, float]
    topic: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """Counts of one language and kind; `unknown` is the share of its terms that are not among the `frequent` ones.

    `frequent` holds the 32-bit hashes of the most frequent terms, `FREQUENT` at most.
    """

    language: str
    kind: str
    documents: int
    sentiment: tuple[int, ...]
    topic: tuple[int, ...]
    confidence: tuple[int, ...]
    length: tuple[int, ...]
    words: tuple[int, ...]
    frequent: frozenset[int]
    unknown: float


@dataclass(frozen=True, slots=True)
class Measure:
    """One distance and its level; `value` is about 0 where window and reference are alike.

    Of `unknown` it is the rise of the share of terms that are not frequent ones; of all others the
    Jensen-Shannon divergence in bits, 0 to 1, less what chance alone makes of samples so small.
    """

    value: float
    level: str


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a window of one language and kind lies from its reference."""

    language: str
    kind: str
    documents: int
    measures: dict[str, Measure]

    @property
    def level(self) -> str:
        """The worst level of the measures, one of `LEVELS`."""
        return max((part.level for part in self.measures.values()), key=LEVELS.index, default=LEVELS[0])


def references(
    observations: Iterable[Observation], vocabulary: Mapping[tuple[str, str], Iterable[str]] | None = None
) -> list[Reference]:
    """Return a reference for each language and kind.

    Args:
        vocabulary: texts by language and kind, of the same origin and not among the observations, to know the
            frequent terms from. Without them one half of the observations gives the terms, the other the share of
            terms that are not among those.
    """
    parts: dict[tuple[str, str], list[Observation]] = {}
    for item in observations:
        parts.setdefault((item.language, item.kind), []).append(item)
    return [_reference(key, items, (vocabulary or {}).get(key)) for key, items in sorted(parts.items())]


def compare(reference: Reference, window: Iterable[Observation]) -> Drift | None:
    """Return how far a window lies from its reference; None where it has fewer than `FEWEST` documents.

    Observations of other languages and kinds are left aside.
    """
    key = reference.language, reference.kind
    items = [item for item in window if (item.language, item.kind) == key]
    if len(items) < FEWEST:
        return None
    seen = _counted(key, items, reference.frequent)
    measures = {}
    for name in HISTOGRAMS:
        ours, theirs = getattr(seen, name), getattr(reference, name)
        if sum(ours) and sum(theirs):
            value = divergence(ours, theirs) - by_chance(ours, theirs, TOGETHER.get(name, 1.0))
            measures[name] = measure(name, max(0.0, value))
    if sum(seen.words):
        measures["unknown"] = measure("unknown", max(0.0, seen.unknown - reference.unknown))
    return Drift(*key, len(items), measures)


def compare_all(found: Iterable[Reference], window: Sequence[Observation]) -> list[Drift]:
    """Return the drift of a window of mixed languages and kinds; those with too few documents are left out."""
    return [drift for reference in found if (drift := compare(reference, window)) is not None]


def measure(name: str, value: float) -> Measure:
    """Return a distance with the level that it reaches."""
    return Measure(value, LEVELS[sum(value >= limit for limit in LIMITS[name])])


def gauges(found: Iterable[Drift]) -> dict[str, float]:
    """Return one number a series for a metrics page: `name{labels}` to the value; levels as 0, 1 and 2."""
    lines: dict[str, float] = {}
    for drift in found:
        labels = f'language="{drift.language}",kind="{drift.kind}"'
        lines[f"barograph_model_drift_level{{{labels}}}"] = float(LEVELS.index(drift.level))
        lines[f"barograph_model_drift_documents{{{labels}}}"] = float(drift.documents)
        for name, part in drift.measures.items():
            lines[f'barograph_model_drift{{{labels},measure="{name}"}}'] = part.value
    return lines


def terms(text: str) -> list[int]:
    """Return the 32-bit hashes of the terms of a text: Latin words in small letters, pairs of Chinese characters."""
    found: list[int] = []
    for run in _TERM.findall(text.lower()):
        parts = [run] if run.isascii() or len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]
        found.extend(zlib.crc32(part.encode()) for part in parts)
    return found


def divergence(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the Jensen-Shannon divergence of two histograms in bits, 0 to 1; each holds something.

    References:
        Lin (1991), Divergence measures based on the Shannon entropy.
    """
    p, q = ([value / sum(counts) for value in counts] for counts in (ours, theirs))
    middle = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    return (_relative(p, middle) + _relative(q, middle)) / 2


def by_chance(ours: Sequence[float], theirs: Sequence[float], together: float = 1.0) -> float:
    """Return the divergence to expect of two samples of one distribution: (bins - 1) (1/n + 1/m) / (8 ln 2) bits.

    `together` counts fall together, as the words of one document do: there are that many times fewer draws.
    """
    bins = sum(1 for a, b in zip(ours, theirs, strict=True) if a or b)
    return (bins - 1) * together * (1 / sum(ours) + 1 / sum(theirs)) / (8 * math.log(2))


def _relative(p: Sequence[float], q: Sequence[float]) -> float:
    return sum(a * math.log2(a / b) for a, b in zip(p, q, strict=True) if a)


def _reference(key: tuple[str, str], items: Sequence[Observation], texts: Iterable[str] | None) -> Reference:
    known = texts if texts is not None else [item.text for item in items[::2]]
    counts = Counter(code for text in known for code in terms(text))
    frequent = frozenset(code for code, _ in counts.most_common(FREQUENT))
    whole = _counted(key, items, frequent)
    return whole if texts is not None else replace(whole, unknown=_counted(key, items[1::2], frequent).unknown)


def _counted(key: tuple[str, str], items: Sequence[Observation], frequent: frozenset[int]) -> Reference:
    sentiment, topic, confidence = Counter[int](), Counter[int](), Counter[int]()
    length, words = Counter[int](), Counter[int]()
    total = unknown = 0
    for item in items:
        best = max(item.sentiment)
        sentiment[item.sentiment.index(best)] += 1
        topic[TOPICS.index(item.topic)] += 1
        confidence[min(CONFIDENCES - 1, int(best * CONFIDENCES))] += 1
        if item.text:
            length[min(LENGTHS - 1, len(item.text).bit_length())] += 1
            codes = terms(item.text)
            words.update(code % BUCKETS for code in codes)
            total += len(codes)
            unknown += sum(code not in frequent for code in codes)
    return Reference(
        *key, len(items), _filled(sentiment, len(SENTIMENTS)), _filled(topic, len(TOPICS)),
        _filled(confidence, CONFIDENCES), _filled(length, LENGTHS), _filled(words, BUCKETS),
        frequent, unknown / total if total else 0.0,
    )  # fmt: skip


def _filled(counts: Counter[int], bins: int) -> tuple[int, ...]:
    return tuple(counts[place] for place in range(bins))
