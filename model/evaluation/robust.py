"""How often a reading changes when it should not, and how often when it should."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from model.classifier import Reading
from model.evaluation.bootstrap import Interval, share_interval
from model.evaluation.confusion import LEFT_OUT
from model.evaluation.measure import BATCH, Read, judge
from model.evaluation.pairs import DIFFERING, FILLERS, Pair, turned
from model.evaluation.perturb import KEEPING
from model.training.rows import Row

A_SOURCE = 100
TURNED_ROWS = 300


@dataclass(frozen=True, slots=True)
class Kept:
    """A change that should not matter; shares of the rows it applied to. `interval` is that of `changed`."""

    name: str
    lang: str
    rows: int
    changed: float
    interval: Interval
    topic_changed: float
    accuracy_before: float
    accuracy_after: float


@dataclass(frozen=True, slots=True)
class Differed:
    """A change that should matter; `moved` is the share whose score moved the right way, label changed or not."""

    name: str
    lang: str
    pairs: int
    changed: float
    interval: Interval
    moved: float


@dataclass(frozen=True, slots=True)
class Robustness:
    """Both halves of the picture."""

    kept: tuple[Kept, ...]
    differed: tuple[Differed, ...]


def robustness(read: Read, rows: Sequence[Row], seed: int) -> Robustness:
    """Return what changes do to the readings of a sample of held-out rows, and of templates written for it."""
    sample = _sample([row for row in rows if row.task == "sentiment" and row.source not in LEFT_OUT], seed)
    plain = dict(zip(sample, _readings(read, [(row.text, row.kind) for row in sample]), strict=True))
    kept = [
        found
        for name, (languages, _) in KEEPING.items()
        for lang in languages
        if (found := _kept(name, lang, {row: r for row, r in plain.items() if row.lang == lang}, read, seed))
    ]
    differed = [
        _pairs(name, lang, [pair for pair in pairs if pair[0] == lang], read)
        for name, pairs in DIFFERING.items()
        for lang in FILLERS
    ]
    differed += [turn for lang in FILLERS if (turn := _opposites(lang, rows, read, seed))]
    return Robustness(tuple(kept), tuple(differed))


def _kept(name: str, lang: str, plain: dict[Row, Reading], read: Read, seed: int) -> Kept | None:
    change = KEEPING[name][1]
    draw = random.Random(f"{seed}/{name}/{lang}")
    texts = {row: change(row.text, draw) for row in plain}
    touched = [row for row in plain if texts[row] != row.text]
    if not touched:
        return None
    after = _readings(read, [(texts[row], row.kind) for row in touched])
    answers = [(judge(row, plain[row]), judge(row, reading)) for row, reading in zip(touched, after, strict=True)]
    changed = sum(a.label != b.label for a, b in answers)
    total = len(touched)
    return Kept(
        name, lang, total, changed / total, share_interval(changed, total),
        sum(plain[row].topic != reading.topic for row, reading in zip(touched, after, strict=True)) / total,
        sum(a.label == a.truth for a, _ in answers) / total,
        sum(b.label == b.truth for _, b in answers) / total,
    )  # fmt: skip


def _pairs(name: str, lang: str, pairs: Sequence[Pair], read: Read) -> Differed:
    filled = [(kind, good.format(x), bad.format(x)) for _, kind, good, bad in pairs for x in FILLERS[lang]]
    better = _readings(read, [(good, kind) for kind, good, _ in filled])
    worse = _readings(read, [(bad, kind) for kind, _, bad in filled])
    return _differed(name, lang, list(zip(better, worse, strict=True)))


def _opposites(lang: str, rows: Sequence[Row], read: Read, seed: int) -> Differed | None:
    """Turn the one word of direction of rows that were read rightly, and as that word says."""
    found = [(row, turn) for row in rows if row.lang == lang and row.task == "sentiment" and _usable(row)
             if (turn := turned(row.text, lang)) and (turn[1],) == row.labels]  # fmt: skip
    found = random.Random(f"{seed}/{lang}").sample(found, min(TURNED_ROWS, len(found)))
    before = _readings(read, [(row.text, row.kind) for row, _ in found])
    right = [(row, turn, r) for (row, turn), r in zip(found, before, strict=True) if r.label == row.labels[0]]
    if not right:
        return None
    after = _readings(read, [(turn[0], row.kind) for row, turn, _ in right])
    sides = [(old, new) if row.labels == ("positive",) else (new, old)
             for (row, _, old), new in zip(right, after, strict=True)]  # fmt: skip
    return _differed("word turned to its opposite", lang, sides)


def _differed(name: str, lang: str, sides: Sequence[tuple[Reading, Reading]]) -> Differed:
    changed = sum(better.label != worse.label for better, worse in sides)
    moved = sum(better.score > worse.score for better, worse in sides)
    total = len(sides)
    return Differed(name, lang, total, changed / total, share_interval(changed, total), moved / total)


def _usable(row: Row) -> bool:
    return row.source not in LEFT_OUT


def _sample(rows: Sequence[Row], seed: int) -> list[Row]:
    parts: dict[tuple[str, str], list[Row]] = {}
    for row in dict.fromkeys(rows):
        parts.setdefault((row.lang, row.source), []).append(row)
    draw = random.Random(seed)
    return [row for _, part in sorted(parts.items()) for row in draw.sample(part, min(A_SOURCE, len(part)))]


def _readings(read: Read, texts: Sequence[tuple[str, str]]) -> list[Reading]:
    found: list[Reading] = []
    for start in range(0, len(texts), BATCH):
        part = texts[start : start + BATCH]
        found.extend(read([text for text, _ in part], [kind for _, kind in part]))
    return found
