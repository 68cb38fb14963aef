"""What the browser draws by itself: the six components. Hidden behind functions, so that each can be swapped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

from streamlit.components.v2 import component

from dashboard.drawing import Figure
from dashboard.i18n import Words
from dashboard.palette import Palette, colours
from dashboard.panels import Panel

PLOTLY_PATH: Final = "/barograph/plotly.min.js"
# What plotly.js says in English, and what we say instead.
_PLOTLY_WORDS: Final = {
    "Zoom": "plotly.zoom",
    "Pan": "plotly.pan",
    "Zoom in": "plotly.zoom_in",
    "Zoom out": "plotly.zoom_out",
    "Reset axes": "plotly.reset",
    "Double-click to zoom back out": "plotly.hint",
}
_HTML: Final = {
    "chart": (
        '<div class="barograph-chart" role="img"><div class="name"></div><div class="note"></div>'
        '<div class="plot"></div></div>'
    ),
    "tiles": '<div class="tiles"></div>',
    "strip": (
        '<div class="strip" role="status" aria-live="off"><span class="label"></span><span class="clock"></span>'
        '<span class="zone"></span><span class="data"><span class="dot"></span><span class="age"></span></span>'
        '<a class="incidents" hidden></a><span class="demo" hidden></span><span class="note"></span></div>'
    ),
    "incidents": (
        '<div class="incidents"><div class="bar"><h3 hidden></h3>'
        '<button class="new" type="button" hidden></button></div>'
        '<div class="scroll"><div class="rows" role="list"></div></div>'
        '<div class="none" hidden></div><a class="more" hidden></a></div>'
    ),
    "sheet": '<div class="sheet"></div>',
    "headlines": (
        '<div class="headlines"><div class="bar"><h3></h3><button class="new" type="button" hidden></button></div>'
        '<div class="scroll" role="table" tabindex="0"><div class="head" role="row"></div>'
        '<div class="body" role="rowgroup"></div></div></div>'
    ),
}


@cache
def _mount(name: str) -> Callable[..., Any]:
    folder = resources.files("dashboard").joinpath("components")
    scripts = (folder.joinpath(f"{part}.js").read_text(encoding="utf-8") for part in ("tones", name))
    return component(
        f"barograph_{name}",
        html=_HTML[name],
        css=folder.joinpath(f"{name}.css").read_text(encoding="utf-8"),
        js="".join(scripts),
        # Plotly writes its styles into the page's head, where a shadow root would not see them.
        isolate_styles=name != "chart",
    )


def live_chart(
    key: str, figure: Figure, alt: str, palette: Palette, words: Words, *, title: str = "", dim: bool = False
) -> None:
    """Draw a figure of `dashboard.figures`, keeping zoom and hover while `layout.uirevision` stays."""
    _mount("chart")(
        key=key,
        data={
            "figure": figure,
            "alt": alt,
            "title": title,
            "dim": dim,
            "colours": colours(palette),
            "plotly": PLOTLY_PATH,
            "words": {english: words(key) for english, key in _PLOTLY_WORDS.items()},
            "loading": words("chart.loading"),
            "failed": words("chart.failed"),
        },
    )


def draw_tiles(tiles: list[Panel], palette: Palette, *, dim: bool = False) -> str | None:
    """Draw the tiles of `dashboard.panels`; return "" where the one that leads to the alerts was clicked."""
    return _opening("tiles", "tiles", {"tiles": tiles, "colours": colours(palette), "dim": dim})


def draw_strip(strip: Panel, remember: Mapping[str, str], palette: Palette) -> str | None:
    """Draw the strip of `dashboard.panels`; the browser remembers what is given, in cookies.

    Returns "" where the count of incidents was clicked.
    """
    return _opening("strip", "strip", strip | {"remember": dict(remember), "colours": colours(palette)})


def draw_incidents(
    key: str, listing: Panel, view: str, palette: Palette, *, slim: bool = False, dim: bool = False
) -> str | None:
    """Draw a list of `dashboard.incident_panels`; another `view` is shown at once, hand or no hand.

    Returns the id of the incident that was clicked, "" where all of them were asked for.
    """
    return _opening("incidents", key, listing | {"view": view, "colours": colours(palette), "slim": slim, "dim": dim})


def draw_sheet(key: str, blocks: list[Panel], palette: Palette, *, dim: bool = False) -> str | None:
    """Draw blocks of `dashboard.incident_sheet`; return the id of another incident that was clicked in them."""
    return _opening("sheet", key, {"blocks": blocks, "colours": colours(palette), "dim": dim})


def _opening(name: str, key: str, data: Panel) -> str | None:
    # Without a callback the trigger would not be known to the session.
    clicked: Any = _mount(name)(key=key, data=data, on_open_change=lambda: None).open
    return None if clicked is None else str(clicked)


def draw_headlines(headlines: Panel, view: str, palette: Palette, *, dim: bool = False) -> None:
    """Draw the headlines of `dashboard.panels`; another `view` is shown at once, hand or no hand."""
    _mount("headlines")(key="headlines", data=headlines | {"view": view, "colours": colours(palette), "dim": dim})
