"""One replay from its first record to its report: the virtual clock moves, steps close, somebody may say wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from stream.replay.decisions import Decisions
from stream.replay.feeder import BATCH, Feeder
from stream.replay.folder import RunFolder, State, Status
from stream.replay.items import Item, Tally
from stream.store.scratch import drop_windows

_LOOK_S: Final = 0.2
_DAY_S: Final = 86_400
# Nothing reads minutes this old; the store would only grow with them.
_MINUTES_KEPT_S: Final = 3 * _DAY_S


class Stopped(Exception):
    """Somebody told the run to stop."""


class Source(Protocol):
    """Where a replay's records come from.

    Attributes:
        received: the virtual clock is the time received, and documents may be late; else event time.
        last_s: the virtual clock of the last record, where that is known by now.
    """

    received: bool
    last_s: float | None
    tally: Tally

    def items(self, on_read: Callable[[], None]) -> Iterator[Item]:
        """Yield the records, the virtual clock never going back."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How far a run is: the virtual clock and where it ends, unix seconds, and records that went through."""

    clock_s: float
    documents: int
    incidents: int
    end_s: float = 0.0


class Keeper:
    """Keeps the pace, and heeds what the run is told; time passes here alone.

    Args:
        speed: seconds of virtual time in one; None as fast as it goes.
        caught_up_s: up to this virtual moment it goes as fast as it can: that was done before a crash.
    """

    def __init__(
        self,
        folder: RunFolder,
        speed: float | None,
        caught_up_s: float,
        end_s: Callable[[], float | None],
        show: Callable[[Shown], None],
    ) -> None:
        self._folder, self._speed, self._caught_up_s, self._end_s = folder, speed, caught_up_s, end_s
        self._show = show
        self._looked_s = 0.0
        self._from: tuple[float, float] | None = None
        self.shown = Shown(0.0, 0, 0)
        self.last_s = 0.0

    @property
    def paced(self) -> bool:
        """Whether virtual time passes at a speed of its own."""
        return self._speed is not None

    def reach(self, clock_s: float, documents: int, incidents: int) -> None:
        """Return when it is time for this virtual moment. Stopped where the run was told to."""
        self.shown = Shown(clock_s, documents, incidents, self._end_s() or 0.0)
        self.look()
        if self._speed is None or clock_s <= self._caught_up_s:
            return
        if self._from is None:
            self._from = time.monotonic(), clock_s
        began_s, first_s = self._from
        while (left_s := began_s + (clock_s - first_s) / self._speed - time.monotonic()) > 0:
            time.sleep(min(left_s, _LOOK_S))
            paused_s = self.look()
            began_s += paused_s
            self._from = began_s, first_s

    def look(self, state: State = "running") -> float:
        """Say how far it is and heed what was told, at most five times a second; return how long it paused."""
        now_s = time.monotonic()
        if now_s - self._looked_s < _LOOK_S and state == "running":
            return 0.0
        self._looked_s = now_s
        self._show(self.shown)
        self.say(state)
        word = self._folder.word()
        if word == "pause":
            self.say("paused")
            while self._folder.word() == "pause":
                time.sleep(_LOOK_S)
            self.say("running")
            word = self._folder.word()
        if word == "stop":
            raise Stopped
        return time.monotonic() - now_s

    def say(self, state: State, message: str = "") -> None:
        """Write the run's status."""
        shown = self.shown
        self._folder.write_status(
            Status(
                state=state,
                clock_s=max(shown.clock_s, self._caught_up_s if state != "done" else 0.0),
                end_s=self._end_s() or 0.0,
                documents=shown.documents,
                incidents=shown.incidents,
                message=message,
            )
        )


def go_through(
    items: Iterable[Item],
    begin: Callable[[float, int], Decisions],
    feeder: Feeder,
    keeper: Keeper,
    *,
    start_s: int | None = None,
    final_s: int | None,
    tidy: Callable[[int], None] = lambda day_s: None,
) -> Decisions | None:
    """Apply every record and close every step; return the decisions, None where there was no record.

    Args:
        begin: makes the decisions, given the virtual moment of the first record and how many records came before.
        start_s: records before it are counted, and nothing is decided.
        final_s: no step ends after it; None: the one that is open at the last record is the last.
        tidy: called with each virtual midnight that passed.
    """
    decisions: Decisions | None = None
    count, last_s = 0, 0.0
    for item in items:
        last_s = item.at_ms / 1000
        if decisions is None and (start_s is None or last_s >= start_s):
            feeder.flush()
            decisions = begin(last_s, count)
        if decisions is not None and decisions.due_s <= last_s:
            _close(decisions, last_s, final_s, count, feeder=feeder, keeper=keeper, tidy=tidy)
        if keeper.paced or count % BATCH == 0:
            if decisions is None:
                keeper.look()
            else:
                keeper.reach(last_s, count, decisions.fired)
        feeder.add(item.record)
        count += 1
    feeder.flush()
    if decisions is not None:
        rest_s = int(last_s) - int(last_s) % decisions.step_s + decisions.step_s if final_s is None else final_s
        _close(decisions, rest_s + decisions.lateness_s, rest_s, count, feeder=feeder, keeper=keeper, tidy=tidy)
        keeper.last_s = last_s
        keeper.shown = Shown(decisions.end_s - decisions.step_s, count, decisions.fired)
    return decisions


def _close(
    decisions: Decisions,
    at_s: float,
    final_s: int | None,
    count: int,
    *,
    feeder: Feeder,
    keeper: Keeper,
    tidy: Callable[[int], None],
) -> None:
    """Close the steps that are due by this virtual moment."""
    feeder.flush()
    quiet = False
    while decisions.due_s <= at_s and (final_s is None or decisions.end_s <= final_s):
        if decisions.skip_to(at_s):
            continue
        keeper.reach(decisions.due_s, count, decisions.fired)
        end_s = decisions.end_s
        decisions.close(quiet=quiet)
        # Whatever else this closes, nothing came in between.
        quiet = True
        if end_s % _DAY_S == 0:
            tidy(end_s)


def tidy_minutes(url: str, namespace: str) -> Callable[[int], None]:
    """Return what drops the minutes of the day that nobody will read again."""

    def tidy(day_s: int) -> None:
        first_s = day_s - _MINUTES_KEPT_S - _DAY_S
        drop_windows(url, namespace, 60, range(first_s, first_s + _DAY_S, 60))

    return tidy
