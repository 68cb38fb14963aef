"""Documents to Kafka: a thin producer that counts what the broker confirmed."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from kafka import KafkaProducer
from kafka.errors import IllegalStateError, KafkaError, KafkaTimeoutError

from stream.broker.errors import BrokerError
from stream.broker.profile import producer_settings
from stream.broker.reach import require_reachable
from stream.broker.topics import DOCUMENT_TOPICS, DOCUMENTS_NEWS, documents_topic, end_offsets, topic_ids
from stream.codec import MAX_RAW_BYTES, MAX_REASON_CHARS, PROBLEM_HEADER, Document, Origin, encode
from stream.core.progress import Part
from stream.core.stories import story_key
from stream.sources.errors import SourceError

MAX_PENDING: Final = 20_000
MAX_PENDING_BYTES: Final = 64 * 1024 * 1024
# Above the producer's own delivery time-out, after which a record has failed and makes room.
ROOM_TIMEOUT_S: Final = 130.0
_FORCED_S: Final = 2.0

Confirmation = Any  # kafka-python's FutureRecordMetadata; it has no types


class Publisher:
    """Sends documents and unreadable records, in order within a story; safe to use from several threads.

    Args:
        bootstrap: `host:port[,host:port…]`.
        room_timeout_s: how long a send waits while `MAX_PENDING` records are unconfirmed.

    Attributes:
        topic_ids: the broker's UUID of each documents topic.
        failure: the first record that was given up, None while there is none.

    Raises:
        SourceError: Kafka cannot be reached, or the topics are not there.
    """

    def __init__(self, bootstrap: str, *, room_timeout_s: float = ROOM_TIMEOUT_S) -> None:
        self._bootstrap = bootstrap
        self._room_timeout_s = room_timeout_s
        self._changed = threading.Condition()
        self._sent = self._confirmed = self._failed = self._pending_bytes = 0
        self._last: dict[Part, int] = {}
        self._untold: set[Part] = set()
        self.failure: SourceError | None = None
        self.topic_ids = document_topic_ids(bootstrap)
        try:
            self._producer = KafkaProducer(**producer_settings(bootstrap))
            for topic in DOCUMENT_TOPICS:
                self._producer.partitions_for(topic)
        except (KafkaError, OSError) as exc:
            raise _source_error(bootstrap, exc) from exc

    @property
    def confirmed(self) -> int:
        """Records that the broker has."""
        with self._changed:
            return self._confirmed

    @property
    def pending(self) -> int:
        """Records sent and neither confirmed nor given up."""
        with self._changed:
            return self._sent - self._confirmed - self._failed

    def last_offsets(self) -> dict[Part, int]:
        """Return the highest confirmed offset by topic and partition.

        Raises:
            SourceError: Kafka has to be asked, and does not answer.
        """
        with self._changed:
            last, untold = dict(self._last), set(self._untold)
        # A record that was sent twice over a broken connection is confirmed without its offset.
        if untold:
            try:
                ends = end_offsets(self._bootstrap, DOCUMENT_TOPICS)
            except BrokerError as exc:
                raise SourceError(str(exc), permanent=exc.permanent) from exc
            last |= {part: ends[part] - 1 for part in untold if part in ends}
        return last

    def send(self, document: Document) -> Confirmation:
        """Queue a document for its kind's topic and return what `wait` takes.

        Raises:
            SourceError: there is no room because Kafka confirms nothing, or the producer refuses.
        """
        return self._send(
            documents_topic(document.kind),
            encode(document),
            # What the agents call the same story meets in one partition.
            key=story_key(document.text),
            received_ms=int(document.received_at.timestamp() * 1000),
        )

    def send_unreadable(self, raw: bytes, reason: str) -> Confirmation:
        """Queue what could not be read, cut to 64 KB, with its reason: the agents make it a dead letter.

        Raises:
            SourceError: as `send`.
        """
        return self._send(
            DOCUMENTS_NEWS,
            raw[:MAX_RAW_BYTES],
            key=hashlib.blake2b(raw, digest_size=8).digest(),
            received_ms=time.time_ns() // 1_000_000,
            headers=[(PROBLEM_HEADER, reason[:MAX_REASON_CHARS].encode(errors="replace"))],
        )

    def wait(self, confirmations: Sequence[Confirmation], timeout_s: float) -> list[Origin | SourceError]:
        """Return where each record stands, or why it is not confirmed, waiting at most so long for all."""
        deadline = time.monotonic() + timeout_s
        return [self._origin(confirmation, deadline, timeout_s) for confirmation in confirmations]

    def flush(self, timeout_s: float | None = None) -> None:
        """Return once nothing is pending.

        Raises:
            SourceError: not in time, or a record was given up.
        """
        # Not the producer's own flush: its time-out is for each batch, and it ends before the last callbacks ran.
        with self._changed:
            if not self._changed.wait_for(self._all_done, timeout_s):
                raise SourceError(f"Kafka at {self._bootstrap} did not confirm all records within {timeout_s} s")
        if self.failure:
            raise self.failure

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop, giving what is pending so long; what is not confirmed then is given up."""
        with self._changed:
            done = self._changed.wait_for(self._all_done, timeout_s)
        if not done:
            # With records pending the producer's close() raises, now and once more when the interpreter ends.
            self._producer._sender.force_close()
            with self._changed:
                self._changed.wait_for(self._all_done, _FORCED_S)
        with suppress(KafkaError):
            self._producer.close(_FORCED_S)

    def _send(
        self, topic: str, value: bytes, *, key: bytes, received_ms: int, headers: list[tuple[str, bytes]] | None = None
    ) -> Confirmation:
        self._take_room(len(value))
        try:
            confirmation = self._producer.send(topic, value, key=key, headers=headers, timestamp_ms=received_ms)
        except (KafkaError, ValueError, OSError) as exc:
            error = _source_error(self._bootstrap, exc)
            self._on_failed(len(value), error)
            raise error from exc
        confirmation.add_callback(self._on_confirmed, len(value))
        confirmation.add_errback(self._on_failed, len(value))
        return confirmation

    def _take_room(self, size_bytes: int) -> None:
        with self._changed:
            if not self._changed.wait_for(self._has_room, self._room_timeout_s):
                raise SourceError(
                    f"Kafka at {self._bootstrap} confirms nothing: {self._sent - self._confirmed - self._failed} "
                    "records wait; check that it runs"
                )
            self._sent += 1
            self._pending_bytes += size_bytes

    def _all_done(self) -> bool:
        return self._sent == self._confirmed + self._failed

    def _has_room(self) -> bool:
        pending = self._sent - self._confirmed - self._failed
        return pending < MAX_PENDING and self._pending_bytes < MAX_PENDING_BYTES

    def _on_confirmed(self, size_bytes: int, metadata: Any) -> None:
        part = (metadata.topic, metadata.partition)
        with self._changed:
            self._confirmed += 1
            self._pending_bytes -= size_bytes
            if metadata.offset < 0:
                self._untold.add(part)
            else:
                self._last[part] = max(self._last.get(part, -1), metadata.offset)
            self._changed.notify_all()

    def _on_failed(self, size_bytes: int, exc: Exception) -> None:
        with self._changed:
            self._failed += 1
            self._pending_bytes -= size_bytes
            self.failure = self.failure or (
                exc if isinstance(exc, SourceError) else _source_error(self._bootstrap, exc)
            )
            self._changed.notify_all()

    def _origin(self, confirmation: Confirmation, deadline: float, timeout_s: float) -> Origin | SourceError:
        try:
            metadata = confirmation.get(max(0.0, deadline - time.monotonic()))
        except (KafkaError, OSError) as exc:
            if not confirmation.is_done:
                return SourceError(f"Kafka at {self._bootstrap} did not confirm within {timeout_s:.0f} s")
            return _source_error(self._bootstrap, exc)
        return Origin(metadata.topic, metadata.partition, metadata.offset)


def document_topic_ids(bootstrap: str) -> dict[str, str]:
    """Return the broker's UUID of each documents topic.

    Raises:
        SourceError: Kafka cannot be reached, or a topic is not there.
    """
    try:
        require_reachable(bootstrap)
        found = topic_ids(bootstrap, DOCUMENT_TOPICS)
    except BrokerError as exc:
        raise SourceError(str(exc), permanent=exc.permanent) from exc
    missing = [topic for topic in DOCUMENT_TOPICS if topic not in found]
    if missing:
        raise SourceError(
            f"Kafka at {bootstrap} has no topic {', '.join(missing)}; `barograph up` makes the topics", permanent=True
        )
    return found


def _source_error(bootstrap: str, exc: Exception) -> SourceError:
    said = (str(exc).splitlines() or [type(exc).__name__])[0][:300]
    passes = isinstance(exc, KafkaTimeoutError | OSError) or bool(getattr(exc, "retriable", False))
    permanent = not passes and not isinstance(exc, IllegalStateError)
    return SourceError(f"Kafka at {bootstrap}: {said}; check that it runs and accepts records", permanent=permanent)
