"""The four clocks: the step on which a series is looked at, and the levels that open and close an incident on it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

DAY_S: Final = 86_400
BUDGET: Final = 0.03  # false alarms per series-week that the openings below keep: docs/decisions/0004-openings.md
TENFOLD: Final = 1.54  # tenfold fewer false alarms cost 1/1.54 of z: measured on the simulator, 5m clock
# What a window's hundreds of looks before its close cost. The longer clocks pay more: within an hour or a day
# stories do not come evenly, so that the part that has passed says less of the part to expect.
EARLY_MARGIN: Final = 0.5
LONG_EARLY_MARGIN: Final = 1.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One step, how fast its baseline forgets, and its levels of evidence.

    Attributes:
        growth: how much of the concentration of shares every further step of a span adds, until that has been learnt;
            1 were independent steps.
        open_z: opens in two windows in a row; `at_once_z` in one; `early_z` while the window is still open.
        critical_z: escalates. `close_z`: below it a window is quiet; `quiet_steps` of them in a row resolve.
        guard_z: windows above it hardly teach the baseline; it does not move with the budget.
        cells_a_day: cells of the day's rhythm, each for weekdays and weekends; 0 for no rhythm.
        least_negative: negative stories without which nothing opens.
    """

    name: str
    step_s: int
    level_half_life_steps: float
    share_half_life_steps: float
    growth: float
    open_z: float
    at_once_z: float
    early_z: float
    critical_z: float
    close_z: float
    guard_z: float
    quiet_steps: int
    cells_a_day: int
    least_negative: int

    def cell(self, start_s: int) -> int:
        """Return the rhythm cell of the window that starts then: weekdays' cells first, UTC; 0 without rhythm."""
        if not self.cells_a_day:
            return 0
        day, second = divmod(start_s, DAY_S)
        cell = second * self.cells_a_day // DAY_S
        return cell + self.cells_a_day if (day + 3) % 7 >= 5 else cell

    def window_start_s(self, at_s: float) -> int:
        """Return the start of the window that holds this moment."""
        return int(at_s // self.step_s) * self.step_s


def _clock(
    name: str,
    step_s: int,
    *,
    half_lives: tuple[float, float],
    growth: float,
    levels: tuple[float, float, float],
    quiet_steps: int,
    cells_a_day: int,
    least_negative: int,
) -> Clock:
    """Return a clock; `half_lives` of level and share in steps, `levels` open, at once, close."""
    open_z, at_once_z, close_z = levels
    return Clock(
        name=name,
        step_s=step_s,
        level_half_life_steps=half_lives[0],
        share_half_life_steps=half_lives[1],
        growth=growth,
        open_z=open_z,
        at_once_z=at_once_z,
        early_z=at_once_z + (EARLY_MARGIN if step_s < 3_600 else LONG_EARLY_MARGIN),
        critical_z=at_once_z + 1.0,
        close_z=close_z,
        guard_z=open_z,
        quiet_steps=quiet_steps,
        cells_a_day=cells_a_day,
        least_negative=least_negative,
    )


CLOCKS: Final[tuple[Clock, ...]] = (
    _clock(
        "5m",
        300,
        half_lives=(288, 144),
        growth=0.25,
        levels=(3.85, 4.85, 2.5),
        quiet_steps=6,
        cells_a_day=24,
        least_negative=5,
    ),
    _clock(
        "1h",
        3_600,
        half_lives=(72, 168),
        growth=0.1,
        levels=(3.3, 4.2, 2.0),
        quiet_steps=6,
        cells_a_day=24,
        least_negative=5,
    ),
    _clock(
        "6h",
        21_600,
        half_lives=(28, 28),
        growth=0.1,
        levels=(3.05, 3.85, 1.5),
        quiet_steps=4,
        cells_a_day=4,
        least_negative=3,
    ),
    _clock(
        "1d",
        DAY_S,
        half_lives=(14, 14),
        growth=0.1,
        levels=(2.4, 3.0, 1.5),
        quiet_steps=3,
        cells_a_day=0,
        least_negative=3,
    ),
)


def shifted(clock: Clock, false_alarms_per_week: float) -> Clock:
    """Return the clock with its openings moved to this budget, > 0, never below its closing level, which stays."""
    by = math.log10(BUDGET / false_alarms_per_week) / TENFOLD
    return replace(
        clock,
        open_z=max(clock.open_z + by, clock.close_z),
        at_once_z=max(clock.at_once_z + by, clock.close_z),
        early_z=max(clock.early_z + by, clock.close_z),
        critical_z=max(clock.critical_z + by, clock.close_z),
    )


def named(clocks: tuple[Clock, ...], name: str) -> Clock:
    """Return the clock of this name; KeyError where there is none."""
    for clock in clocks:
        if clock.name == name:
            return clock
    raise KeyError(name)
