"""A replay's records from Kafka: read to a fixed end, then given out in the order in which they were received."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from stream.agents.inbox import problem_header
from stream.broker.bounded import Fetched, bounded
from stream.broker.topics import DOCUMENT_TOPICS, PREDICTIONS, topic_ids
from stream.codec import Prediction, decode_prediction
from stream.replay.errors import ReplayError
from stream.replay.items import Item, Rescored, Span, Tally
from stream.replay.scores import Scores
from stream.replay.scoring import Stored, anew, as_stored, same_document
from stream.replay.spool import Spool

_SHOW_EVERY: Final = 2_000


class _Frame(msgspec.Struct, array_like=True):
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    problem: str | None
    value: bytes


class _From(msgspec.Struct, frozen=True):
    topic: str
    partition: int
    offset: int


class _Whose(msgspec.Struct, frozen=True):
    origin: _From


_frame: Final = msgspec.msgpack.Decoder(_Frame)
_whose: Final = msgspec.json.Decoder(_Whose)
_Part = tuple[str, int]


class FromKafka:
    """Call `items` once. Without scores the stored predictions stand."""

    received = True

    def __init__(self, bootstrap: str, span: Span, scores: Scores | None, scratch: Path) -> None:
        self._bootstrap, self._span, self._scores, self._scratch = bootstrap, span, scores, scratch
        self.last_s: float | None = None
        self.tally = Tally()
        self.rescored = Rescored()
        self.revisions: Counter[str] = Counter()

    def items(self, on_read: Callable[[], None]) -> Iterator[Item]:
        """Yield the records.

        Raises:
            ReplayError: Kafka holds nothing of the span. BrokerError: it cannot be read.
        """
        # An event is received when it happens or later: the span bounds what was received from one side only.
        start_ms = None if self._span.first_s is None else self._span.first_s * 1000
        with Spool(self._scratch) as documents, Spool(self._scratch.with_suffix(".predictions")) as predictions:
            ids = topic_ids(self._bootstrap, DOCUMENT_TOPICS)
            made = _Made(predictions, self._spool(documents, start_ms, on_read))
            self.last_s = None if documents.last is None else documents.last / 1000
            # A prediction is made after its document was received, by another machine's clock.
            for n, one in enumerate(bounded(self._bootstrap, [PREDICTIONS])):
                made.add(one.value)
                if n % _SHOW_EVERY == 0:
                    on_read()
            found = self._stored(documents, made, ids)
            if self._scores is None:
                yield from as_stored(found, self._span, self.tally, self.revisions)
            else:
                yield from anew(
                    found, self._span, self.tally, scores=self._scores, rescored=self.rescored, on_read=on_read
                )
        if not self.tally.taken:
            raise ReplayError(
                "Kafka holds no document of this span"
                if not self.tally.unscored
                else f"Kafka holds no prediction of this span, and {self.tally.unscored:,} documents: "
                "--rescore has the model read them"
            )

    def _spool(
        self, documents: Spool, start_ms: int | None, on_read: Callable[[], None]
    ) -> dict[_Part, tuple[int, int]]:
        """Write the documents to disk and return the first and the last offset of each partition."""
        newest: dict[_Part, int] = {}
        offsets: dict[_Part, tuple[int, int]] = {}
        for n, one in enumerate(bounded(self._bootstrap, DOCUMENT_TOPICS, start_ms)):
            part = one.topic, one.partition
            # A partition's records keep their order, whatever their producers' clocks say.
            newest[part] = max(newest.get(part, 0), one.timestamp_ms)
            offsets[part] = offsets.get(part, (one.offset, 0))[0], one.offset
            documents.add(newest[part], msgspec.msgpack.encode(_framed(one)))
            if n % _SHOW_EVERY == 0:
                on_read()
        return offsets

    def _stored(self, documents: Spool, made: _Made, ids: dict[str, str]) -> Iterator[Stored]:
        # Of what came in the same millisecond the order is that of topic, partition and offset.
        for at_ms, frames in _by_time(documents):
            for one in frames:
                prediction = made.of(one.topic, one.partition, one.offset)
                if prediction is not None and not same_document(prediction, one.value):
                    prediction = None
                yield Stored(
                    at_ms,
                    one.topic,
                    ids[one.topic],
                    one.partition,
                    one.offset,
                    one.timestamp_ms,
                    one.problem,
                    one.value,
                    prediction,
                )


def _framed(one: Fetched) -> _Frame:
    return _Frame(one.topic, one.partition, one.offset, one.timestamp_ms, problem_header(one.headers), one.value)


def _by_time(documents: Spool) -> Iterator[tuple[int, Sequence[_Frame]]]:
    together: list[_Frame] = []
    together_ms = 0
    for _, at_ms, raw in documents.frames():
        if together and at_ms != together_ms:
            yield together_ms, sorted(together, key=_place)
            together = []
        together_ms = at_ms
        together.append(_frame.decode(raw))
    if together:
        yield together_ms, sorted(together, key=_place)


def _place(one: _Frame) -> tuple[str, int, int]:
    return one.topic, one.partition, one.offset


class _Made:
    """The predictions on disk, found by their origin; of several the last one: that is what was counted.

    A worker that was killed between sending a prediction and counting it makes it again.
    """

    def __init__(self, spool: Spool, offsets: Mapping[_Part, tuple[int, int]]) -> None:
        self._spool = spool
        self._numbers = {
            part: (first, array("q", [-1]) * (last + 1 - first)) for part, (first, last) in offsets.items()
        }

    def add(self, raw: bytes) -> None:
        """Keep a prediction of a document that was read; any other record is passed over."""
        try:
            origin = _whose.decode(raw).origin
        except (msgspec.MsgspecError, ValueError):
            return
        first, numbers = self._numbers.get((origin.topic, origin.partition), (0, array("q")))
        if 0 <= origin.offset - first < len(numbers):
            numbers[origin.offset - first] = self._spool.add(0, raw)

    def of(self, topic: str, partition: int, offset: int) -> Prediction | None:
        """Return the prediction of this record, None where there is none."""
        first, numbers = self._numbers.get((topic, partition), (0, array("q")))
        at = offset - first
        if not 0 <= at < len(numbers) or numbers[at] < 0:
            return None
        try:
            return decode_prediction(self._spool.frame(numbers[at]))
        except msgspec.MsgspecError:
            return None
