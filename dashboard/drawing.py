"""What the figures are drawn with: bands, lines, axes, headings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from dashboard.filters import Span
from dashboard.formats import Formats
from stream.core.aggregates import Aggregate

FEW: Final = 5  # stories: below this a value is greyed
TIMES: Final = [
    {"dtickrange": [None, 60_000], "value": "%H:%M:%S"},
    {"dtickrange": [60_000, 86_400_000], "value": "%H:%M\n%m-%d"},
    {"dtickrange": [86_400_000, None], "value": "%m-%d\n%Y"},
]

Figure = dict[str, Any]
_Value = TypeVar("_Value")


def draw_band(
    windows: Sequence[Aggregate],
    bounds: Sequence[tuple[float, float] | None],
    span: Span,
    axis: Formats,
    *,
    yaxis: str,
    colour: str,
) -> dict[str, Any]:
    """Return one filled polygon for each unbroken run of bounds; a run of one gets some width."""
    x: list[str | None] = []
    y: list[float | None] = []
    for run in _runs(bounds):
        edges = [(windows[i].start_s + span.step_s / 2, bounds[i] or (0.0, 0.0)) for i in run]
        if len(edges) == 1:
            at, bound = edges[0]
            edges = [(at - span.step_s / 4, bound), (at + span.step_s / 4, bound)]
        x += [axis.plot_time(at) for at, _ in (*edges, *reversed(edges))] + [None]
        y += [bound[1] for _, bound in edges] + [bound[0] for _, bound in reversed(edges)] + [None]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "yaxis": yaxis,
        "fill": "toself",
        "fillcolor": colour,
        "line": {"width": 0},
        "hoverinfo": "skip",
    }


def _runs(values: Sequence[object]) -> list[list[int]]:
    runs: list[list[int]] = [[]]
    for i, value in enumerate(values):
        if value is not None:
            runs[-1].append(i)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def draw_line(
    x: Sequence[str],
    y: Sequence[float | None],
    axis: str,
    colour: str,
    *,
    width: float,
    size: float,
    hover: Sequence[str] | None = None,
) -> dict[str, Any]:
    told = {"hoverinfo": "skip"} if hover is None else {"customdata": list(hover)}
    return told | {
        "type": "scatter",
        "mode": "lines+markers",
        "x": list(x),
        "y": list(y),
        "yaxis": axis,
        "line": {"color": colour, "width": width},
        "marker": {"color": colour, "size": size},
        "hovertemplate": "%{customdata}<extra></extra>" if hover is not None else None,
    }


def where(enough: Sequence[bool], values: Sequence[_Value | None]) -> list[_Value | None]:
    return [value if full else None for full, value in zip(enough, values, strict=True)]


def plot_axis(**more: Any) -> dict[str, Any]:
    return {"gridcolor": "@grid", "linecolor": "@grid", "zeroline": False, "automargin": False, "ticks": ""} | more


def heading(text: str, y: float) -> dict[str, Any]:
    return {
        "text": text,
        "x": 0,
        "xref": "paper",
        "xanchor": "left",
        "y": y,
        "yref": "paper",
        "yanchor": "middle",
        "showarrow": False,
        "font": {"size": 12, "color": "@text/0.75"},
    }


def base_layout(view: str) -> dict[str, Any]:
    return {
        "uirevision": view,
        "autosize": True,
        "showlegend": False,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "@text", "size": 12},
        "hoverlabel": {"bgcolor": "@background", "bordercolor": "@grid", "font": {"color": "@text"}, "align": "left"},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "@text/0.45", "activecolor": "@text"},
        "dragmode": "zoom",
        "hovermode": "x",
    }
