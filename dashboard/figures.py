"""Figures as plain dicts: aggregates in, what Plotly draws out. Colours are names (`@neg`, `@text/0.2` with its
opacity) that the browser replaces by those of the palette and the background in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from dashboard.filters import Span
from dashboard.formats import Formats
from stream.core.aggregates import Aggregate, index_interval, share_interval

FEW: Final = 5  # stories: below this a value is greyed
HEIGHT_PX: Final = 410
_LIMITS: Final = (0.25, 0.5, 1.0)
_INDEX, _VOLUME, _SHARE = (0.50, 0.955), (0.265, 0.405), (0.0, 0.17)
_TIMES: Final = [
    {"dtickrange": [None, 60_000], "value": "%H:%M:%S"},
    {"dtickrange": [60_000, 86_400_000], "value": "%H:%M\n%m-%d"},
    {"dtickrange": [86_400_000, None], "value": "%m-%d\n%Y"},
]

Figure = dict[str, Any]
_Value = TypeVar("_Value")


def index_figure(windows: Sequence[Aggregate], span: Span, formats: Formats, view: str) -> Figure:
    """Return index with its band, volume and negative share, one above the other.

    Args:
        windows: one for each step of the span; empty ones leave a gap.
        view: the reader's zoom is kept while this stays the same.
    """
    words, axis = formats.words, formats.steady(span.end_s)
    x = [axis.plot_time(w.start_s + span.step_s / 2) for w in windows]
    hover = [_hover(w, span, formats) for w in windows]
    enough = [w.total >= FEW for w in windows]
    bands = [index_interval(w) for w in windows]
    shares = [share_interval(w.negative, w.total) if w.total else None for w in windows]
    share = [w.negative_share for w in windows]
    index = [w.index for w in windows]
    traces = [
        _band(windows, _where(enough, bands), span, axis, yaxis="y", colour="@accent/0.18"),
        _line(x, index, "y", "@few", width=1, size=4, hover=hover),
        _line(x, _where(enough, index), "y", "@accent", width=2, size=4),
        {
            "type": "bar",
            "x": x,
            "y": [w.documents for w in windows],
            "yaxis": "y2",
            "marker": {"color": ["@volume" if full else "@few/0.6" for full in enough]},
            "customdata": hover,
            "hovertemplate": "%{customdata}<extra></extra>",
        },
        _band(windows, _where(enough, shares), span, axis, yaxis="y3", colour="@neg/0.18"),
        _line(x, share, "y3", "@few", width=1, size=4, hover=hover),
        _line(x, _where(enough, share), "y3", "@neg", width=2, size=4),
    ]
    layout = _layout(view) | {
        "height": HEIGHT_PX,
        "margin": {"l": 46, "r": 8, "t": 8, "b": 38},
        "bargap": 0.15,
        "xaxis": _axis(
            type="date",
            range=[axis.plot_time(span.start_s), axis.plot_time(span.end_s)],
            anchor="y3",
            tickformatstops=_TIMES,
            showgrid=False,
        ),
        "yaxis": _axis(
            domain=_INDEX,
            range=_symmetric(windows, bands),
            tickformat=".2~f",
            nticks=6,
            zeroline=True,
            zerolinecolor="@text/0.45",
        ),
        "yaxis2": _axis(domain=_VOLUME, rangemode="tozero", nticks=3, tickformat=",~d"),
        "yaxis3": _axis(domain=_SHARE, range=[0, 1], tickvals=[0, 0.5, 1], tickformat=".0%"),
        "annotations": [
            _heading(words("chart.index"), 0.99),
            _heading(words("chart.volume"), 0.45),
            _heading(words("chart.share"), 0.215),
        ],
    }
    return {"data": traces, "layout": layout}


def heatmap_figure(topics: Mapping[str, Sequence[Aggregate]], columns: Span, formats: Formats, view: str) -> Figure:
    """Return topic by time: the index of each cell on a scale fixed to [-1, 1]; a cell without stories is blank."""
    words, axis = formats.words, formats.steady(columns.end_s)
    names = [words(f"topic.{topic}") for topic in topics]
    starts = range(columns.start_s, columns.end_s, columns.step_s)
    x = [axis.plot_time(start + columns.step_s / 2) for start in starts]
    cells = {
        "type": "heatmap",
        "x": x,
        "y": names,
        "z": [[w.index for w in row] for row in topics.values()],
        "customdata": [[_cell(w, columns, formats) for w in row] for row in topics.values()],
        "hovertemplate": "<b>%{y}</b><br>%{customdata}<extra></extra>",
        "hoverongaps": False,
        "zmin": -1,
        "zmax": 1,
        "xgap": 1,
        "ygap": 1,
        "colorscale": [[0, "@neg"], [0.5, "@mid"], [1, "@pos"]],
        "colorbar": {
            "orientation": "h",
            "thickness": 8,
            "len": 0.5,
            "x": 1,
            "xanchor": "right",
            "y": 1.0,
            "yanchor": "bottom",
            "tickvals": [-1, 0, 1],
            "ticktext": [f"▼ {formats.signed(-1, 0)}", "0", f"{formats.signed(1, 0)} ▲"],
            "ticklabelposition": "outside top",
            "outlinewidth": 0,
            "ypad": 4,
        },
    }
    veil = {
        "type": "heatmap",
        "x": x,
        "y": names,
        "z": [[1 if 0 < w.total < FEW else None for w in row] for row in topics.values()],
        "xgap": 1,
        "ygap": 1,
        "colorscale": [[0, "@background/0.45"], [1, "@background/0.45"]],
        "showscale": False,
        "hoverinfo": "skip",
        "hoverongaps": False,
    }
    layout = _layout(view) | {
        "height": min(HEIGHT_PX, 110 + 40 * len(names)),
        "margin": {"l": 8, "r": 8, "t": 38, "b": 38},
        "xaxis": _axis(
            type="date",
            tickformatstops=_TIMES,
            nticks=5,
            showgrid=False,
            range=[axis.plot_time(columns.start_s), axis.plot_time(columns.end_s)],
        ),
        "yaxis": _axis(autorange="reversed", automargin=True, showgrid=False, fixedrange=True, dtick=1),
        "hovermode": "closest",
    }
    return {"data": [cells, veil], "layout": layout}


def _hover(window: Aggregate, span: Span, formats: Formats) -> str:
    when = formats.span(window.start_s, window.start_s + span.step_s)
    if not window.total:
        return f"{when}<br>{formats.words('hover.documents', n=formats.whole(window.documents))}"
    words, band, share = formats.words, index_interval(window), share_interval(window.negative, window.total)
    lines = [
        when,
        words("hover.index", value=formats.signed(window.index), interval=_between(band, formats)),
        words(
            "hover.share",
            value=formats.percent(window.negative_share),
            low=formats.percent(share[0]),
            high=formats.percent(share[1]),
        ),
        words("hover.counts", stories=formats.whole(window.total), documents=formats.whole(window.documents)),
    ]
    if window.late:
        lines.append(words("hover.late", n=formats.whole(window.late)))
    if window.total < FEW:
        lines.append(words("hover.few"))
    return "<br>".join(lines)


def _cell(window: Aggregate, columns: Span, formats: Formats) -> str | None:
    if not window.total:
        return None
    when = formats.span(window.start_s, window.start_s + columns.step_s)
    band = _between(index_interval(window), formats)
    index = formats.words("hover.index", value=formats.signed(window.index), interval=band)
    return f"{when}<br>{index}<br>{formats.words('hover.stories', n=formats.whole(window.total))}"


def _between(band: tuple[float, float] | None, formats: Formats) -> str:
    return "" if band is None else f"{formats.signed(band[0], 2)} … {formats.signed(band[1], 2)}"


def _band(
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


def _line(
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


def _where(enough: Sequence[bool], values: Sequence[_Value | None]) -> list[_Value | None]:
    return [value if full else None for full, value in zip(enough, values, strict=True)]


def _symmetric(windows: Sequence[Aggregate], bands: Sequence[tuple[float, float] | None]) -> list[float]:
    """Return the smallest range around zero that holds the well-founded bands: it jumps rarely."""
    widest = max(
        (max(map(abs, band)) for w, band in zip(windows, bands, strict=True) if band and w.total >= FEW), default=1.0
    )
    limit = next((limit for limit in _LIMITS if widest <= limit), _LIMITS[-1])
    return [-limit, limit]


def _axis(**more: Any) -> dict[str, Any]:
    return {"gridcolor": "@grid", "linecolor": "@grid", "zeroline": False, "automargin": False, "ticks": ""} | more


def _heading(text: str, y: float) -> dict[str, Any]:
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


def _layout(view: str) -> dict[str, Any]:
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
