"""Answers of a model on labelled rows, and the figures made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from model.classifier import Reading
from model.labels import SENTIMENTS, TOPICS
from model.training.recipe import accepted, policy
from model.training.rows import NON_NEGATIVE, Row

BATCH = 2048
NOT_TARGETS = frozenset({"gold", "crypto_news", "thucnews", "finnsp", "fpb"})

Read = Callable[[Sequence[str], Sequence[str]], list[Reading]]


@dataclass(frozen=True, slots=True)
class Answer:
    """One row and the label a model gave it."""

    row: Row
    truth: str
    label: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Measures of one set of answers; `confusion[truth][label]` counts rows, in the order of `classes`."""

    rows: int
    accuracy: float
    macro_f1: float
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]


def readings(read: Read, rows: Sequence[Row]) -> list[Reading]:
    """Return the reading of each row's text."""
    found: list[Reading] = []
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        found.extend(read([row.text for row in part], [row.kind for row in part]))
    return found


def answers(read: Read, rows: Sequence[Row]) -> list[Answer]:
    """Return the answer of `read` for each row.

    A source that has two classes only is judged among those two. A topic counts as right where it is
    one of the row's topics.
    """
    return [judge(row, reading) for row, reading in zip(rows, readings(read, rows), strict=True)]


def judge(row: Row, reading: Reading) -> Answer:
    """Return the answer that a reading gives to a row."""
    if row.task == "topic":
        label = reading.topic
        return Answer(row, label if label in row.labels else row.labels[0], label)
    possible = policy(row).classes
    label = max(possible, key=lambda name: reading.sentiment[SENTIMENTS.index(name)])
    if row.source == "finnsp":
        return Answer(row, row.labels[0], label if label == "negative" else NON_NEGATIVE)
    return Answer(row, accepted(row)[0], label)


def figures(found: Sequence[Answer]) -> Figures:
    """Return the measures of some answers, at least one; macro-F1 is over the classes that the truth has."""
    names = label_order(found)
    seen = {answer.truth for answer in found} | {answer.label for answer in found}
    classes = tuple(name for name in names if name in seen)
    place = {name: index for index, name in enumerate(classes)}
    counts = [[0] * len(classes) for _ in classes]
    for answer in found:
        counts[place[answer.truth]][place[answer.label]] += 1
    right = sum(counts[i][i] for i in range(len(classes)))
    scores = [_f1(counts, i) for i in range(len(classes)) if sum(counts[i])]
    return Figures(
        len(found), right / len(found), sum(scores) / len(scores), classes, tuple(tuple(line) for line in counts)
    )


def label_order(found: Sequence[Answer]) -> tuple[str, ...]:
    """Return all labels that answers of this task may have, in their order."""
    return (*SENTIMENTS, NON_NEGATIVE) if found[0].row.task == "sentiment" else TOPICS


def by_class(part: Figures) -> dict[str, tuple[int, float, float, float]]:
    """Return, for each class, its rows, precision, recall and F1; 0 where there is nothing to divide by."""
    lines = {}
    for index, name in enumerate(part.classes):
        hits, true = part.confusion[index][index], sum(part.confusion[index])
        said = sum(line[index] for line in part.confusion)
        lines[name] = (true, hits / said if said else 0.0, hits / true if true else 0.0, _f1(part.confusion, index))
    return lines


def by(found: Iterable[Answer], *names: str) -> dict[tuple[str, ...], Figures]:
    """Return the measures by task and the named fields of a row (lang, kind, source), sorted."""
    return {key: figures(part) for key, part in parted(found, *names).items()}


def parted(found: Iterable[Answer], *names: str) -> dict[tuple[str, ...], list[Answer]]:
    """Return the answers by task and the named fields of a row, sorted."""
    parts: dict[tuple[str, ...], list[Answer]] = {}
    for answer in found:
        key = (answer.row.task, *(str(getattr(answer.row, name)) for name in names))
        parts.setdefault(key, []).append(answer)
    return dict(sorted(parts.items()))


def held_out_mean(found: Sequence[Answer]) -> float:
    """Return the mean over sources of accuracy and macro-F1; easy sources and tests never trained on are left out."""
    kept = [answer for answer in found if answer.row.source not in NOT_TARGETS]
    parts = by(kept, "source").values()
    return sum(part.accuracy + part.macro_f1 for part in parts) / (2 * len(parts)) if parts else 0.0


def _f1(counts: Sequence[Sequence[int]], index: int) -> float:
    hits = counts[index][index]
    total = sum(counts[index]) + sum(line[index] for line in counts)
    return 2 * hits / total if total else 0.0
