"""A replay's records from files: read and scored in the order of the files, given out in order of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from stream.agents.inbox import Readable
from stream.agents.outcome import predict
from stream.core.event_time import window_start_s
from stream.replay.errors import ReplayError
from stream.replay.file_documents import TOPIC, Bad, Files
from stream.replay.items import Item, Span, Tally, counted_of
from stream.replay.scores import BATCH, Scores
from stream.replay.spool import Spool
from stream.store.apply import Counted, Record

_decoder: Final = msgspec.msgpack.Decoder(Counted)
_MS: Final = 1_000


class FromFiles:
    """Call `items` once. The virtual clock is event time; nothing can come late."""

    received = False

    def __init__(self, files: Files, span: Span, scores: Scores, scratch: Path) -> None:
        self._files = files
        self._span = span
        self._scores = scores
        self._scratch = scratch
        self._leading = 0
        self.last_s: float | None = None
        self.tally = Tally()

    def items(self, on_read: Callable[[], None]) -> Iterator[Item]:
        """Yield the records in order of time; `on_read` is called after each batch that was scored.

        Raises:
            ReplayError: there is no document in the files, or none in the span.
        """
        with Spool(self._scratch) as spool:
            self._read(spool, on_read)
            self.last_s = (spool.last or 0) / _MS
            self.tally.out_of_order = spool.out_of_order
            self._check()
            for rank, (_, at_ms, frame) in enumerate(spool.frames()):
                yield Item(at_ms, Record(TOPIC, 0, rank, _decoder.decode(frame) if frame else None))

    def _read(self, spool: Spool, on_read: Callable[[], None]) -> None:
        batch: list[Readable | Bad] = []
        waiting, last_ms = 0, None
        for one in self._files.documents():
            self.tally.read += 1
            if isinstance(one, Readable):
                if not self._span.holds(one.document.received_at.timestamp()):
                    self.tally.skipped += 1
                    continue
                waiting += 1
            batch.append(one)
            if waiting == BATCH:
                last_ms = self._write(batch, spool, last_ms)
                batch, waiting = [], 0
                on_read()
        self._write(batch, spool, last_ms)
        on_read()

    def _write(self, batch: list[Readable | Bad], spool: Spool, last_ms: int | None) -> int | None:
        """Score a batch and write it; what is no document stands where the one before it stood."""
        readings = iter(self._scores.read([one for one in batch if isinstance(one, Readable)]))
        for one in batch:
            if isinstance(one, Bad):
                self.tally.set_aside_one(one.where, one.reason)
                if last_ms is None:
                    self._leading += 1
                else:
                    spool.add(last_ms, b"")
                continue
            reading, when = next(readings), one.document.received_at
            last_ms = window_start_s(when, 1) * _MS + when.microsecond // 1000
            for _ in range(self._leading):
                spool.add(last_ms, b"")
            self._leading = 0
            if isinstance(reading, str):
                self.tally.set_aside_one(f"document {one.origin.offset + 1}", reading)
                spool.add(last_ms, b"")
                continue
            prediction = predict(one, reading, revision=self._scores.revision, read_at=when, scored_at=when)
            spool.add(last_ms, msgspec.msgpack.encode(counted_of(prediction, one)))
            self.tally.take(self._span, last_ms / _MS)
        return last_ms

    def _check(self) -> None:
        tally = self.tally
        if tally.taken:
            return
        outside = tally.skipped + tally.learnt
        if outside:
            raise ReplayError(f"no document of the files lies in the span: {outside:,} lie outside of it")
        shown = "; ".join(tally.reasons[:3])
        hint = " (--time-zone UTC gives one to times without)" if tally.undated else ""
        raise ReplayError(f"no line of the files is a document: {shown or 'there is none'}{hint}")
