"""The series of one incident around its opening: share against what was expected, and the stories behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dashboard.drawing import FEW, TIMES, Figure, base_layout, draw_band, draw_line, heading, plot_axis, where
from dashboard.filters import Span
from dashboard.formats import HOUR_S, Formats
from dashboard.incident_words import STEPS_S
from dashboard.marks import SYMBOLS
from stream.core.aggregates import Aggregate, share_interval
from stream.core.incidents import Incident

HEIGHT_PX: Final = 300
BEFORE_STEPS: Final = 36
AFTER_STEPS: Final = 12
_MOST_STEPS: Final = 240
_SHARE, _VOLUME = (0.38, 0.94), (0.0, 0.25)


def around(incident: Incident, now_s: float) -> Span:
    """Return the time to draw: three dozen steps of its clock before, all of it and some steps after."""
    step_s = STEPS_S.get(incident.clock, STEPS_S["5m"])
    width_s = step_s if step_s < HOUR_S else HOUR_S
    opened_s = incident.opened_at_s - incident.opened_at_s % step_s
    start_s = opened_s - BEFORE_STEPS * step_s
    start_s = min(start_s, incident.window_start_s - incident.window_start_s % step_s)
    last_s = now_s if incident.resolved_at_s is None else min(now_s, incident.resolved_at_s + AFTER_STEPS * step_s)
    end_s = max(-(-int(last_s) // step_s) * step_s, opened_s + step_s)
    return Span(start_s, min(end_s, start_s + _MOST_STEPS * step_s), step_s, width_s)


def series_figure(windows: Sequence[Aggregate], span: Span, incident: Incident, formats: Formats, view: str) -> Figure:
    """Return share with its interval and the expectation, and stories with theirs.

    Args:
        windows: one for each step of the span; empty ones leave a gap.
        view: the reader's zoom is kept while this stays the same.
    """
    words, axis = formats.words, formats.steady(span.end_s)
    x = [axis.plot_time(w.start_s + span.step_s / 2) for w in windows]
    hover = [_hover(w, span, incident, formats) for w in windows]
    enough = [w.total >= FEW for w in windows]
    shares = [share_interval(w.negative, w.total) if w.total else None for w in windows]
    share = [w.negative_share for w in windows]
    ends = [axis.plot_time(span.start_s), axis.plot_time(span.end_s)]
    expected = incident.expected_total * span.step_s / incident.span_s if incident.span_s > 0 else None
    traces = [
        draw_band(windows, where(enough, shares), span, axis, yaxis="y", colour="@neg/0.18"),
        draw_line(x, share, "y", "@few", width=1, size=4, hover=hover),
        draw_line(x, where(enough, share), "y", "@neg", width=2, size=5),
        _level(ends, incident.baseline_share, "y"),
        {
            "type": "bar",
            "x": x,
            "y": [w.total for w in windows],
            "yaxis": "y2",
            "marker": {"color": ["@volume" if full else "@few/0.6" for full in enough]},
            "customdata": hover,
            "hovertemplate": "%{customdata}<extra></extra>",
        },
        {
            "type": "bar",
            "x": x,
            "y": [w.negative for w in windows],
            "yaxis": "y2",
            "marker": {"color": "@neg"},
            "hoverinfo": "skip",
        },
        *([] if expected is None else [_level(ends, expected, "y2")]),
        _opening(incident, axis),
    ]
    layout = base_layout(view) | {
        "height": HEIGHT_PX,
        "margin": {"l": 46, "r": 8, "t": 8, "b": 38},
        "bargap": 0.15,
        "barmode": "overlay",
        "xaxis": plot_axis(type="date", range=ends, anchor="y2", tickformatstops=TIMES, showgrid=False),
        "yaxis": plot_axis(domain=_SHARE, range=[0, 1.08], tickvals=[0, 0.5, 1], tickformat=".0%"),
        "yaxis2": plot_axis(domain=_VOLUME, rangemode="tozero", nticks=3, tickformat=",~d"),
        "shapes": [_shade(incident, span.step_s, axis)],
        "annotations": [heading(words("alerts.chart_share"), 1.0), heading(words("alerts.chart_stories"), 0.3)],
    }
    return {"data": traces, "layout": layout}


def _level(ends: Sequence[str], value: float, yaxis: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(ends),
        "y": [value, value],
        "yaxis": yaxis,
        "line": {"color": "@text/0.75", "width": 1.5, "dash": "dash"},
        "hoverinfo": "skip",
    }


def _opening(incident: Incident, axis: Formats) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [axis.plot_time(incident.opened_at_s)],
        "y": [1.03],
        "yaxis": "y",
        "marker": {
            "symbol": SYMBOLS[incident.severity],
            "size": 13,
            "color": f"@{incident.severity}",
            "line": {"width": 1.5, "color": "@background"},
        },
        "hoverinfo": "skip",
        "cliponaxis": False,
    }


def _shade(incident: Incident, step_s: int, axis: Formats) -> dict[str, Any]:
    # The first seconds of a window would be too thin to be seen: its point stands for the whole step.
    end_s = max(incident.window_end_s, incident.window_start_s + step_s)
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": axis.plot_time(incident.window_start_s),
        "x1": axis.plot_time(end_s),
        "y0": 0,
        "y1": _SHARE[1],
        "fillcolor": f"@{incident.severity}/0.13",
        "line": {"width": 0},
        "layer": "below",
    }


def _hover(window: Aggregate, span: Span, incident: Incident, formats: Formats) -> str:
    words, when = formats.words, formats.span(window.start_s, window.start_s + span.step_s)
    usual = words("alerts.usual", share=formats.percent(incident.baseline_share))
    if not window.total:
        return f"{when}<br>{words('hover.stories', n=0)}"
    low, high = share_interval(window.negative, window.total)
    share = words(
        "hover.share",
        value=formats.percent(window.negative_share),
        low=formats.percent(low),
        high=formats.percent(high),
    )
    counts = words("alerts.of", negative=formats.whole(window.negative), total=formats.whole(window.total))
    return f"{when}<br>{share}<br>{usual}<br>{counts}"
