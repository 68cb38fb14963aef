"""Lines of a file to Kafka: each non-empty line becomes exactly one record, or is skipped and counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import msgspec

from stream.codec import BadRecord, Document
from stream.sources.incoming import read_incoming
from stream.sources.lines import Line
from stream.sources.publisher import Publisher
from stream.sources.schedule import Pace, Span, redated_id, run_mark

EVERYTHING: Final = Span()
REASONS_KEPT: Final = 3
_LOOK_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Options:
    """What is sent and how fast.

    Attributes:
        span: documents published outside are skipped; one without a published time counts as published now.
        speed: seconds of published time a second; None as fast as it goes.
        redate: published becomes the moment of sending, and the id is marked with this run.
    """

    span: Span = EVERYTHING
    speed: float | None = None
    redate: bool = False


@dataclass(slots=True)
class Tally:
    """What became of the lines: lines = sent + set_aside + skipped."""

    lines: int = 0
    sent: int = 0
    set_aside: int = 0
    skipped: int = 0
    reasons: list[str] = field(default_factory=list)


class FileSender:
    """Sends the lines of one run, over one or several files."""

    def __init__(self, publisher: Publisher, key: bytes, options: Options) -> None:
        self._publisher = publisher
        self._key = key
        self._options = options
        self._run = run_mark(datetime.now(UTC))
        self._pace = Pace(options.speed)
        self._started_s: float | None = None
        self.tally = Tally()

    def send(self, name: str, lines: Iterable[Line], on_line: Callable[[], None]) -> None:
        """Send every line in order, calling `on_line` after each and while waiting for the next to be due.

        Raises:
            SourceError: a record was given up, Kafka confirms nothing, or the file cannot be read on.
        """
        for line in lines:
            self.tally.lines += 1
            self._send_line(name, line, on_line)
            on_line()
            if self._publisher.failure:
                raise self._publisher.failure

    def _send_line(self, name: str, line: Line, on_wait: Callable[[], None]) -> None:
        if line.problem:
            self._set_aside(name, line, line.problem)
            return
        now = datetime.now(UTC)
        try:
            document = read_incoming(line.raw, received_at=now, key=self._key)
        except BadRecord as exc:
            self._set_aside(name, line, str(exc))
            return
        if not self._options.span.holds(document.published_at or now):
            self.tally.skipped += 1
            return
        self._wait_until_due(document, on_wait)
        self._publisher.send(self._stamped(document))
        self.tally.sent += 1

    def _stamped(self, document: Document) -> Document:
        now = datetime.now(UTC)
        if not self._options.redate:
            return msgspec.structs.replace(document, received_at=now)
        return msgspec.structs.replace(
            document, id=redated_id(document.id, self._run), received_at=now, published_at=now
        )

    def _set_aside(self, name: str, line: Line, reason: str) -> None:
        self._publisher.send_unreadable(line.raw, reason)
        self.tally.set_aside += 1
        if len(self.tally.reasons) < REASONS_KEPT:
            self.tally.reasons.append(f"{name}:{line.number}: {reason}")

    def _wait_until_due(self, document: Document, on_wait: Callable[[], None]) -> None:
        due_s = self._pace.due_s(document.published_at)
        if self._started_s is None:
            self._started_s = time.monotonic()
        while (left_s := self._started_s + due_s - time.monotonic()) > 0:
            if self._publisher.failure:
                raise self._publisher.failure
            time.sleep(min(left_s, _LOOK_S))
            on_wait()
