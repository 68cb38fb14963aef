"""The feed against the clock: what is missing of the last hours first, then each document in its moment."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from stream.sources.demo.crisis import DURATION_S
from stream.sources.demo.feed import documents_between
from stream.sources.demo.invented import Invented
from stream.sources.demo.words import CRISIS_TICKER
from stream.sources.lines import Line
from stream.sources.sender import FileSender

log = logging.getLogger(__name__)
ready_log = logging.getLogger("stream.ready")

TICK_S: Final = 0.1
LOOK_S: Final = 0.5
PROGRESS_S: Final = 2.0
# Once filling the gap takes less than this, what comes next is live.
CAUGHT_UP_MS: Final = 5_000


class Surroundings(Protocol):
    """What the feed asks of the system around it."""

    def known(self, ids: Collection[str]) -> set[str]:
        """Return those of the ids that have been counted."""

    def wait_visible(self, on_look: Callable[[int], None]) -> None:
        """Return once all that Kafka holds is counted; `on_look` gets the number of records left."""

    def is_ready(self) -> bool:
        """Return whether the whole system is ready."""

    def keep_crisis(self, start_s: int) -> None:
        """Remember when the crisis begins, for a feed that is started again."""


@dataclass(kw_only=True)
class Player:
    """Plays the feed.

    Attributes:
        history_s: how far back the past is filled.
        crisis_after_s: from the system's being ready to the crisis; None without one.
        crisis_start_s: unix seconds; None while it is not known.
    """

    sender: FileSender
    around: Surroundings
    seed: int
    history_s: float
    crisis_after_s: float | None
    crisis_start_s: int | None = None
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    _laid_ms: int = field(default=0, init=False)
    _said: set[str] = field(default_factory=set, init=False)

    def lay_history(self) -> int:
        """Fill what is missing of the last hours, until all of it is visible; return how many documents they hold."""
        began_ms = self.now_ms()
        self._laid_ms = began_ms - int(self.history_s * 1000)
        documents = 0
        while True:
            until_ms = self.now_ms()
            # What an earlier run sent last may not be counted yet: it would be sent again.
            self.around.wait_visible(_progress("waits to be counted", None))
            past = self._between(until_ms)
            documents += len(past)
            known = self.around.known([document.id for document in past])
            missing = [document for document in past if document.id not in known]
            self._send(missing)
            self.around.wait_visible(_progress("invented history", len(missing)))
            self._laid_ms = until_ms
            if self.now_ms() - until_ms < CAUGHT_UP_MS:
                ready_log.info("demo feed ready: %s documents of invented history", f"{documents:,}")
                return documents

    def play(self) -> None:
        """Send each document in its moment, for ever."""
        look_at_s = 0.0
        while True:
            if self.crisis_start_s is None and time.monotonic() >= look_at_s:
                look_at_s = time.monotonic() + LOOK_S
                self._decide_crisis()
            self.step()
            time.sleep(TICK_S)

    def step(self) -> None:
        """Send what has become due; after a long sleep of the machine no more than the last hours."""
        now_ms = self.now_ms()
        self._laid_ms = max(self._laid_ms, now_ms - int(self.history_s * 1000))
        if now_ms > self._laid_ms:
            self._send(self._between(now_ms))
            self._laid_ms = now_ms
        self._tell(now_ms / 1000)

    def _between(self, until_ms: int) -> list[Invented]:
        return documents_between(self._laid_ms, until_ms, self.seed, self.crisis_start_s)

    def _send(self, documents: Sequence[Invented]) -> None:
        self.sender.send("demo feed", _lines(documents), lambda: None)

    def _decide_crisis(self) -> None:
        if self.crisis_after_s is None or not self.around.is_ready():
            return
        self.crisis_start_s = math.ceil(self.now_ms() / 1000 + self.crisis_after_s)
        self.around.keep_crisis(self.crisis_start_s)
        log.info("everything is ready: the invented crisis of %s begins in %g s", CRISIS_TICKER, self.crisis_after_s)

    def _tell(self, now_s: float) -> None:
        start_s = self.crisis_start_s
        if start_s is None or now_s >= start_s + DURATION_S + 60:
            return
        if now_s >= start_s:
            self._once(f"the invented crisis of {CRISIS_TICKER} has begun; it lasts about nine minutes")
        if now_s >= start_s + DURATION_S:
            self._once(f"the invented crisis of {CRISIS_TICKER} is over")

    def _once(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            log.info("%s", line)


def _lines(documents: Iterable[Invented]) -> Iterable[Line]:
    return (Line(number, document.as_json()) for number, document in enumerate(documents, 1))


def _progress(what: str, total: int | None) -> Callable[[int], None]:
    """Return what says now and then how far counting has come."""
    said_s = time.monotonic()

    def look(left: int) -> None:
        nonlocal said_s
        if left and time.monotonic() - said_s >= PROGRESS_S:
            said_s = time.monotonic()
            if total is None:
                log.info("%s: %s records", what, f"{left:,}")
            else:
                log.info("%s: %s of %s documents counted", what, f"{max(total - left, 0):,}", f"{total:,}")

    return look
