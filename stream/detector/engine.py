"""The decisions of one step, over all series: parents first. Live, in a dry run and in a replay alike.

Nothing here reads a clock or a store: windows come in as values, what is decided goes out as values.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stream.core.clocks import CLOCKS, Clock, named, shifted
from stream.core.correction import Corrections
from stream.core.event_time import DAY_S, LATENESS_HORIZON
from stream.core.incidents import Incident, Story
from stream.core.life import Change, Context, Life, idle, step, step_early, wants_support
from stream.core.parents import depth, languages, open_parents, parents
from stream.core.readings import Counts, Reading, Support
from stream.core.watch import Watch
from stream.detector.patching import Patching

STEP_S: Final = 300
LATE_AFTER_S: Final = 600
NOTHING: Final = Counts(0, 0)
PRIOR_SHARE: Final = 0.2
# Without stories for so long a series is forgotten: a busy one's level is down to nothing by then, and a series that
# comes back is primed with its stored past like a new one.
FORGOTTEN_S: Final = 14 * DAY_S

Window = Mapping[str, Counts]
# (series, start_s, end_s) -> who tells the negative stories of that span, and those that weigh most.
Witness = Callable[[str, int, int], tuple[Support, tuple[Story, ...]]]


@dataclass(slots=True)
class Followed:
    """One series: what it usually does, and how its incident stands.

    Attributes:
        primed_s: windows that ended by then were learnt whole when it was primed: not patched with live counts.
        told_s: end of the last step in which it had stories, unix seconds; None: not known, it begins with the next.
    """

    watch: Watch
    life: Life
    primed_s: int
    told_s: int | None = None


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
    """What is the same for every series.

    Attributes:
        corrections: for the errors of the model that counted; None takes counts as they are.
    """

    false_alarms_per_week: float = 0.03
    invented: bool = False
    model_revision: str | None = None
    corrections: Corrections | None = None


@dataclass(frozen=True, slots=True)
class _Moment:
    """What all decisions of one step share."""

    at_ms: int
    witness: Witness
    acknowledged: frozenset[str]
    late: bool = False


def clocks_for(false_alarms_per_week: float) -> tuple[Clock, ...]:
    """Return the clocks with their openings for this alert budget."""
    return tuple(shifted(clock, false_alarms_per_week) for clock in CLOCKS)


class Engine:
    """Follows series. `followed` may be filled from outside (a stored state) before the first step.

    Args:
        clocks: names of those to look on; all if not given.
    """

    def __init__(self, desk: Desk, clocks: Collection[str] | None = None) -> None:
        self._desk = desk
        every = clocks_for(desk.false_alarms_per_week)
        self.clocks = tuple(clock for clock in every if clocks is None or clock.name in clocks)
        self.followed: dict[str, Followed] = {}
        self._ordered: list[str] = []
        self._patching = {clock.name: Patching() for clock in self.clocks}

    def follow(self, series: str, primed_s: int) -> Followed:
        """Begin to follow a series that is not followed yet; the caller primes its watch."""
        corrections = self._desk.corrections
        correction = None if corrections is None else corrections.of(series)
        followed = Followed(Watch(series, PRIOR_SHARE, self.clocks, correction), Life(series), primed_s)
        self.followed[series] = followed
        return followed

    def forget(self, end_s: int) -> list[str]:
        """Stop to follow the series that had no stories for long and have nothing open; return their names.

        To be called between two steps; it has something to do at midnight UTC alone.
        """
        if end_s % DAY_S:
            return []
        gone = [
            name
            for name, one in self.followed.items()
            if one.told_s is not None and end_s - one.told_s >= FORGOTTEN_S and idle(one.life)
        ]
        for name in gone:
            del self.followed[name]
        return gone

    def closing(self, end_s: int) -> list[Clock]:
        """Return the clocks of which a step ends at this instant."""
        return [clock for clock in self.clocks if end_s % clock.step_s == 0]

    def in_order(self, series: Iterable[str]) -> list[str]:
        """Return the series in the order in which they are decided: parents before their children."""
        return sorted(series, key=_wide_first)

    def _in_order(self, only: Iterable[str] | None) -> list[str]:
        """Return those of the followed series, in order; sorting ten thousand anew at each step would cost most."""
        if self.followed.keys() != set(self._ordered):
            self._ordered = self.in_order(self.followed)
        if only is None:
            return self._ordered
        wanted = set(only)
        return self._ordered if wanted == self.followed.keys() else [name for name in self._ordered if name in wanted]

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
        """Close the step that ends at `end_s` for every clock of which one does, and of which there are windows.

        Args:
            windows: for each such clock, (start, counts) in order of time: those that late documents may have
                changed, and last the one that closes.
            at_ms: when this is decided.
            acknowledged: ids of incidents that somebody has taken on.
            only: the series to step; all that are followed if not given.
        """
        names = self._in_order(only)
        moment = _Moment(at_ms, witness, acknowledged, at_ms / 1000 - end_s > LATE_AFTER_S)
        closing = [clock for clock in self.closing(end_s) if clock.name in windows]
        for clock in closing:
            self._patch(clock.name, names, windows[clock.name][:-1])
            self._patching[clock.name].closed(names, windows[clock.name])
        last = [(clock.name, clock.open_z, *windows[clock.name][-1]) for clock in closing]
        decided = []
        for series in names:
            followed = self.followed[series]
            readings, above = [], False
            for clock_name, open_z, start_s, window in last:
                counts = window.get(series)
                if counts is not None or followed.told_s is None:
                    followed.told_s = end_s
                reading = followed.watch.close(clock_name, start_s, counts or NOTHING)
                if reading is not None:
                    readings.append(reading)
                    above = above or reading.z >= open_z
            # Nearly all series at nearly all steps: there is nothing to decide.
            if readings and (above or not idle(followed.life)):
                one = self._decide(series, followed, readings, moment)
                if one is not None:
                    decided.append(one)
        return decided

    def _patch(self, clock: str, names: Sequence[str], windows: Sequence[tuple[int, Window]]) -> None:
        """Patch the windows that late documents have changed since the step before."""
        patching, followed = self._patching[clock], self.followed
        if len(names) < len(followed):
            followed = {name: followed[name] for name in names}
        for name in patching.unknown(names, windows):
            one = followed[name]
            for start_s, window in windows:
                if start_s >= one.primed_s:
                    one.watch.patch(clock, start_s, window.get(name, NOTHING))
        for start_s, window, changed in patching.changes(windows):
            for name in changed:
                known = followed.get(name)
                if known is not None and start_s >= known.primed_s:
                    known.watch.patch(clock, start_s, window.get(name, NOTHING))

    def _decide(self, series: str, followed: Followed, readings: Sequence[Reading], moment: _Moment) -> Decided | None:
        stories, context = self._context(series, followed.life, readings, moment)
        before = followed.life.incident
        followed.life, changes = step(followed.life, readings, moment.at_ms, context, stories, self.clocks)
        told = changes[-1].incident if changes else before
        standing = followed.life.incident if followed.life.incident != told else None
        return Decided(series, changes, standing) if changes or standing else None

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
        moment = _Moment(int(now_s * 1000), witness, acknowledged)
        for n in range(1, len(windows) + 1):
            reading = followed.watch.look(fast.name, now_s, windows[:n])
            if reading.z < fast.early_z:
                continue
            stories, context = self._context(series, followed.life, [reading], moment)
            life, changes = step_early(followed.life, reading, moment.at_ms, context, stories, self.clocks)
            if life is not followed.life:
                followed.life = life
                return Decided(series, changes, None if changes else life.incident)
        return None

    def _context(
        self, series: str, life: Life, readings: Sequence[Reading], moment: _Moment
    ) -> tuple[tuple[Story, ...], Context]:
        support: Support | None = None
        stories: tuple[Story, ...] = ()
        if wants_support(life, readings, self.clocks):
            strongest = max(readings, key=lambda reading: reading.z)
            # The end of a window that is still open is now; its span begins where it will have begun at its close.
            start_s = strongest.start_s + named(self.clocks, strongest.clock).step_s - strongest.span_s
            support, stories = moment.witness(series, start_s, int(strongest.end_s))
        incident = life.incident
        return stories, Context(
            support=support,
            acknowledged=incident is not None and incident.incident_id in moment.acknowledged,
            parents=self._parents(series, stories or (incident.evidence if incident else ())),
            false_alarms_per_week=self._desk.false_alarms_per_week,
            model_revision=self._desk.model_revision,
            invented=self._desk.invented,
            late=moment.late,
        )

    def _parents(self, series: str, evidence: tuple[Story, ...]) -> tuple[Incident, ...]:
        """Return the open incidents of the wider series, widest first."""
        langs = languages(evidence)
        wider = [self.followed[name].life.incident for name in parents(series, langs) if name in self.followed]
        return open_parents(series, {one.series: one for one in wider if one is not None}, langs)


def patched_windows(clock: Clock) -> int:
    """Return how many windows before the one that closes documents may have reached that are not late."""
    return -(-int(LATENESS_HORIZON.total_seconds()) // clock.step_s)


def _wide_first(series: str) -> tuple[int, str]:
    return depth(series), series
