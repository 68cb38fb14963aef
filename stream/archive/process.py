"""The archive role: from Kafka into files, until it is told to stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stream.archive.names import day_of
from stream.archive.upkeep import upkeep
from stream.archive.values import ArchiveError
from stream.archive.writer import KINDS, Writer
from stream.broker.errors import BrokerError
from stream.broker.follow import Follower, OutOfRange, TopicNow, topics_now
from stream.broker.topics import beginning_offsets, end_offsets

log = logging.getLogger(__name__)
ready = logging.getLogger("stream.ready")

POLL_S: Final = 1.0
# What is read of a topic that is deleted and made anew within this span is dropped, not mixed.
CHECK_S: Final = 15.0
AGAIN_S: Final = 2.0
UPKEEP_EVERY_S: Final = 600.0
UPKEEP_AT_ONCE_S: Final = 5.0
# While the disk is full.
SAID_EVERY_S: Final = 300.0


@dataclass(frozen=True)
class Told:
    """How the process hears of its end, and tells that it works."""

    stop: threading.Event
    beat: Callable[[], None]


class Archivist:
    """Reads every partition from where the files end, and writes.

    Args:
        root: prepared and locked.
    """

    def __init__(self, bootstrap: str, root: Path, writer: Writer, told: Told) -> None:
        self._bootstrap = bootstrap
        self._root = root
        self._writer = writer
        self._told = told
        self._topics: Mapping[str, TopicNow] = {}
        self._follower: Follower | None = None
        self._checked_s = 0.0
        self._steps: Iterator[str] | None = None
        self._upkeep_s = 0.0
        self._away = ""

    def run(self) -> None:
        """Archive until told to stop, then write what is held.

        Raises:
            ArchiveError: permanent: what is there cannot be read, or Kafka fell back behind it.
            BrokerError: permanent.
        """
        try:
            self._begin()
            while not self._told.stop.is_set():
                self._turn()
            self._finish()
        finally:
            self._close()

    def _begin(self) -> None:
        """Read on from where the files end; wait for Kafka and its topics as long as it takes."""
        said = ""
        while not self._told.stop.is_set():
            try:
                self._open()
                return
            except BrokerError as exc:
                if exc.permanent:
                    raise
                if said != (said := str(exc)):
                    log.warning("%s; trying again", exc)
                self._told.stop.wait(AGAIN_S)

    def _open(self) -> None:
        self._close()
        topics = topics_now(self._bootstrap, KINDS)
        missing = sorted(set(KINDS) - set(topics))
        if missing:
            raise BrokerError(
                f"Kafka at {self._bootstrap} has no topic {', '.join(missing)}: `barograph topics` makes them"
            )
        first, end = beginning_offsets(self._bootstrap, KINDS), end_offsets(self._bootstrap, KINDS)
        positions = self._writer.open(first, {name: topic.topic_id for name, topic in topics.items()})
        for part, position in positions.items():
            if position > end.get(part, position):
                raise ArchiveError(
                    f"{part[0]}-{part[1]} ends at offset {end[part]} in Kafka, and the archive has {position - 1}: "
                    "Kafka was restored from an older copy or lost its last seconds; put the archive aside "
                    f"({self._root}) and start anew"
                )
            if position < first[part]:
                if position:
                    log.error(
                        "%s-%d: offsets %d to %d were deleted before they were archived",
                        *part,
                        position,
                        first[part] - 1,
                    )
                positions[part] = first[part]
                self._writer.seek(part, first[part])
        self._follower = Follower(self._bootstrap, positions)
        self._topics, self._checked_s = topics, time.monotonic()
        ready.info("archive ready with %d partitions in %s", len(positions), self._root)

    def _close(self) -> None:
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.close()

    def _turn(self) -> None:
        follower = self._follower
        if follower is None:
            self._begin()
            return
        try:
            self._writer.add(follower.poll(POLL_S))
            due = self._writer.is_due
            if due or time.monotonic() - self._checked_s >= CHECK_S:
                self._check()
            if due:
                self._save()
        except OutOfRange as exc:
            log.warning("%s; looking where it goes on", exc)
            self._save(everything=True)
            self._begin()
        except BrokerError as exc:
            if exc.permanent:
                raise
            if self._away != (said := str(exc)):
                log.warning("%s; trying again", exc)
            self._away = said
            self._told.stop.wait(AGAIN_S)
            return
        self._tidy()
        self._told.beat()

    def _check(self) -> None:
        """Confirm what is held, or begin anew where topics are other ones; BrokerError."""
        now = topics_now(self._bootstrap, KINDS)
        self._away = ""
        anew = {name for name, topic in self._topics.items() if name not in now or now[name].topic_id != topic.topic_id}
        self._writer.confirm(set(self._topics) - anew)
        if now != self._topics:
            if anew:
                dropped = self._writer.give_up(anew)
                log.warning(
                    "topic %s was deleted or made anew; %d records read since are left to it",
                    ", ".join(sorted(anew)),
                    dropped,
                )
            self._save(everything=True)
            self._begin()
        self._checked_s = time.monotonic()

    def _save(self, *, everything: bool = False) -> None:
        """Write, however long the disk is full; nothing more is read meanwhile, Kafka keeps it."""
        said_s: float | None = None
        while True:
            try:
                count = self._writer.flush(everything=everything)
            except ArchiveError as exc:
                if exc.permanent:
                    raise
                if said_s is None or time.monotonic() - said_s > SAID_EVERY_S:
                    log.error("%s; trying again every %.0f s, nothing is lost meanwhile", exc, AGAIN_S)
                    said_s = time.monotonic()
                if self._told.stop.wait(AGAIN_S):
                    log.warning("what is not written is read from Kafka again at the next start")
                    return
            else:
                if said_s is not None:
                    log.warning("archive %s: %d rows written after all", self._root, count)
                return

    def _tidy(self) -> None:
        now_s = time.monotonic()
        if self._steps is None:
            if self._upkeep_s and now_s - self._upkeep_s < UPKEEP_EVERY_S:
                return
            self._upkeep_s = now_s
            self._steps = upkeep(self._root, day_of(int(time.time() * 1_000)), self._writer.oldest_day)
        while time.monotonic() - now_s < UPKEEP_AT_ONCE_S and not self._told.stop.is_set():
            try:
                done = next(self._steps, None)
            except ArchiveError as exc:
                log.warning("%s; left as it is for now", exc)
                done = None
            if done is None:
                self._steps = None
                return
            log.info("%s", done)

    def _finish(self) -> None:
        try:
            if self._follower is not None:
                self._check()
        except BrokerError as exc:
            log.warning("%s; what is not confirmed is read from Kafka again at the next start", exc)
            self._writer.give_up(KINDS.keys())
        self._save(everything=True)
