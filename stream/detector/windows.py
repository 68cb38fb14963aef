"""Windows of the clocks, made of those that the store keeps: five minutes and hours."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from stream.core.clocks import Clock
from stream.core.readings import Counts
from stream.detector.engine import STEP_S, Window, patched_windows

HOUR_S: Final = 3_600
# How much of the past a series is primed with: several half-lives of each clock's baseline.
PRIMED_S: Final = {"5m": 3 * 24 * HOUR_S, "1h": 28 * 24 * HOUR_S, "6h": 60 * 24 * HOUR_S, "1d": 90 * 24 * HOUR_S}
_BLOCK = 64
_KEEP_EVERY = 4


class Source(Protocol):
    """Where stored windows come from: `stream.store.counts.CountsReader`."""

    def windows(self, width_s: int, starts: Sequence[int], series: Collection[str] | None = None) -> list[Window]:
        """Return, for each start, the series with stories in that window."""


def closing_windows(
    source: Source, clocks: Iterable[Clock], end_s: int, series: Collection[str] | None = None
) -> dict[str, list[tuple[int, Window]]]:
    """Return, by clock, the windows that its step ending at `end_s` takes: those to patch, then the one that closes."""
    return {
        clock.name: clock_windows(source, clock, end_s - (patched_windows(clock) + 1) * clock.step_s, end_s, series)
        for clock in clocks
    }


def clock_windows(
    source: Source, clock: Clock, start_s: int, end_s: int, series: Collection[str] | None = None
) -> list[tuple[int, Window]]:
    """Return one clock's windows in `[start_s, end_s)`, in order of time; both are multiples of its step."""
    width_s = stored_width_s(clock)
    parts = source.windows(width_s, range(start_s, end_s, width_s), series)
    each = clock.step_s // width_s
    starts = range(start_s, end_s, clock.step_s)
    return [(start, summed(parts[i * each : (i + 1) * each])) for i, start in enumerate(starts)]


def past_windows(
    source: Source, clock: Clock, end_s: int, series: Collection[str] | None
) -> Iterator[tuple[int, Window]]:
    """Yield a clock's closed windows before `end_s`, in order of time, as far back as a baseline looks."""
    until_s = end_s - end_s % clock.step_s
    # Blocks of so many stored windows: a lease is renewed between two of them.
    block_s = max(_BLOCK * stored_width_s(clock) // clock.step_s, 1) * clock.step_s
    for start_s in range(until_s - PRIMED_S[clock.name], until_s, block_s):
        yield from clock_windows(source, clock, start_s, min(start_s + block_s, until_s), series)


def stored_width_s(clock: Clock) -> int:
    """Return the width of the stored windows that make up this clock's."""
    return STEP_S if clock.step_s < HOUR_S else HOUR_S


def summed(windows: Sequence[Window]) -> Window:
    """Return several windows as one."""
    if len(windows) == 1:
        return windows[0]
    sums: dict[str, Counts] = {}
    for window in windows:
        for name, counts in window.items():
            known = sums.get(name)
            sums[name] = counts if known is None else Counts(known[0] + counts[0], known[1] + counts[1])
    return sums


def prime(
    followed: Mapping[str, Callable[[str, int, Counts], None]],
    source: Source,
    clocks: Iterable[Clock],
    until_s: int,
    *,
    keep: Callable[[], None] = lambda: None,
) -> None:
    """Teach series their past up to `until_s`, each from the first window in which it has stories.

    Args:
        followed: by series, what takes (clock, start, counts).
        keep: called now and then; it may take long.
    """
    nothing = Counts(0, 0)
    for clock in clocks:
        begun: set[str] = set()
        for n, (start_s, window) in enumerate(past_windows(source, clock, until_s, followed.keys())):
            begun |= window.keys() & followed.keys()
            for series in begun:
                followed[series](clock.name, start_s, window.get(series, nothing))
            if n % _KEEP_EVERY == 0:
                keep()
