"""Records that Kafka or the archive has, with what the model says of them: as it was stored, or as it is now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from stream.agents.inbox import Readable, Received, open_record
from stream.agents.outcome import TITLE_CHARS, count, predict
from stream.codec import Origin, Prediction
from stream.core.event_time import MOST_AHEAD
from stream.replay.items import Item, Rescored, Span, Tally, counted_of, words_of
from stream.replay.scores import BATCH, Scores
from stream.store.apply import Counted, Record

_FAR: Final = datetime(9999, 1, 1, tzinfo=UTC) - MOST_AHEAD


class Stored(NamedTuple):
    """One record of a documents topic, and the prediction that was made of it, if one was.

    Attributes:
        at_ms: when it was received, never less than that of the record before it.
        timestamp_ms: the record's own.
    """

    at_ms: int
    topic: str
    topic_id: str
    partition: int
    offset: int
    timestamp_ms: int
    problem: str | None
    value: bytes
    prediction: Prediction | None


def as_stored(found: Iterable[Stored], span: Span, tally: Tally, revisions: Counter[str]) -> Iterator[Item]:
    """Yield the records with their stored predictions; one without counts as a record and no more."""
    for one in found:
        tally.read += 1
        prediction = one.prediction
        if prediction is None:
            if not span.holds(one.timestamp_ms / 1000):
                tally.skipped += 1
                continue
            if one.problem is not None:
                tally.set_aside_one(_where(one), one.problem)
            else:
                tally.unscored += 1
            yield Item(one.at_ms, _record(one, None))
        elif not span.holds(event_s := prediction.event_time.timestamp()):
            tally.skipped += 1
        else:
            tally.take(span, event_s)
            revisions[prediction.model_revision] += 1
            words = words_of.decode(one.value)
            title = " ".join((words.title or words.text)[: TITLE_CHARS * 2].split())[:TITLE_CHARS]
            url = words.url or None
            yield Item(one.at_ms, _record(one, count(prediction, title=title, url=url, author=words.author)))


def anew(
    found: Iterable[Stored],
    span: Span,
    tally: Tally,
    *,
    scores: Scores,
    rescored: Rescored,
    on_read: Callable[[], None],
) -> Iterator[Item]:
    """Yield the records as the model reads them now, in batches by count in the order in which they come."""
    batch: list[tuple[Stored, Readable | str]] = []
    waiting = 0
    for one in found:
        tally.read += 1
        opened = _opened(one)
        when = opened.document if isinstance(opened, Readable) else None
        event_s = one.timestamp_ms / 1000 if when is None else _event_s(opened)
        if not span.holds(event_s):
            tally.skipped += 1
            continue
        waiting += isinstance(opened, Readable)
        batch.append((one, opened))
        if waiting == BATCH:
            yield from _read(batch, span, tally, scores, rescored)
            batch, waiting = [], 0
            on_read()
    yield from _read(batch, span, tally, scores, rescored)
    on_read()


def _read(
    batch: list[tuple[Stored, Readable | str]], span: Span, tally: Tally, scores: Scores, rescored: Rescored
) -> Iterator[Item]:
    readings = iter(scores.read([opened for _, opened in batch if isinstance(opened, Readable)]))
    for one, opened in batch:
        reading = opened if isinstance(opened, str) else next(readings)
        if isinstance(reading, str) or isinstance(opened, str):
            tally.set_aside_one(_where(one), str(reading))
            yield Item(one.at_ms, _record(one, None))
            continue
        received = opened.document.received_at
        now = predict(opened, reading, revision=scores.revision, read_at=received, scored_at=received)
        event_s = now.event_time.timestamp()
        tally.take(span, event_s)
        if one.prediction is not None and not span.teaches(event_s):
            rescored.add(one.prediction, now)
        yield Item(one.at_ms, _record(one, counted_of(now, opened)))


def _opened(one: Stored) -> Readable | str:
    origin = Origin(one.topic, one.partition, one.offset)
    opened = open_record(Received(origin, one.value, one.timestamp_ms / 1000, one.problem), _FAR)
    return opened if isinstance(opened, Readable) else opened.reason


def _event_s(opened: Readable | str) -> float:
    if isinstance(opened, str):
        return 0.0
    document = opened.document
    published = document.published_at
    return (document.received_at if published is None else min(published, document.received_at)).timestamp()


def _record(one: Stored, counted: Counted | None) -> Record:
    return Record(one.topic_id, one.partition, one.offset, counted)


def _where(one: Stored) -> str:
    return f"{one.topic}-{one.partition}@{one.offset}"


def same_document(prediction: Prediction, value: bytes) -> bool:
    """Return whether a prediction can be of this record: a topic made anew has other documents at its offsets."""
    try:
        given = _id.decode(value).id
    except (msgspec.MsgspecError, ValueError):
        return False
    return given is None or given == prediction.id


class _Given(msgspec.Struct, frozen=True):
    id: str | None = None


_id: Final = msgspec.json.Decoder(_Given)
