"""What is counted in a window, and what a look at a series finds: the values around the detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Counts(NamedTuple):
    """Unique stories of one series in one window: `0 <= negative <= total`. An absent window is `Counts(0, 0)`."""

    negative: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The evidence of one clock at one step, of its strongest span.

    Attributes:
        clock: its name.
        start_s, end_s: the newest window, `[start, end)`, unix seconds; `end_s` is the moment of the look
            where the window is still open.
        z: evidence, standard-normal-like; <= 0 where nothing speaks for a spike.
        z_share, z_volume: its two parts, of the same span.
        span_s: length of the strongest span, seconds.
        negative, total, expected_total: of that span.
        share, baseline_share: in [0, 1].
        steps_seen: windows that the baseline has learnt from.
        no_data: nothing came where much was expected: nothing can be said.
        open: the newest window had not closed.
    """

    clock: str
    start_s: int
    end_s: int
    z: float
    z_share: float
    z_volume: float
    span_s: int
    negative: int
    total: int
    expected_total: float
    share: float
    baseline_share: float
    steps_seen: int
    no_data: bool = False
    open: bool = False


@dataclass(frozen=True, slots=True)
class Support:
    """Who tells the negative stories of a span; None where that is not known, and the rule is skipped.

    Attributes:
        authors: distinct authors, where most documents of the series carry one.
        sources: distinct sources, where the series usually has more than one.
        lead: the ticker that half of the negative stories or more are about; None for none, and of a ticker's own.
        repeated: part of the negative stories, in [0, 1], that the few busiest authors told after their first.
    """

    authors: int | None = None
    sources: int | None = None
    repeated: float = 0.0
    lead: str | None = None
