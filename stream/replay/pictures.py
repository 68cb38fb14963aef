"""Pictures as inline SVG: bars of stories with their negative part, the negative share, and what fired."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Final

from stream.core.aggregates import Aggregate
from stream.core.event_time import DAY_S
from stream.replay.items import time_text

HOUR_S: Final = 3_600
WIDTH: Final = 960
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 44, 18, 26
_BUCKETS: Final = (HOUR_S, 6 * HOUR_S, DAY_S, 7 * DAY_S, 28 * DAY_S)
_MOST_BARS: Final = 130
_TICKS: Final = 12

# Where an instant, unix seconds, lies across the picture.
Across = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Mark:
    """An instant on the picture: `kind` is warning, critical or label."""

    at_s: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """Stories of one stretch of time."""

    start_s: int
    negative: int
    total: int


def bars(hours: Mapping[int, Aggregate], start_s: int, end_s: int) -> tuple[int, list[Bar]]:
    """Return the width of a bar, seconds, and the bars of `[start_s, end_s)` that hold stories."""
    width_s = next((each for each in _BUCKETS if (end_s - start_s) / each <= _MOST_BARS), _BUCKETS[-1])
    sums: dict[int, list[int]] = {}
    for at_s, one in hours.items():
        if start_s - start_s % HOUR_S <= at_s < end_s:
            both = sums.setdefault(at_s - at_s % width_s, [0, 0])
            both[0] += one.negative
            both[1] += one.total
    return width_s, [Bar(at_s, k, n) for at_s, (k, n) in sorted(sums.items())]


def timeline(
    title: str,
    hours: Mapping[int, Aggregate],
    start_s: int,
    end_s: int,
    marks: Sequence[Mark] = (),
    *,
    shaded: tuple[int, int] | None = None,
    height: int = 190,
) -> str:
    """Return one series over time as SVG; all text in it is escaped."""
    width_s, found = bars(hours, start_s, end_s)
    start_s = min([start_s, *(bar.start_s for bar in found)])
    end_s = max([end_s, *(bar.start_s + width_s for bar in found)])
    most = max((bar.total for bar in found), default=1) or 1
    inner, floor = WIDTH - _LEFT - _RIGHT, height - _BOTTOM
    tall = floor - _TOP

    def x(at_s: float) -> float:
        return _LEFT + inner * (at_s - start_s) / max(end_s - start_s, 1)

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
    ]
    if shaded is not None:
        left, right = max(x(shaded[0]), _LEFT), min(x(shaded[1]), WIDTH - _RIGHT)
        parts.append(
            f'<rect class="span" x="{left:.1f}" y="{_TOP}" width="{max(right - left, 1):.1f}" height="{tall}"/>'
        )
    parts.extend(_grid(most, floor, tall))
    gap = 1 if inner * width_s / max(end_s - start_s, 1) > 3 else 0
    for bar in found:
        left, wide = x(bar.start_s), max(inner * width_s / max(end_s - start_s, 1) - gap, 0.8)
        for kind, part in (("all", bar.total), ("bad", bar.negative)):
            high = tall * part / most
            parts.append(
                f'<rect class="{kind}" x="{left:.1f}" y="{floor - high:.1f}" width="{wide:.1f}" height="{high:.1f}">'
                f"<title>{time_text(bar.start_s)}: {bar.negative} negative of {bar.total}</title></rect>"
            )
    parts.extend(_share(found, x, width_s, floor, tall))
    parts.extend(_axis(start_s, end_s, x, height))
    parts.extend(_mark(mark, x, floor) for mark in marks if start_s <= mark.at_s <= end_s)
    return "".join([*parts, "</svg>"])


def _grid(most: int, floor: float, tall: float) -> Iterable[str]:
    for part in (0.0, 0.5, 1.0):
        y = floor - tall * part
        yield f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{most * part:,.0f}</text>'
        yield f'<text class="tick share" x="{WIDTH - _RIGHT + 6}" y="{y + 4:.1f}">{part:.0%}</text>'


def _share(found: Sequence[Bar], x: Across, width_s: int, floor: float, tall: float) -> Iterable[str]:
    """Return the negative share as a line, broken where nothing came."""
    line: list[str] = []
    before: int | None = None
    for bar in found:
        if bar.total < 3:
            continue
        if before is not None and bar.start_s - before > 2 * width_s and line:
            yield _line(line)
            line = []
        line.append(f"{x(bar.start_s + width_s / 2):.1f},{floor - tall * bar.negative / bar.total:.1f}")
        before = bar.start_s
    if line:
        yield _line(line)


def _line(points: Sequence[str]) -> str:
    if len(points) == 1:
        across, down = points[0].split(",")
        return f'<circle class="shareline dot" cx="{across}" cy="{down}" r="1.5"/>'
    return f'<polyline class="shareline" points="{" ".join(points)}"/>'


def _axis(start_s: int, end_s: int, x: Across, height: int) -> Iterable[str]:
    long = end_s - start_s > 4 * DAY_S
    step = next(
        (
            each
            for each in (
                HOUR_S,
                3 * HOUR_S,
                6 * HOUR_S,
                DAY_S,
                2 * DAY_S,
                7 * DAY_S,
                28 * DAY_S,
                91 * DAY_S,
                364 * DAY_S,
            )
            if (end_s - start_s) / each <= _TICKS
        ),
        728 * DAY_S,
    )
    form = "%Y-%m-%d" if long else "%m-%d %H:%M"
    for at_s in range(start_s - start_s % step + step, end_s, step):
        shown = datetime.fromtimestamp(at_s, UTC).strftime(form)
        yield f'<text class="tick" x="{x(at_s):.1f}" y="{height - 8}" text-anchor="middle">{shown}</text>'


def _mark(mark: Mark, x: Across, floor: float) -> str:
    at = x(mark.at_s)
    title = f"<title>{escape(mark.text)}</title>"
    if mark.kind == "label":
        return (
            f'<g class="label"><line x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{floor}"/>'
            f'<path d="M{at - 4:.1f} {_TOP - 8}h8l-4 6z"/>{title}</g>'
        )
    return (
        f'<g class="{mark.kind}"><line x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP - 4}" y2="{floor}"/>'
        f'<circle cx="{at:.1f}" cy="{_TOP - 6}" r="4.5"/>{title}</g>'
    )
