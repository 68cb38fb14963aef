"""Which documents a person should label next: those the model is least sure of, and that count most."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

ALERTED = 3.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A story that may be labelled. All text is from outside.

    Attributes:
        title: its words.
        sentiment, topics: probabilities that the model gives, each summing to 1.
        copies: documents that told it so far, >= 1.
        alerted: an incident was opened on it: a wrong label there raised or hid an alarm.
    """

    id: str
    title: str
    kind: str
    lang: str
    received_ms: int
    sentiment: tuple[float, ...]
    topics: tuple[float, ...]
    copies: int = 1
    alerted: bool = False


def uncertainty(probabilities: Sequence[float]) -> float:
    """Return how little sure the model is: 0 where one label has everything, 1 where all are alike.

    References:
        Entropy over its maximum: Settles (2009), Active learning literature survey, section 3.1.
    """
    entropy = -sum(p * math.log(p) for p in probabilities if p > 0)
    return entropy / math.log(len(probabilities))


def influence(candidate: Candidate) -> float:
    """Return how much a label weighs: more with each doubling of copies, thrice where it drove an incident."""
    return (1.0 + math.log2(candidate.copies)) * (ALERTED if candidate.alerted else 1.0)


def priority(candidate: Candidate) -> float:
    """Return what the queue is sorted by, >= 0: how unsure the sentiment is, half as much the topic, by influence."""
    unsure = (2 * uncertainty(candidate.sentiment) + uncertainty(candidate.topics)) / 3
    return unsure * influence(candidate)


def queue(candidates: Iterable[Candidate], labelled: Collection[str], most: int) -> list[Candidate]:
    """Return the candidates to label first, at most so many, without those whose id is labelled; ties: newest first.

    Of several with the same words one is enough.
    """
    ranked = sorted(
        (one for one in candidates if one.id not in labelled),
        key=lambda one: (-priority(one), -one.received_ms, one.id),
    )
    chosen: dict[str, Candidate] = {}
    for one in ranked:
        chosen.setdefault(" ".join(one.title.casefold().split()), one)
        if len(chosen) == most:
            break
    return list(chosen.values())
