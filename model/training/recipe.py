"""How much each source counts in training: caps, shares, repeats, weights, smoothing, masked classes."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from model.labels import SENTIMENTS
from model.training.rows import NON_NEGATIVE, Row

NEVER_TRAINED = frozenset({"fpb"})
TWO_CLASSES = ("negative", "positive")
TWO_CLASSES_ONLY = "two classes"  # the quality of a row whose source never says neutral


@dataclass(frozen=True, slots=True)
class Policy:
    """The treatment of one source; `cap` is rows a label and epoch, drawn anew each epoch."""

    cap: int = 10**9
    share: float = 1.0
    repeat: int = 1
    weight: float = 1.0
    smoothing: float = 0.03
    classes: tuple[str, ...] = SENTIMENTS


SENTIMENT = {
    "stockemotions": Policy(share=0.75, smoothing=0.1, classes=TWO_CLASSES),
    "gold": Policy(cap=300),
    "finentity": Policy(repeat=3),
    "fiqa_post": Policy(repeat=2),
    "fiqa_headline": Policy(repeat=3),
    "finfe": Policy(smoothing=0.05),
    "cfb_sent": Policy(repeat=5),
    "wwwxmu_seed": Policy(cap=3000, classes=TWO_CLASSES),
    "wwwxmu_test": Policy(classes=TWO_CLASSES),
    "finnsp": Policy(share=0.8, weight=0.7, smoothing=0.0),
    "guba_algosenses": Policy(smoothing=0.05, classes=TWO_CLASSES),
    "weak_en": Policy(cap=900, weight=0.6, smoothing=0.1),
    "weak_zh": Policy(cap=400, weight=0.3, smoothing=0.15),
    "templates": Policy(cap=500, weight=0.5, smoothing=0.05),
    "correction": Policy(repeat=2),
}
TOPIC = {
    "crypto_news": Policy(cap=700),
    "gold": Policy(cap=500),
    "tfn_topic": Policy(),
    "fiqa_post": Policy(repeat=2),
    "fiqa_headline": Policy(repeat=3),
    "reuters21578": Policy(cap=1200),
    "cfb_event": Policy(repeat=5),
    "finese": Policy(cap=900),
    "finnl": Policy(smoothing=0.06),
    "finqa_duee": Policy(repeat=2),
    "thucnews": Policy(cap=1300),
    "correction": Policy(repeat=2),
}
TOPIC_DEFAULT = Policy(cap=2000)


def policy(row: Row) -> Policy:
    """Return the treatment of a row's source in its task."""
    if row.task == "sentiment":
        treatment = SENTIMENT.get(row.source, Policy())
        return replace(treatment, classes=TWO_CLASSES) if row.quality == TWO_CLASSES_ONLY else treatment
    return TOPIC.get(row.source, TOPIC_DEFAULT)


def accepted(row: Row) -> tuple[str, ...]:
    """Return the labels a row accepts; "not negative" accepts both others."""
    return SENTIMENTS[1:] if row.labels == (NON_NEGATIVE,) else row.labels


def trainable(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that may be trained on: PhraseBank is not among them."""
    return [row for row in rows if row.source not in NEVER_TRAINED]


def epoch_rows(rows: Sequence[Row], epoch: int, seed: int) -> list[int]:
    """Return the indexes of the rows of one epoch, shuffled; the same for the same rows, epoch and seed."""
    draw = random.Random(f"{seed}/{epoch}")
    cells: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        cells[row.task, row.source, row.labels[0]].append(index)
    chosen: list[int] = []
    for (_, _, _), indexes in sorted(cells.items()):
        treatment = policy(rows[indexes[0]])
        count = min(treatment.cap, max(1, round(len(indexes) * treatment.share)))
        for _ in range(treatment.repeat):
            chosen.extend(draw.sample(indexes, count) if count < len(indexes) else indexes)
    draw.shuffle(chosen)
    return chosen
