"""The Live page: what is said now, or was said in the time chosen."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import Any, Final

import streamlit as st

from dashboard import data, incident_data, panels
from dashboard.components import draw_headlines, draw_incidents, draw_tiles, live_chart
from dashboard.drawing import FEW
from dashboard.figures import heatmap_figure, index_figure
from dashboard.filters import BOTH, NEWEST, Filters, Span, to_query
from dashboard.formats import Formats, zone_of
from dashboard.i18n import Words, words
from dashboard.incident_panels import inbox, incidents_tile
from dashboard.marks import marked, shown_on
from dashboard.palette import Palette
from dashboard.panels import Moment
from dashboard.tables import chart_table, headlines_table, topics_table
from dashboard.views.frame import frozen_table, go_to_alerts, strip
from dashboard.views.sidebar import chosen_palette, language, set_filters, sidebar
from stream.store.client import StoreError
from stream.store.incident_read import Seen
from stream.store.keys import LATEST_MOST, LATEST_TTL_S
from stream.store.read import Totals

STRIP_EVERY_S: Final = 1.0
BODY_EVERY_S: Final = 2.0
INGEST_COMMAND: Final = "barograph ingest file documents.jsonl.gz --wait"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """How the page is drawn for this reader."""

    words: Words
    formats: Formats
    palette: Palette
    filters: Filters

    @property
    def view(self) -> str:
        """What stays the same while a zoom is to be kept."""
        return "&".join(f"{name}={value}" for name, value in sorted(to_query(self.filters).items())) or "default"


def page() -> None:
    """Draw the page; its parts then redraw themselves."""
    said = words(language())
    formats = Formats(said, zone_of(st.context.timezone))
    colours = chosen_palette()
    look = Look(said, formats, colours, sidebar(said, formats, time.time()))
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(width="stretch"):
            st.fragment(_strip, run_every=STRIP_EVERY_S)(look)
        _pause_button(said)
    st.fragment(_body, run_every=BODY_EVERY_S)(look)


def _moment() -> Moment:
    return Moment(time.time(), st.session_state.get("paused_s"))


def _pause_button(said: Words) -> None:
    paused = st.session_state.get("paused_s") is not None

    def turn() -> None:
        st.session_state["paused_s"] = None if st.session_state.get("paused_s") is not None else time.time()

    label, icon = ("button.resume", ":material/play_arrow:") if paused else ("button.pause", ":material/pause:")
    st.button(said(label), key="pause", icon=icon, on_click=turn)


def _strip(look: Look) -> None:
    moment = _moment()
    last: data.Picture | None = st.session_state.get("picture")
    try:
        seen = data.totals(moment.now_s)
        span = data.span(look.filters, seen, moment.paused_s or moment.now_s)
    except StoreError:
        age = None if last is None else moment.now_s - last.read_at_s
        strip(panels.down_strip(age, moment, look.formats), moment.now_s, look.formats, look.palette)
        return
    state = panels.mode(span, moment)
    strip(panels.strip(seen, state, moment, span, look.formats), moment.now_s, look.formats, look.palette)


def _body(look: Look) -> None:
    moment = _moment()
    try:
        seen = data.totals(moment.now_s)
        picture = _paused_picture(look, moment) or _picture(look, seen, moment.paused_s or moment.now_s)
        waiting = data.newest_headlines(look.filters, moment.now_s) if moment.paused_s else []
        st.session_state["open"] = incident_data.open_incidents(moment.now_s)
    except StoreError as exc:
        _log.warning("%s", exc)
        _down(look, moment)
        return
    st.session_state["picture"], st.session_state["seen"], st.session_state["drawn"] = picture, seen, look.view
    if not seen.records:
        _empty(look)
    elif not picture.whole.documents and not picture.headlines:
        _no_data(look, picture, seen)
    else:
        newer = [line for line in waiting if line.event_s >= picture.read_at_s] if _is_live(picture) else []
        _draw(look, replace(picture, headlines=[*newer, *picture.headlines]), seen, moment)


def _picture(look: Look, seen: Totals, now_s: float) -> data.Picture:
    found = data.picture(look.filters, seen, now_s)
    return replace(found, incidents=incident_data.incidents_in(found.span.start_s, found.span.end_s, now_s))


def _paused_picture(look: Look, moment: Moment) -> data.Picture | None:
    """Return the picture at which the reader paused, as long as nothing else is asked for."""
    kept: data.Picture | None = st.session_state.get("picture")
    return kept if moment.paused_s is not None and st.session_state.get("drawn") == look.view else None


def _is_live(picture: data.Picture) -> bool:
    return panels.mode(picture.span, Moment(picture.read_at_s)) == panels.LIVE


def _empty(look: Look) -> None:
    st.markdown(f"#### {look.words('empty.title')}")
    st.write(look.words("empty.text"))
    st.code(INGEST_COMMAND, language="bash")


def _no_data(look: Look, picture: data.Picture, seen: Totals) -> None:
    said, formats, filters = look.words, look.formats, look.filters
    span = picture.span
    title = said("nodata.title", start=formats.instant(span.start_s), end=formats.instant(span.end_s))
    st.markdown(f"#### {title}")
    if filters.narrowed:
        kinds = [said(f"kind.{filters.kind}")] if filters.kind != BOTH else []
        names = kinds + [said(f"topic.{name}") for name in filters.topics]
        st.write(said("nodata.narrowed", what=", ".join(names)))
    if seen.newest_event_s:
        st.write(said("nodata.newest", time=formats.instant(seen.newest_event_s)))
    with st.container(horizontal=True):
        if seen.newest_event_s and filters.end != NEWEST:
            shorter = filters.range if filters.range in ("6h", "24h", "7d", "30d") else "24h"
            newest = Filters(filters.kind, shorter, NEWEST, topics=filters.topics)
            _go(said("nodata.go"), "to_newest", newest, formats, kind="primary")
        if filters.narrowed:
            whole = Filters(range=filters.range, end=filters.end, at_s=filters.at_s,
                            from_s=filters.from_s, to_s=filters.to_s)  # fmt: skip
            _go(said("nodata.widen"), "to_all", whole, formats)


def _go(label: str, key: str, filters: Filters, formats: Formats, kind: Any = "secondary") -> None:
    # The whole page runs again, not this part alone: the sidebar has to show the new filters.
    if st.button(label, key=key, type=kind, on_click=set_filters, args=(filters, formats.zone)):
        st.rerun(scope="app")


def _down(look: Look, moment: Moment) -> None:
    said, formats = look.words, look.formats
    last: data.Picture | None = st.session_state.get("picture")
    st.markdown(f"#### {said('down.title')}")
    if last is None:
        st.write(said("down.nothing"))
        return
    age = formats.length(moment.now_s - last.read_at_s)
    st.write(said("down.picture", time=formats.clock(last.read_at_s), age=age))
    if last.whole.documents:
        _draw(look, last, st.session_state["seen"], moment, dim=True)


def _draw(look: Look, picture: data.Picture, seen: Totals, moment: Moment, *, dim: bool = False) -> None:
    formats, span = look.formats, picture.span
    elapsed_s = max(60.0, min(picture.read_at_s, span.end_s) - span.start_s)
    sums = panels.Sums(picture.whole, picture.before, picture.windows, elapsed_s, span.length_s)
    past = panels.is_past(span, picture.read_at_s)
    opened: list[Seen] = st.session_state.get("open", [])
    tiles = [*panels.tiles(sums, seen, moment.now_s, formats, past=past), incidents_tile(opened, formats)]
    if draw_tiles(tiles, look.palette, dim=dim) is not None:
        go_to_alerts()
    left, right = st.columns([62, 38], gap="small")
    with left.container(border=True):
        _chart(look, picture, dim)
    with right.container(border=True):
        _heatmap(look, picture, dim)
    with st.container(border=True):
        _inbox(look, opened, moment, dim)
    with st.container(border=True):
        rows = panels.headline_rows(picture.headlines, moment.now_s, formats)
        hold = moment.paused_s is not None or dim
        draw_headlines(panels.headlines(rows, hold, look.words), look.view, look.palette, dim=dim)
        if past:  # of a busy day only its end is kept: the list may begin well before the span ends
            kept = formats.length(LATEST_TTL_S)
            st.caption(look.words("headlines.kept", n=formats.whole(LATEST_MOST), kept=kept))
        frozen_table("headlines", look.view, formats, lambda: headlines_table(picture.headlines, formats))


def _inbox(look: Look, opened: list[Seen], moment: Moment, dim: bool) -> None:
    panel = inbox(opened, moment.now_s, look.formats, look.words("inbox.quiet"))
    clicked = draw_incidents("inbox", panel, "inbox", look.palette, slim=True, dim=dim)
    if clicked is not None:
        go_to_alerts(clicked)


def _chart(look: Look, picture: data.Picture, dim: bool) -> None:
    said, formats, span, whole = look.words, look.formats, picture.span, picture.whole
    alt = said(
        "chart.alt",
        span=formats.span(span.start_s, span.end_s),
        index=formats.signed(whole.index),
        share=formats.percent(whole.negative_share),
        documents=formats.whole(whole.documents),
    )
    found = shown_on(picture.incidents, look.filters)
    figure = index_figure(picture.windows, span, formats, look.view)
    figure = marked(figure, found, span, picture.read_at_s, formats, drawn=look.filters.series)
    live_chart("chart", figure, alt, look.palette, said, dim=dim)
    _caption(look, "chart.step", span)
    frozen_table("chart", look.view, formats, lambda: chart_table(picture.windows, formats))


def _heatmap(look: Look, picture: data.Picture, dim: bool) -> None:
    said, formats, columns = look.words, look.formats, picture.columns
    alt = said("heatmap.alt", topics=len(picture.topics), span=formats.span(columns.start_s, columns.end_s))
    figure = heatmap_figure(picture.topics, columns, formats, look.view)
    live_chart("heatmap", figure, alt, look.palette, said, title=said("heatmap.title"), dim=dim)
    _caption(look, "heatmap.step", columns)
    frozen_table("heatmap", look.view, formats, lambda: topics_table(picture.topics, columns, formats))


def _caption(look: Look, key: str, span: Span) -> None:
    said, formats = look.words, look.formats
    told = [said(key, step=formats.length(span.step_s), few=FEW)]
    if formats.clocks_change(span.start_s, span.end_s):
        told.append(said("chart.axis", offset=formats.offset(span.end_s)))
    st.caption("  \n".join(told))
