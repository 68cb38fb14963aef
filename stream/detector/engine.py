"""The decisions of one step, over all series: parents first. Live, in a dry run and in a replay alike.

Nothing here reads a clock or a store: windows come in as values, what is decided goes out as values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stream.core.clocks import CLOCKS, Clock, shifted
from stream.core.event_time import LATENESS_HORIZON
from stream.core.incidents import Incident, Story
from stream.core.life import Change, Context, Life, step, step_early, wants_support
from stream.core.parents import depth, firing_parent, parents
from stream.core.readings import Counts, Reading, Support
from stream.core.watch import Watch

STEP_S: Final = 300
LATE_AFTER_S: Final = 600
NOTHING: Final = Counts(0, 0)
PRIOR_SHARE: Final = 0.2

Window = Mapping[str, Counts]
# (series, start_s, end_s) -> who tells the negative stories of that span, and those that weigh most.
Witness = Callable[[str, int, int], tuple[Support, tuple[Story, ...]]]


@dataclass(slots=True)
class Followed:
    """One series: what it usually does, and how its incident stands."""

    watch: Watch
    life: Life
    # Windows that ended by then were learnt whole when the series was primed: not patched with live counts.
    primed_s: int


@dataclass(frozen=True, slots=True)
class Decided:
    """What one series went through in one step.

    Attributes:
        standing: its open incident after the step, where that moved without an event: newer figures, recovering,
            confirmed by a closed window, attached to a wider one.
    """

    series: str
    changes: Sequence[Change]
    standing: Incident | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What is the same for every series."""

    false_alarms_per_week: float = 0.03
    invented: bool = False
    model_revision: str | None = None


def clocks_for(false_alarms_per_week: float) -> tuple[Clock, ...]:
    """Return the clocks with their openings for this alert budget."""
    return tuple(shifted(clock, false_alarms_per_week) for clock in CLOCKS)


class Engine:
    """Follows series. `followed` may be filled from outside (a stored state) before the first step."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.clocks = clocks_for(desk.false_alarms_per_week)
        self.followed: dict[str, Followed] = {}

    def follow(self, series: str, primed_s: int) -> Followed:
        """Begin to follow a series that is not followed yet; the caller primes its watch."""
        followed = Followed(Watch(series, PRIOR_SHARE, self.clocks), Life(series), primed_s)
        self.followed[series] = followed
        return followed

    def closing(self, end_s: int) -> list[Clock]:
        """Return the clocks of which a step ends at this instant."""
        return [clock for clock in self.clocks if end_s % clock.step_s == 0]

    def in_order(self, series: Iterable[str]) -> list[str]:
        """Return the series in the order in which they are decided: parents before their children."""
        return sorted(series, key=_wide_first)

    def close(
        self,
        end_s: int,
        windows: Mapping[str, Sequence[tuple[int, Window]]],
        at_ms: int,
        witness: Witness,
        *,
        acknowledged: frozenset[str] = frozenset(),
        only: Iterable[str] | None = None,
    ) -> list[Decided]:
        """Close the step that ends at `end_s` for every clock of which one does.

        Args:
            windows: for each such clock, (start, counts) in order of time: those that late documents may have
                changed, and last the one that closes.
            at_ms: when this is decided.
            acknowledged: ids of incidents that somebody has taken on.
            only: the series to step; all that are followed if not given.
        """
        names = self.in_order(self.followed if only is None else only)
        late = at_ms / 1000 - end_s > LATE_AFTER_S
        decided = []
        for series in names:
            followed = self.followed[series]
            readings = [
                reading
                for clock in self.closing(end_s)
                if (reading := _advance(followed, series, clock.name, windows[clock.name])) is not None
            ]
            if not readings:
                continue
            support, stories = self._witnessed(followed.life, series, readings, witness)
            context = self._context(series, followed.life, support, acknowledged, late)
            before = followed.life.incident
            followed.life, changes = step(followed.life, readings, at_ms, context, stories, self.clocks)
            told = changes[-1].incident if changes else before
            standing = followed.life.incident if followed.life.incident != told else None
            if changes or standing:
                decided.append(Decided(series, changes, standing))
        return decided

    def look(
        self,
        series: str,
        now_s: float,
        windows: Sequence[tuple[int, Counts]],
        witness: Witness,
        *,
        acknowledged: frozenset[str] = frozenset(),
    ) -> Decided | None:
        """Look at the open five-minute windows of one series, one after the other, without waiting for their end.

        The same windows lead to the same opening window, however many looks there were before.
        """
        followed = self.followed[series]
        fast = self.clocks[0]
        for n in range(1, len(windows) + 1):
            reading = followed.watch.look(fast.name, now_s, windows[:n])
            if reading.z < fast.early_z:
                continue
            support, stories = self._witnessed(followed.life, series, [reading], witness)
            context = self._context(series, followed.life, support, acknowledged, late=False)
            life, changes = step_early(followed.life, reading, int(now_s * 1000), context, stories, self.clocks)
            if changes:
                followed.life = life
                return Decided(series, changes)
        return None

    def _witnessed(
        self, life: Life, series: str, readings: Sequence[Reading], witness: Witness
    ) -> tuple[Support | None, tuple[Story, ...]]:
        if not wants_support(life, readings, self.clocks):
            return None, ()
        strongest = max(readings, key=lambda reading: reading.z)
        return witness(series, int(strongest.end_s) - strongest.span_s, int(strongest.end_s))

    def _context(
        self, series: str, life: Life, support: Support | None, acknowledged: frozenset[str], late: bool
    ) -> Context:
        return Context(
            support=support,
            acknowledged=life.incident is not None and life.incident.incident_id in acknowledged,
            parent=self._parent(series),
            false_alarms_per_week=self._desk.false_alarms_per_week,
            model_revision=self._desk.model_revision,
            invented=self._desk.invented,
            late=late,
        )

    def _parent(self, series: str) -> Incident | None:
        """Return the incident of the widest parent that fires."""
        wider = {name: self.followed[name].life.incident for name in parents(series) if name in self.followed}
        return firing_parent(series, {name: incident for name, incident in wider.items() if incident is not None})


def patched_windows(clock: Clock) -> int:
    """Return how many windows before the one that closes documents may have reached that are not late."""
    return -(-int(LATENESS_HORIZON.total_seconds()) // clock.step_s)


def _advance(followed: Followed, series: str, clock: str, windows: Sequence[tuple[int, Window]]) -> Reading | None:
    for start_s, window in windows[:-1]:
        if start_s >= followed.primed_s:
            followed.watch.patch(clock, start_s, window.get(series, NOTHING))
    start_s, window = windows[-1]
    return followed.watch.close(clock, start_s, window.get(series, NOTHING))


def _wide_first(series: str) -> tuple[int, str]:
    return depth(series), series
