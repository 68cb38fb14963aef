"""What goes through a replay: a record for the store, and when the virtual clock reaches it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from stream.agents.inbox import Readable
from stream.agents.outcome import count, shown_title
from stream.codec import Prediction
from stream.store.apply import Counted, Record

REASONS_KEPT: Final = 20


class Item(NamedTuple):
    """One record in its turn; `at_ms` is the virtual clock, unix milliseconds, never less than the one before."""

    at_ms: int
    record: Record


@dataclass(frozen=True, slots=True)
class Span:
    """`[start, end)` in event time, unix seconds; None leaves a side open.

    Attributes:
        learn_s: documents of so long before the start teach the baselines.
    """

    start_s: int | None = None
    end_s: int | None = None
    learn_s: int = 0

    @property
    def first_s(self) -> int | None:
        """Where what is read begins."""
        return None if self.start_s is None else self.start_s - self.learn_s

    def holds(self, event_s: float) -> bool:
        """Return whether it is read at all."""
        first_s = self.first_s
        return (first_s is None or event_s >= first_s) and (self.end_s is None or event_s < self.end_s)

    def teaches(self, event_s: float) -> bool:
        """Return whether it lies before the start."""
        return self.start_s is not None and event_s < self.start_s


@dataclass(slots=True)
class Tally:
    """What became of the records that were looked at.

    Attributes:
        read: records or lines; read = skipped + set_aside + unscored + learnt + taken.
        skipped: event time outside of what was asked. `learnt`: before it, and taught the baselines.
        set_aside: dead letters. `reasons`: the first of them, and where they stood.
        unscored: documents of which no prediction is stored.
        out_of_order: taken, but earlier than one before them; they were put in order.
        undated: lines whose instant states no time zone.
    """

    read: int = 0
    skipped: int = 0
    learnt: int = 0
    set_aside: int = 0
    unscored: int = 0
    taken: int = 0
    out_of_order: int = 0
    undated: int = 0
    reasons: list[str] = field(default_factory=list)

    def take(self, span: Span, event_s: float) -> None:
        """Count a document that goes through."""
        if span.teaches(event_s):
            self.learnt += 1
        else:
            self.taken += 1

    def set_aside_one(self, where: str, reason: str) -> None:
        """Count a dead letter."""
        self.set_aside += 1
        if "published_at" in reason and "timezone" in reason:
            self.undated += 1
        if len(self.reasons) < REASONS_KEPT:
            self.reasons.append(f"{where}: {reason}")


class Words(msgspec.Struct, frozen=True):
    """What lists show of a document; its prediction has the rest."""

    text: str
    title: str | None = None
    url: str | None = None
    author: str | None = None


words_of: Final = msgspec.json.Decoder(Words)


def counted_of(prediction: Prediction, item: Readable) -> Counted:
    """Return what a document that was just read adds to the counts."""
    document = item.document
    return count(prediction, title=shown_title(item), url=document.url, author=document.author)


@dataclass(slots=True)
class Rescored:
    """The same documents as they were scored and as they are scored now, by day of event time."""

    was: dict[str, Counter[str]] = field(default_factory=dict)
    now: dict[str, Counter[str]] = field(default_factory=dict)
    changed: Counter[str] = field(default_factory=Counter)
    revisions: Counter[str] = field(default_factory=Counter)

    def add(self, was: Prediction, now: Prediction) -> None:
        """Count one document under both."""
        day = now.event_time.astimezone(UTC).date().isoformat()
        labels = label_of(was), label_of(now)
        for days, label, one in ((self.was, labels[0], was), (self.now, labels[1], now)):
            counts = days.setdefault(day, Counter())
            counts[label] += 1
            counts["score"] += round(one.score * 10_000)
        self.revisions[was.model_revision] += 1
        if labels[0] != labels[1]:
            self.changed[f"{labels[0]} to {labels[1]}"] += 1


def label_of(prediction: Prediction) -> str:
    """Return the most probable sentiment, the first of equals."""
    largest = max(prediction.sentiment)
    return ("negative", "neutral", "positive")[prediction.sentiment.index(largest)]


def time_text(at_s: float) -> str:
    """Return an instant as RFC 3339, UTC, to the second."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
