"""Which windows of a clock have to be patched: those that are not as they were at the step before.

A window is read again while documents may still reach it, twelve times on the five-minute clock, and hardly ever
differs. Compared as a whole, it costs a hundredth of patching each series.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from stream.core.readings import Counts

# After so many steps in which every window of it was patched, a series has what was read, whatever came before.
_PATCHED_STEPS: Final = 2

_Windows = Sequence[tuple[int, Mapping[str, Counts]]]


class Patching:
    """Remembers one clock's windows of the last step, and the series that have them."""

    __slots__ = ("_known", "_seen")

    def __init__(self) -> None:
        self._seen: dict[int, Mapping[str, Counts]] = {}
        self._known: dict[str, int] = {}

    def unknown(self, names: Sequence[str], windows: _Windows) -> list[str]:
        """Return the series of which every window is to be patched: new ones, or all after a gap."""
        if any(start_s not in self._seen for start_s, _ in windows):
            self._known = {}
        known = self._known
        return [name for name in names if known.get(name, 0) < _PATCHED_STEPS]

    def changes(self, windows: _Windows) -> Iterator[tuple[int, Mapping[str, Counts], set[str]]]:
        """Yield each window that has changed, with the series whose counts have."""
        for start_s, window in windows:
            before = self._seen.get(start_s)
            if before is None or before == window:
                continue
            changed = {name for name, counts in window.items() if before.get(name) != counts}
            yield start_s, window, changed | (before.keys() - window.keys())

    def closed(self, names: Sequence[str], windows: _Windows) -> None:
        """Take note that these series have these windows now; one that was left out has to catch up."""
        known = self._known
        if known.keys() != set(names):
            self._known = known = {name: known.get(name, 0) for name in names}
        for name, steps in known.items():
            if steps < _PATCHED_STEPS:
                known[name] = steps + 1
        self._seen = dict(windows)
