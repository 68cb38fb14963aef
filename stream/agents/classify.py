"""The classify agent: documents in, predictions out, counts in the store, then the acknowledgement."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from stream.agents.in_order import InOrder, fail_stop
from stream.agents.inbox import Readable, Received, open_record, problem_header
from stream.agents.outcome import count, predict, shown_title
from stream.agents.scoring import Scorer
from stream.app import App
from stream.broker.errors import BrokerError
from stream.broker.known import Kafka
from stream.broker.sender import Outgoing, Sender
from stream.broker.topics import DEAD_LETTERS, DOCUMENTS_COMMENTS, DOCUMENTS_NEWS, PREDICTIONS
from stream.codec import DeadLetter, Origin, Prediction, dead_letter, encode
from stream.core.progress import Part, behind, gaps
from stream.heartbeat import beat
from stream.retry import until_done
from stream.store.apply import Applied, AsyncStore, Record, StoreBehind, part_field
from stream.store.client import StoreError

log = logging.getLogger(__name__)

STORE_CHECK_S = 2.0
TOPICS_CHECK_S = 30.0


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch whose predictions and dead letters are with the broker, ready to be applied."""

    records: tuple[Record, ...]
    offsets: Mapping[Part, Sequence[int]]


class Work:
    """What the agent does with a batch: `score`, ahead of others, then `apply`, strictly in order."""

    def __init__(self, scorer: Scorer, sender: Sender, store: AsyncStore, kafka: Kafka) -> None:
        self._scorer = scorer
        self._sender = sender
        self._store = store
        self._kafka = kafka
        self._topic_ids: Mapping[str, str] = {}
        self._expected: dict[str, int] = {}

    async def positions(self, parts: Sequence[Part]) -> dict[Part, int]:
        """Return the offset to read next for each (topic, partition), as the store has it, and remember it."""
        self._topic_ids = await until_done(self._kafka.topic_ids)
        ends = await until_done(self._kafka.end_offsets)
        applied = await until_done(self._store.applied)
        fields = {part: self._field(*part) for part in parts}
        positions = {part: applied.get(field, -1) + 1 for part, field in fields.items()}
        for part in behind(ends, positions):
            fail_stop(
                "%s-%d ends at offset %d in Kafka, and the store has applied %d: Kafka was restored from an older "
                "copy or lost its last seconds; `barograph topics --trust-kafka` reads on from what Kafka has",
                *part,
                ends[part],
                positions[part] - 1,
            )
        # A batch may be under way while this is asked again: never fall back behind what it has applied.
        known = self._expected
        self._expected = {field: max(positions[part] - 1, known.get(field, -1)) for part, field in fields.items()}
        return positions

    async def score(self, records: Sequence[Received]) -> Batch:
        """Read, score and send a batch; returns when the broker has confirmed what came of it."""
        read_at = _now()
        opened = [open_record(record, read_at) for record in records]
        readable = [item for item in opened if isinstance(item, Readable)]
        readings = await self._scorer.read([item.text for item in readable], [item.document.kind for item in readable])
        scored_at = _now()
        outcomes: dict[Origin, Prediction | DeadLetter] = {
            letter.origin: letter for letter in opened if isinstance(letter, DeadLetter)
        }
        for item, reading in zip(readable, readings, strict=True):
            outcomes[item.origin] = (
                dead_letter(item.raw, origin=item.origin, reason=reading, at=scored_at)
                if isinstance(reading, str)
                else predict(item, reading, revision=self._scorer.revision, read_at=read_at, scored_at=scored_at)
            )
        outgoing = [_outgoing(outcome) for outcome in outcomes.values()]
        await until_done(lambda: self._sender.send(outgoing))
        documents = {item.origin: item for item in readable}
        offsets: dict[Part, list[int]] = {}
        for record in records:
            offsets.setdefault((record.origin.topic, record.origin.partition), []).append(record.origin.offset)
        return Batch(tuple(self._record(record.origin, outcomes, documents) for record in records), offsets)

    async def apply(self, batch: Batch) -> Applied:
        """Apply a batch to the store, however long the store takes to answer."""
        await self._check_gaps(batch)
        try:
            applied = await until_done(lambda: self._store.apply(batch.records, self._expected))
        except StoreBehind as exc:
            fail_stop("%s: reading again from what it has", exc)
            raise
        for record in batch.records:
            field = part_field(record.topic_id, record.partition)
            self._expected[field] = max(record.offset, self._expected.get(field, -1))
        return applied

    async def check_topics(self) -> None:
        """End the process if a topic was made anew: its offsets start at zero, under another id."""
        try:
            found = await self._kafka.topic_ids()
        except BrokerError as exc:
            log.warning("%s", exc)
            return
        for topic, known in self._topic_ids.items():
            if found.get(topic) != known:
                fail_stop("topic %s was deleted or made anew: reading it from its beginning", topic)

    async def check_store(self) -> bool:
        """Return whether the store answers; end the process if it holds less than was applied.

        No record may come for hours to show it.
        """
        expected = dict(self._expected)
        try:
            applied = await self._store.applied()
        except StoreError as exc:
            log.warning("%s", exc)
            return False
        for field, offset in expected.items():
            if applied.get(field, -1) < offset:
                fail_stop(
                    "the store fell back: %s is at %d, this worker applied %d", field, applied.get(field, -1), offset
                )
        return True

    async def _check_gaps(self, batch: Batch) -> None:
        """End the process if records were passed over: applying what follows would make them redeliveries."""
        applied = {part: self._expected.get(self._field(*part), -1) for part in batch.offsets}
        for (topic, partition), start, end in gaps(batch.offsets, applied):
            if await until_done(partial(self._kafka.holds_records, topic, partition, start, end)):
                fail_stop("%s-%d: offsets %d to %d were not delivered", topic, partition, start, end - 1)
            log.warning("%s-%d: offsets %d to %d hold no record any more", topic, partition, start, end - 1)

    def _record(
        self,
        origin: Origin,
        outcomes: Mapping[Origin, Prediction | DeadLetter],
        documents: Mapping[Origin, Readable],
    ) -> Record:
        outcome = outcomes[origin]
        counted = None
        if isinstance(outcome, Prediction):
            item = documents[origin]
            document = item.document
            counted = count(outcome, title=shown_title(item), url=document.url, author=document.author)
        return Record(self._topic_ids[origin.topic], origin.partition, origin.offset, counted)

    def _field(self, topic: str, partition: int) -> str:
        return part_field(self._topic_ids[topic], partition)


