"""From a reading to what is sent and what is counted. Values in, values out."""

from __future__ import annotations

import html
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from model.labels import SENTIMENTS, TOPICS
from stream.agents.inbox import Readable
from stream.codec import Hops, Prediction
from stream.core.aggregates import SCORE_UNIT
from stream.core.documents import id_hash
from stream.core.event_time import event_time, is_late, window_start_s
from stream.core.series import series_of
from stream.core.stories import story_id
from stream.store.apply import Counted
from stream.store.read import Headline

if TYPE_CHECKING:  # the classifier brings torch; these functions need only its values
    from model.classifier import Reading

# A model's last digits depend on which documents shared its batch; four places do not.
PLACES = 4
TITLE_CHARS = 240


def predict(item: Readable, reading: Reading, *, revision: str, read_at: datetime, scored_at: datetime) -> Prediction:
    """Return the prediction for one document, probabilities rounded to four places."""
    document = item.document
    when = event_time(document.published_at, document.received_at)
    negative, neutral, positive = (round(p, PLACES) for p in reading.sentiment)
    return Prediction(
        id=document.id,
        kind=document.kind,
        source=document.source,
        lang=item.lang,
        tickers=document.tickers,
        published_at=document.published_at,
        received_at=document.received_at,
        event_time=when,
        sentiment=(negative, neutral, positive),
        score=round(positive - negative, PLACES),
        topic=TOPICS[_largest(reading.topics)],
        topics=tuple(round(p, PLACES) for p in reading.topics),
        story=story_id(kind=document.kind, text=document.text, author=document.author, document=document.id).hex(),
        late=is_late(when, document.received_at),
        model_revision=revision,
        origin=item.origin,
        hops=Hops(read_at=read_at, scored_at=scored_at),
    )


def count(prediction: Prediction, *, title: str, url: str | None, author: str | None = None) -> Counted:
    """Return what a prediction adds to the counts: a function of the prediction, and of words to show.

    Args:
        author: the document's, a keyed hash: it tells one author's storm from many, and is never shown.
    """
    event_s = window_start_s(prediction.event_time, 1)
    received_ms = int(prediction.received_at.timestamp() * 1000)
    label = _largest(prediction.sentiment)
    headline = Headline(
        id=prediction.id,
        event_s=event_s,
        received_ms=received_ms,
        kind=prediction.kind,
        lang=prediction.lang,
        source=prediction.source,
        title=title,
        label=SENTIMENTS[label],
        score=prediction.score,
        topic=prediction.topic,
        story=prediction.story,
        url=url,
        tickers=prediction.tickers,
        late=prediction.late,
        author=author,
    )
    return Counted(
        id_hash=id_hash(prediction.id),
        event_s=event_s,
        received_ms=received_ms,
        story=bytes.fromhex(prediction.story),
        label=label,
        score=round(prediction.score * SCORE_UNIT),
        late=prediction.late,
        series=series_of(
            kind=prediction.kind,
            topic=prediction.topic,
            lang=prediction.lang,
            source=prediction.source,
            tickers=prediction.tickers,
        ),
        latest=msgspec.json.encode(headline).decode(),
    )


def shown_title(item: Readable) -> str:
    """Return the words by which a document is listed: its title, else the beginning of its text."""
    words = html.unescape((item.document.title or item.document.text)[: TITLE_CHARS * 2])
    return " ".join(words.split())[:TITLE_CHARS]


def _largest(values: tuple[float, ...]) -> int:
    """Return the index of the largest value, the first of equals."""
    return max(range(len(values)), key=lambda i: (values[i], -i))
