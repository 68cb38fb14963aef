"""One series under watch: on each clock a baseline, and a ring of windows that have not taught it yet."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, Final

from stream.core.baseline import OUTAGE, Baseline
from stream.core.clocks import CLOCKS, Clock
from stream.core.correction import Correction
from stream.core.evidence import RING, SPANS, Found, Params, strongest
from stream.core.readings import Counts, Reading

SCHEMA: Final = 2
GUARD: Final = 0.15  # weight of a window that is part of a spike
MOST_GAP_STEPS: Final = 4_032  # two weeks of five minutes: before that a baseline of them has forgotten anyway

_KEPT: Final = 2 * RING  # the window that leaves the ring may be scored anew, with the eleven before it
_FIGURES: Final = 3 + len(SPANS)  # a window's `Params`
_EMPTY: Final = Counts(0, 0)


class Track:
    """One series on one clock. Lists run from old to new and end with the newest closed window.

    A window is scored when it closes and taught when it leaves the ring, with the counts it has then. What it
    teaches depends on final counts alone: documents that come late change nothing but their own windows.
    """

    __slots__ = (
        "_baseline",
        "_clock",
        "_correction",
        "_empty",
        "_expected",
        "_negative",
        "_newest",
        "_params",
        "_total",
        "_z",
    )

    def __init__(self, clock: Clock, prior_share: float, correction: Correction | None = None) -> None:
        self._clock = clock
        self._correction = correction
        self._baseline = Baseline(clock, prior_share)
        self._newest: int | None = None
        self._negative: list[int] = []
        self._total: list[int] = []
        self._expected = array("d")
        # Of the last twelve: what each was scored with, and its z; None where a late document has changed it.
        self._params = array("d")
        self._z: list[float | None] = []
        self._empty = 0.0  # expectation in vain up to the window that left the ring last

    @property
    def newest_start_s(self) -> int | None:
        return self._newest

    def close(self, start_s: int, counts: Counts, judged: bool) -> Reading | None:
        """Score a window, then teach the oldest; None where it is not newer than the newest, or not to be judged."""
        newest, step = self._newest, self._clock.step_s
        if newest is not None:
            if start_s <= newest:
                return None
            if start_s > newest + step:
                self._fill(newest, start_s)
        found = self._push(start_s, counts)
        reading = None
        if judged:
            ring = len(self._z)
            vain = 0.0 if counts[1] else self._in_vain(self._total[-ring:], self._expected[-ring:])
            reading = self._reading(found, start_s, start_s + step, vain, False)
        if len(self._z) > RING:
            self._teach(start_s - RING * step)
        return reading

    def _fill(self, newest: int, until_s: int) -> None:
        step = self._clock.step_s
        for start_s in range(max(newest + step, until_s - MOST_GAP_STEPS * step), until_s, step):
            self._push(start_s, _EMPTY)
            if len(self._z) > RING:
                self._teach(start_s - RING * step)

    def _push(self, start_s: int, counts: Counts) -> Found:
        baseline = self._baseline
        negative, total, expected = self._negative, self._total, self._expected
        if len(total) == _KEPT:
            del negative[0], total[0], expected[0]
        negative.append(counts[0])
        total.append(counts[1])
        expected.append(baseline.expected(start_s))
        params = self._scored_with()
        self._params.extend(params)
        self._newest = start_s
        found = strongest(negative, total, expected, params)
        self._z.append(found[0])
        return found

    def _scored_with(self) -> Params:
        """Return the baseline's figures; what is not known of the classifier's errors makes its share less known."""
        params = self._baseline.params
        if self._correction is None:
            return params
        share, dispersion, known, *apart = params
        worth = self._correction.worth(share)
        return share, dispersion, known * worth / (known + worth), *apart

    def _teach(self, start_s: int) -> None:
        """Teach the baseline the window that leaves the ring, unless it is part of an outage."""
        params = tuple(self._params[:_FIGURES])
        del self._params[:_FIGURES]
        z = self._z.pop(0)
        end = len(self._total) - RING
        k, n, mu = self._negative[end - 1], self._total[end - 1], self._expected[end - 1]
        if z is None:
            z = strongest(self._negative[:end], self._total[:end], self._expected[:end], params)[0]
        self._empty = 0.0 if n else self._empty + mu / (1.0 + self._baseline.dispersion * mu)
        if self._empty <= OUTAGE:
            guard = GUARD if z > self._clock.guard_z else 1.0
            self._baseline.learn(start_s, k, n, guard, self._completed(start_s, end))

    def _completed(self, start_s: int, end: int) -> list[tuple[int, int, int]]:
        """Return steps, negative and total of the longer spans that end with the window that starts then.

        Each is a multiple of the shortest of them.
        """
        step = start_s // self._clock.step_s + 1
        if step % SPANS[1]:
            return []
        return [
            (steps, sum(self._negative[end - steps : end]), sum(self._total[end - steps : end]))
            for steps in SPANS[1:]
            if step % steps == 0 and steps <= end
        ]

    def patch(self, start_s: int, counts: Counts) -> None:
        """Replace the counts of a window that is still in the ring; any other is ignored."""
        if self._newest is None:
            return
        back, odd = divmod(self._newest - start_s, self._clock.step_s)
        if odd or not 0 <= back < len(self._z):
            return
        at = len(self._total) - 1 - back
        if (self._negative[at], self._total[at]) == (counts[0], counts[1]):
            return
        self._negative[at], self._total[at] = counts[0], counts[1]
        for changed in range(len(self._z) - 1 - back, len(self._z)):
            self._z[changed] = None

    def look(self, now_s: float, windows: Sequence[tuple[int, Counts]]) -> Reading:
        """Return the reading of open windows after the newest closed one; see `Watch.look`."""
        baseline, step, following = self._baseline, self._clock.step_s, self._newest
        negative, total, expected = self._negative[-RING:], self._total[-RING:], self._expected[-RING:]
        for start_s, counts in windows:
            if following is not None and start_s <= following:
                raise ValueError(f"window {start_s} does not follow {following}")
            first = start_s if following is None else max(following + step, start_s - RING * step)
            for at_s in range(first, start_s + 1, step):
                seen = counts if at_s == start_s else _EMPTY
                negative.append(seen[0])
                total.append(seen[1])
                expected.append(baseline.expected(at_s))
            following = start_s
        if following is None:
            raise ValueError("a look at a series without any window")
        if windows:
            expected[-1] *= min(max((now_s - following) / step, 1.0 / step), 1.0)
        params = self._scored_with()
        found = strongest(negative, total, expected, params)
        end_s = int(min(now_s, following + step)) if windows else following + step
        return self._reading(found, following, end_s, self._in_vain(total, expected), bool(windows))

    def _in_vain(self, total: list[int], expected: Sequence[float]) -> float:
        """Return what was expected in vain up to the last of these windows, the first of which follows the taught."""
        phi, vain = self._baseline.dispersion, 0.0
        for n, mu in zip(reversed(total), reversed(expected), strict=True):
            if n:
                return vain
            vain += mu / (1.0 + phi * mu)
        return vain + self._empty

    def _reading(self, found: Found, start_s: int, end_s: int, in_vain: float, is_open: bool) -> Reading:
        z, by_share, by_volume, steps, negative, total, expected = found
        no_data = in_vain > OUTAGE
        share, usual = negative / total if total else 0.0, self._baseline.share
        if self._correction is not None:
            share, usual = self._correction.share(share) if total else 0.0, self._correction.share(usual)
            negative = round(share * total)
        return Reading(
            clock=self._clock.name,
            start_s=start_s,
            end_s=end_s,
            z=min(z, 0.0) if no_data else z,
            z_share=by_share,
            z_volume=by_volume,
            span_s=steps * self._clock.step_s,
            negative=negative,
            total=total,
            expected_total=expected or float(total),
            share=share,
            baseline_share=usual,
            steps_seen=self._baseline.steps,
            no_data=no_data,
            open=is_open,
        )

    def dump(self) -> list[Any]:
        """Return the state as plain numbers and lists."""
        scored = [self._expected.tolist(), self._params.tolist(), self._z[:]]
        windows = [self._negative[:], self._total[:], *scored]
        return [self._clock.name, self._newest, self._empty, *windows, self._baseline.dump()]

    def restore(self, state: list[Any]) -> None:
        """Take over what `dump` of the same clock gave."""
        _, self._newest, self._empty, negative, total, expected, params, z, baseline = state
        self._negative, self._total, self._z = list(negative), list(total), list(z)
        self._expected, self._params = array("d", expected), array("d", params)
        self._baseline.restore(baseline)


class Watch:
    """One series: a baseline and a ring of twelve windows for each clock. Knows no clock time, does no I/O.

    Args:
        prior_share: negative share to expect before anything is known, that of its language and kind together.
        correction: for the errors of the classifier that counted; None takes counts as they are.
    """

    __slots__ = ("_tracks", "series")

    def __init__(
        self,
        series: str,
        prior_share: float = 0.2,
        clocks: Sequence[Clock] = CLOCKS,
        correction: Correction | None = None,
    ) -> None:
        self.series = series
        if correction is not None:
            prior_share = correction.called(prior_share)
        self._tracks = {clock.name: Track(clock, prior_share, correction) for clock in clocks}

    def newest_start_s(self, clock: str) -> int | None:
        """Return the start of the newest closed window, unix seconds; None where there is none."""
        return self._tracks[clock].newest_start_s

    def prime(self, clock: str, start_s: int, counts: Counts) -> None:
        """Take in a past window, in order of time: it passes through the ring and teaches, and is not judged."""
        self._tracks[clock].close(start_s, counts, judged=False)

    def patch(self, clock: str, start_s: int, counts: Counts) -> None:
        """Replace the counts of a window to which late documents came; one that has left the ring is ignored."""
        self._tracks[clock].patch(start_s, counts)

    def close(self, clock: str, start_s: int, counts: Counts) -> Reading | None:
        """Score a window that closed now, in order of time; then teach the baseline the one that leaves the ring.

        Windows left out since the newest one count as empty.

        Returns:
            The reading; None where the window starts at or before the newest known.
        """
        return self._tracks[clock].close(start_s, counts, judged=True)

    def look(self, clock: str, now_s: float, windows: Sequence[tuple[int, Counts]]) -> Reading:
        """Return the reading of the open windows, oldest first, that follow the newest closed one; change nothing.

        Args:
            now_s: unix seconds; what is expected of the last window is scaled to the part of it that has passed.
            windows: start and counts; none gives the reading of the newest closed window as it stands now.

        Raises:
            ValueError: a window does not follow, or there is none at all.
        """
        return self._tracks[clock].look(now_s, windows)

    def dump(self) -> list[Any]:
        """Return the state as plain lists, numbers and strings, floats exact; the first is a schema version."""
        return [SCHEMA, self.series, [track.dump() for track in self._tracks.values()]]

    @classmethod
    def load(cls, state: list[Any], clocks: Sequence[Clock] = CLOCKS, correction: Correction | None = None) -> Watch:
        """Return the watch that `dump` described. ValueError for another schema, or for other clocks.

        What is known of the classifier is no part of the state: it is that of now.
        """
        if not state or state[0] != SCHEMA:
            raise ValueError(f"state of a watch has schema {state[0] if state else None!r}, expected {SCHEMA}")
        watch = cls(state[1], clocks=clocks, correction=correction)
        if [each[0] for each in state[2]] != list(watch._tracks):
            raise ValueError(f"state of a watch has clocks {[each[0] for each in state[2]]}")
        for track, each in zip(watch._tracks.values(), state[2], strict=True):
            track.restore(each)
        return watch
