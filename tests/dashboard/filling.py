"""Fills a store as a worker does: through `AsyncStore.apply`, never by writing keys."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import msgspec

from model.labels import SENTIMENTS
from stream.core.documents import id_hash
from stream.core.series import series_of
from stream.core.stories import story_id
from stream.store.apply import AsyncStore, Counted, Record, part_field
from stream.store.read import Headline

_TOPIC_ID = "dashboard-tests"


@dataclass(frozen=True)
class Doc:
    """One scored document."""

    event_s: int
    title: str
    label: str = "neutral"
    score: float = 0.0
    topic: str = "earnings"
    kind: str = "news"
    source: str = "wire"
    lang: str = "en"
    url: str | None = None
    tickers: tuple[str, ...] = ()
    received_ms: int | None = None
    id: str = field(default="")


def counted(doc: Doc) -> Counted:
    """Return what the worker would hand to the store."""
    document = doc.id or f"{doc.event_s} {doc.title}"
    received_ms = doc.received_ms if doc.received_ms is not None else doc.event_s * 1000 + 100
    story = story_id(kind=doc.kind, text=doc.title, author=None, document=document)
    headline = Headline(
        id=document,
        event_s=doc.event_s,
        received_ms=received_ms,
        kind=doc.kind,
        lang=doc.lang,
        source=doc.source,
        title=doc.title,
        label=doc.label,
        score=doc.score,
        topic=doc.topic,
        story=story.hex(),
        url=doc.url,
        tickers=doc.tickers,
    )
    series = series_of(kind=doc.kind, topic=doc.topic, lang=doc.lang, source=doc.source, tickers=doc.tickers)
    return Counted(
        id_hash=id_hash(document),
        event_s=doc.event_s,
        received_ms=received_ms,
        story=story,
        label=SENTIMENTS.index(doc.label),
        score=round(doc.score * 10_000),
        late=False,
        series=series,
        latest=msgspec.json.encode(headline).decode(),
    )


def fill(url: str, namespace: str, docs: Iterable[Doc]) -> None:
    """Apply the documents, after whatever was applied before."""
    # In a thread of its own: a browser that is driven from this one keeps an event loop running in it.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, _fill(url, namespace, list(docs))).result()


async def _fill(url: str, namespace: str, docs: list[Doc]) -> None:
    store = AsyncStore(url, namespace)
    try:
        before = (await store.applied()).get(part_field(_TOPIC_ID, 0), -1)
        records = [Record(_TOPIC_ID, 0, before + 1 + i, counted(doc)) for i, doc in enumerate(docs)]
        for start in range(0, len(records), 500):
            await store.apply(records[start : start + 500], {})
    finally:
        await store.close()


def busy_hour(now_s: int, per_minute: int = 6) -> list[Doc]:
    """Return an hour of documents up to `now_s`: thirds of each label, three topics, both kinds."""
    labels = (("negative", -0.8), ("neutral", 0.05), ("positive", 0.7))
    topics = ("earnings", "macro", "fx_crypto")
    docs = []
    for i in range(60 * per_minute):
        label, score = labels[i % 3]
        docs.append(
            Doc(
                event_s=now_s - i * 60 // per_minute,
                title=f"Company {i} reports results for quarter {i % 4} that were awaited by the whole market today",
                label=label,
                score=score,
                topic=topics[i // 3 % 3],
                kind="comment" if i % 5 == 0 else "news",
            )
        )
    return docs
