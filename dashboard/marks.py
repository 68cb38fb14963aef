"""Incidents on the index chart: a mark where each opened, the time shaded in which it fired.

The whole height is shaded where what is drawn fired itself; a part of it, one ticker say, gets a stripe at the top."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from dashboard.drawing import Figure
from dashboard.filters import Filters, Span
from dashboard.formats import Formats
from dashboard.incident_words import series_words
from dashboard.palette import SEVERITY_MARKS
from stream.core.series import parse
from stream.store.incident_read import Seen

SYMBOLS: Final = {"warning": "triangle-up", "critical": "diamond"}
_MOST_NAMED: Final = 6
_SIZE_PX: Final = 13
_STRIPE: Final = 0.08  # of the height of the panel


def shown_on(found: Iterable[Seen], filters: Filters) -> list[Seen]:
    """Return the incidents of what the filters look at; those attached to another are not drawn by themselves."""
    return [seen for seen in found if seen.incident.announced and _looked_at(seen.incident.series, filters)]


def marked(
    figure: Figure, found: Sequence[Seen], span: Span, now_s: float, formats: Formats, *, drawn: Sequence[str]
) -> Figure:
    """Return the index figure with marks and shades of these incidents, as far as they lie in the span.

    Args:
        drawn: the series whose sum the figure shows.
    """
    axis, (low, high) = formats.steady(span.end_s), figure["layout"]["yaxis"]["domain"]
    stripe = high - (high - low) * _STRIPE
    shapes = [
        _shade(axis.plot_time(start), axis.plot_time(end), severity, (bottom, high))
        for bottom, itself in ((stripe, False), (low, True))
        for severity, spans in _fired([s for s in found if (s.incident.series in drawn) is itself], span, now_s)
        for start, end in spans
    ]
    top = figure["layout"]["yaxis"]["range"][1]
    traces = [_marks(group, severity, span, top * 0.91, formats) for severity, group in _by_severity(found, span)]
    layout = figure["layout"] | {"shapes": shapes}
    return {"data": [*figure["data"], *traces], "layout": layout}


def _looked_at(series: str, filters: Filters) -> bool:
    try:
        kind, dimension, _ = parse(series)
    except ValueError:
        return False
    if filters.topics:
        return series in filters.series
    return kind in filters.kinds and bool(dimension)


def _fired(found: Sequence[Seen], span: Span, now_s: float) -> list[tuple[str, list[tuple[int, int]]]]:
    """Return when something fired, by severity; where both did, critical: shades on shades would look like more."""
    critical, warning = (
        _united(_within(seen, span, now_s) for seen in found if seen.incident.severity == severity)
        for severity in ("critical", "warning")
    )
    for start, end in critical:
        cut = [((a, min(b, start)), (max(a, end), b)) for a, b in warning]
        warning = [part for pair in cut for part in pair if part[0] < part[1]]
    return [("critical", critical), ("warning", warning)]


def _within(seen: Seen, span: Span, now_s: float) -> tuple[int, int]:
    """Return when an incident fired, in whole steps, within the span; empty where it did not."""
    end = seen.incident.resolved_at_s if seen.incident.resolved_at_s is not None else now_s
    up = -(-int(end) // span.step_s) * span.step_s
    return max(seen.incident.opened_at_s, span.start_s), min(up, span.end_s)


def _united(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the union, in order."""
    united: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if united and start <= united[-1][1]:
            united[-1] = united[-1][0], max(end, united[-1][1])
        else:
            united.append((start, end))
    return united


def _shade(start: str, end: str, severity: str, domain: Sequence[float]) -> dict[str, Any]:
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": start,
        "x1": end,
        "y0": domain[0],
        "y1": domain[1],
        "fillcolor": f"@{severity}/0.13",
        "line": {"width": 0},
        "layer": "below",
    }


def _by_severity(found: Sequence[Seen], span: Span) -> list[tuple[str, dict[int, list[Seen]]]]:
    """Return, for each severity, the incidents of each step at which one opened; the worst of a step names it."""
    steps: dict[int, list[Seen]] = {}
    for seen in found:
        if span.start_s <= seen.incident.opened_at_s < span.end_s:
            steps.setdefault((seen.incident.opened_at_s - span.start_s) // span.step_s, []).append(seen)
    worst = {
        step: "critical" if any(s.incident.severity == "critical" for s in group) else "warning"
        for step, group in steps.items()
    }
    return [
        (severity, {step: group for step, group in sorted(steps.items()) if worst[step] == severity})
        for severity in SYMBOLS
    ]


def _marks(groups: dict[int, list[Seen]], severity: str, span: Span, y: float, formats: Formats) -> dict[str, Any]:
    axis = formats.steady(span.end_s)
    opened = [min(s.incident.opened_at_s for s in group) for group in groups.values()]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": formats.words(f"severity.{severity}"),
        "x": [axis.plot_time(at_s) for at_s in opened],
        "y": [y] * len(opened),
        "yaxis": "y",
        "marker": {
            "symbol": SYMBOLS[severity],
            "size": _SIZE_PX,
            "color": f"@{severity}",
            "line": {"width": 1.5, "color": "@background"},
        },
        "customdata": [_hover(group, formats) for group in groups.values()],
        "hovertemplate": "%{customdata}<extra></extra>",
        "cliponaxis": False,
    }


def _hover(group: Sequence[Seen], formats: Formats) -> str:
    strongest = sorted(group, key=lambda s: s.incident.z_peak, reverse=True)
    lines = [_line(seen, formats) for seen in strongest[:_MOST_NAMED]]
    if len(strongest) > _MOST_NAMED:
        lines.append(formats.words("alerts.more", n=formats.whole(len(strongest) - _MOST_NAMED)))
    return "<br>".join(lines)


def _line(seen: Seen, formats: Formats) -> str:
    incident = seen.incident
    name = series_words(incident.series, formats.words)
    safe = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    z = formats.words("alerts.z", z=formats.upto(incident.z_peak, 1))
    mark = SEVERITY_MARKS[incident.severity]
    return f"{mark} {formats.instant(incident.opened_at_s)} · <b>{safe}</b> · {z}"