def attach(app: App, work: Work, *, batch_max: int, batch_wait_s: float, heartbeat: Path | None = None) -> None:
    """Give the app its classify agent, which touches the file `heartbeat` while it works or has nothing to do."""
    documents = app.topic(DOCUMENTS_NEWS, DOCUMENTS_COMMENTS, value_type=bytes, value_serializer="raw")
    pipeline: InOrder[Batch] | None = None

    async def apply(batch: Batch) -> None:
        await work.apply(batch)
        beat(heartbeat)

    async def check_store() -> None:
        idle = pipeline is None or pipeline.idle
        if await work.check_store() and idle and app.joined:
            beat(heartbeat)

    app.timer(STORE_CHECK_S)(check_store)
    app.timer(TOPICS_CHECK_S)(work.check_topics)

    @app.agent(documents)
    async def classify(stream: Any) -> None:
        nonlocal pipeline
        # take() acks even a batch whose body raised; an error that leaves the loop of
        # noack_take() stalls the partition: whatever escapes the pipeline ends the process.
        async with InOrder(stream, apply) as pipeline:
            async for events in stream.noack_take(batch_max, within=batch_wait_s):
                records = [_received(event) for event in events]
                await pipeline.put(partial(work.score, records), events)


def _received(event: Any) -> Received:
    message = event.message
    return Received(
        origin=Origin(message.topic, message.partition, message.offset),
        value=message.value or b"",
        timestamp_s=message.timestamp,
        problem=problem_header(message.headers),
    )


def _outgoing(outcome: Prediction | DeadLetter) -> Outgoing:
    if isinstance(outcome, Prediction):
        return Outgoing(PREDICTIONS, bytes.fromhex(outcome.story), encode(outcome))
    origin = outcome.origin
    key = f"{origin.topic}:{origin.partition}:{origin.offset}".encode()
    return Outgoing(DEAD_LETTERS, key, encode(outcome))


def _now() -> datetime:
    return datetime.now(UTC)
