"""Figures as plain dicts: aggregates in, what Plotly draws out. Colours are names (`@neg`, `@text/0.2` with its
opacity) that the browser replaces by those of the palette and the background in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dashboard.drawing import FEW, TIMES, Figure, base_layout, draw_band, draw_line, heading, plot_axis, where
from dashboard.filters import Span
from dashboard.formats import Formats
from stream.core.aggregates import Aggregate, index_interval, share_interval

HEIGHT_PX: Final = 410
_LIMITS: Final = (0.25, 0.5, 1.0)
_INDEX, _VOLUME, _SHARE = (0.50, 0.955), (0.265, 0.405), (0.0, 0.17)


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
        draw_band(windows, where(enough, bands), span, axis, yaxis="y", colour="@accent/0.18"),
        draw_line(x, index, "y", "@few", width=1, size=4, hover=hover),
        draw_line(x, where(enough, index), "y", "@accent", width=2, size=4),
        {
            "type": "bar",
            "x": x,
            "y": [w.documents for w in windows],
            "yaxis": "y2",
            "marker": {"color": ["@volume" if full else "@few/0.6" for full in enough]},
            "customdata": hover,
            "hovertemplate": "%{customdata}<extra></extra>",
        },
        draw_band(windows, where(enough, shares), span, axis, yaxis="y3", colour="@neg/0.18"),
        draw_line(x, share, "y3", "@few", width=1, size=4, hover=hover),
        draw_line(x, where(enough, share), "y3", "@neg", width=2, size=4),
    ]
    layout = base_layout(view) | {
        "height": HEIGHT_PX,
        "margin": {"l": 46, "r": 8, "t": 8, "b": 38},
        "bargap": 0.15,
        "xaxis": plot_axis(
            type="date",
            range=[axis.plot_time(span.start_s), axis.plot_time(span.end_s)],
            anchor="y3",
            tickformatstops=TIMES,
            showgrid=False,
        ),
        "yaxis": plot_axis(
            domain=_INDEX,
            range=_symmetric(windows, bands),
            tickformat=".2~f",
            nticks=6,
            zeroline=True,
            zerolinecolor="@text/0.45",
        ),
        "yaxis2": plot_axis(domain=_VOLUME, rangemode="tozero", nticks=3, tickformat=",~d"),
        "yaxis3": plot_axis(domain=_SHARE, range=[0, 1], tickvals=[0, 0.5, 1], tickformat=".0%"),
        "annotations": [
            heading(words("chart.index"), 0.99),
            heading(words("chart.volume"), 0.45),
            heading(words("chart.share"), 0.215),
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
    layout = base_layout(view) | {
        "height": min(HEIGHT_PX, 110 + 40 * len(names)),
        "margin": {"l": 8, "r": 8, "t": 38, "b": 38},
        "xaxis": plot_axis(
            type="date",
            tickformatstops=TIMES,
            nticks=5,
            showgrid=False,
            range=[axis.plot_time(columns.start_s), axis.plot_time(columns.end_s)],
        ),
        "yaxis": plot_axis(autorange="reversed", automargin=True, showgrid=False, fixedrange=True, dtick=1),
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


def _symmetric(windows: Sequence[Aggregate], bands: Sequence[tuple[float, float] | None]) -> list[float]:
    """Return the smallest range around zero that holds the well-founded bands: it jumps rarely."""
    widest = max(
        (max(map(abs, band)) for w, band in zip(windows, bands, strict=True) if band and w.total >= FEW), default=1.0
    )
    limit = next((limit for limit in _LIMITS if widest <= limit), _LIMITS[-1])
    return [-limit, limit]
