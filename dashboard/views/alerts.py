"""The Alerts page: incidents as a list, and one of them in detail. People act here; all else only reads."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import Any, Final

import streamlit as st

from dashboard import data, incident_data, panels
from dashboard.alert_figure import series_figure
from dashboard.alert_filters import ALL, RANGES_S, STATES, AlertFilters, alert_filters_of, alert_query
from dashboard.components import draw_incidents, draw_sheet, live_chart
from dashboard.delivery_sheet import sheet_deliveries
from dashboard.filters import CUSTOM
from dashboard.formats import Formats, zone_of
from dashboard.i18n import Words, words
from dashboard.incident_data import Detail
from dashboard.incident_panels import href_of, incident_list, listing
from dashboard.incident_sheet import sheet_head, sheet_history, sheet_stories
from dashboard.incident_words import series_words
from dashboard.palette import SEVERITY_MARKS, Palette
from dashboard.panels import Moment
from dashboard.tables import incidents_table
from dashboard.views.acts import acts
from dashboard.views.frame import FOLLOW, frozen_table, strip
from dashboard.views.sidebar import chosen_palette, display, language, moment
from dashboard.views.why import why
from dashboard.wall import wall
from stream.core.event_time import DAY_S
from stream.store.client import StoreError
from stream.store.incident_read import Seen
from stream.store.keys import HOUR_S, INCIDENT_TTL_S

STRIP_EVERY_S: Final = 1.0
LIST_EVERY_S: Final = 2.0
DETAIL_EVERY_S: Final = 2.0
MOST_DRAWN: Final = 200  # rows cost every reader some time at each redraw; the table has more

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """How the page is drawn for this reader."""

    words: Words
    formats: Formats
    palette: Palette
    filters: AlertFilters

    @property
    def view(self) -> str:
        """What stays the same while the list is the same question."""
        return str(sorted(alert_query(replace(self.filters, incident=None)).items()))

    def href(self, incident_id: str) -> str:
        """Return the address of another incident within the same filters."""
        return href_of(replace(self.filters, incident=incident_id))


def page() -> None:
    """Draw the page; its parts then redraw themselves."""
    said = words(language())
    formats = Formats(said, zone_of(st.context.timezone))
    now_s = time.time()
    with st.sidebar:
        st.markdown("#### Barograph")
        display(said, formats, now_s)
    top = st.container()
    look = Look(said, formats, chosen_palette(), _filters(said, formats, now_s))
    with top:
        st.fragment(_strip, run_every=STRIP_EVERY_S)(look)
    if look.filters.incident is None:
        st.fragment(_list, run_every=LIST_EVERY_S)(look)
        return
    left, right = st.columns([36, 64], gap="medium")
    with left.container(key="alerts_beside"):
        st.fragment(_list, run_every=LIST_EVERY_S)(look)
    with right:
        if st.button(said("alerts.back"), key="alerts_back", icon=":material/arrow_back:"):
            _show(None)
        st.fragment(_detail, run_every=DETAIL_EVERY_S)(look)


def _filters(said: Words, formats: Formats, now_s: float) -> AlertFilters:
    """Draw the filters and return them; the URL then says the same."""
    query: dict[str, str] = st.query_params.to_dict()
    asked = alert_filters_of(query)
    base = _begun(asked, bool(query), formats)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        state: Any = st.segmented_control(
            said("alerts.filter_state"),
            STATES,
            format_func=lambda name: said(f"alerts.state.{name}"),
            key="a_state",
            required=True,
        )
        filters = replace(base, state=str(state), incident=asked.incident)
        if filters.timed:
            filters = _ranged(filters, said, formats, now_s)
    st.session_state["alerts_kept"] = filters
    wanted = alert_query(filters)
    if query != wanted:
        st.query_params.from_dict(wanted)
    return filters


def _begun(asked: AlertFilters, linked: bool, formats: Formats) -> AlertFilters:
    """Return what the widgets begin with: what a link asks for, else what was asked for last."""
    state = st.session_state
    kept: AlertFilters = state.get("alerts_kept") or asked
    # Streamlit forgets the widgets of a page that is left.
    entered = "a_state" not in state
    if not state.pop(FOLLOW, False) and not entered:
        return kept
    begun = asked if linked or not entered else kept
    state["a_state"] = begun.state
    _set_range(begun, formats)
    return begun


def _set_range(filters: AlertFilters, formats: Formats) -> None:
    state = st.session_state
    state["a_range"] = filters.range
    for key, at_s in (("a_from", filters.from_s), ("a_to", filters.to_s)):
        if at_s is not None:
            shown = wall(at_s, formats.zone)
            state[key], state[f"{key}_fold"] = shown, shown.fold


def _ranged(filters: AlertFilters, said: Words, formats: Formats, now_s: float) -> AlertFilters:
    if "a_range" not in st.session_state:
        _set_range(filters, formats)
    chosen: Any = st.pills(
        said("alerts.filter_range"),
        (*RANGES_S, CUSTOM),
        format_func=lambda name: said(f"range.{name}"),
        key="a_range",
        required=True,
    )
    if chosen != CUSTOM:
        return replace(filters, range=str(chosen), from_s=None, to_s=None)
    from_s = moment(said, "filter.from", "a_from", now_s - DAY_S, formats.zone)
    to_s = moment(said, "filter.to", "a_to", now_s + HOUR_S, formats.zone)
    if from_s >= to_s:
        return replace(filters, range=AlertFilters().range, from_s=None, to_s=None)
    return replace(filters, range=CUSTOM, from_s=from_s, to_s=to_s)


def _show(incident_id: str | None) -> None:
    """Show one incident, or the list alone; the whole page runs again."""
    query = alert_query(replace(st.session_state["alerts_kept"], incident=incident_id))
    st.query_params.from_dict(query)
    st.rerun(scope="app")


def _strip(look: Look) -> None:
    now = Moment(time.time())
    try:
        panel = panels.strip(data.totals(now.now_s), panels.LIVE, now, None, look.formats)
    except StoreError:
        panel = panels.down_strip(None, now, look.formats)
    strip(panel, now.now_s, look.formats, look.palette)


def _list(look: Look) -> None:
    now_s, said, state = time.time(), look.words, st.session_state
    down = False
    try:
        found = incident_data.listed(look.filters, now_s)
        state["alerts_list"] = (look.view, now_s, found, _quiet(look, now_s))
    except StoreError as exc:
        _log.warning("%s", exc)
        down = True
        if state.get("alerts_list", ("",))[0] != look.view:
            _down(look)
            return
    _, read_at_s, found, quiet = state["alerts_list"]
    if down:
        st.caption(said("alerts.down_list", time=look.formats.clock(read_at_s)))
    rows = incident_list(found[:MOST_DRAWN], now_s, look.formats, href=look.href, selected=look.filters.incident)
    beside = look.filters.incident is not None
    panel = listing(rows, said, empty=quiet)
    clicked = draw_incidents("alerts", panel, look.view, look.palette, slim=beside, dim=down)
    if clicked is not None:
        _show(clicked or None)
    if not beside:
        _below(look, found)


def _below(look: Look, found: list[Seen]) -> None:
    said, formats = look.words, look.formats
    if not found:
        if look.filters.state != ALL:
            st.button(said("alerts.show_all"), key="alerts_all", on_click=_all)
        return
    n = len(found)
    if n > MOST_DRAWN:
        st.caption(said("alerts.newest", shown=formats.whole(MOST_DRAWN), n=formats.whole(n)))
    else:
        st.caption(said(f"count.listed.{'one' if n == 1 else 'other'}", n=formats.whole(n)))
    frozen_table("incidents", look.view, formats, lambda: incidents_table(found, formats))


def _all() -> None:
    st.session_state["a_state"] = ALL
    st.rerun()


def _quiet(look: Look, now_s: float) -> str:
    """Return what an empty list says: a silent page has to tell a calm market from a detector that is not there."""
    said = look.words
    if not incident_data.detector_runs(now_s):
        watch = said("alerts.no_detector")
    else:
        watch = said("alerts.watched", n=look.formats.whole(incident_data.watched(now_s)))
    return f"{said(f'alerts.none.{look.filters.state}')} {watch}"


def _down(look: Look) -> None:
    st.markdown(f"#### {look.words('down.title')}")
    st.write(look.words("down.nothing"))


def _detail(look: Look) -> None:
    now_s, said, formats, state = time.time(), look.words, look.formats, st.session_state
    name, down = str(look.filters.incident), False
    try:
        state["alerts_detail"] = (name, now_s, incident_data.detail(name, now_s))
    except StoreError as exc:
        _log.warning("%s", exc)
        down = True
        if state.get("alerts_detail", ("",))[0] != name:
            _down(look)
            return
    _, read_at_s, found = state["alerts_detail"]
    if down:
        st.caption(said("alerts.down_detail", time=formats.clock(read_at_s)))
    if found is None:
        st.markdown(f"#### {said('alerts.unknown')}")
        st.write(said("alerts.unknown_text", kept=formats.length(INCIDENT_TTL_S)))
        return
    _draw(look, found, dim=down)


def _draw(look: Look, found: Detail, *, dim: bool) -> None:
    formats = look.formats
    head = sheet_head(found.seen, found.parent, found.children, formats, look.href)
    clicked = draw_sheet("sheet_head", head, look.palette, dim=dim)
    acts(found.seen, look.words)
    with st.container(border=True):
        _chart(look, found, dim)
    more = [
        sheet_stories(found.seen.incident, formats),
        sheet_history(found.history, formats),
        sheet_deliveries(found.deliveries, formats, time.time()),
    ]
    clicked = draw_sheet("sheet_more", more, look.palette, dim=dim) or clicked
    why(found.seen.incident, look.words, look.palette)
    if clicked is not None:
        _show(clicked)


def _chart(look: Look, found: Detail, dim: bool) -> None:
    said, formats, incident, span = look.words, look.formats, found.seen.incident, found.span
    figure = series_figure(found.windows, span, incident, formats, incident.incident_id)
    alt = said(
        "alerts.chart_alt",
        series=series_words(incident.series, said),
        span=formats.span(span.start_s, span.end_s),
        share=formats.percent(incident.share),
        usual=formats.percent(incident.baseline_share),
    )
    live_chart("incident_chart", figure, alt, look.palette, said, dim=dim)
    note = said("alerts.chart_note", step=formats.length(span.step_s), mark=SEVERITY_MARKS[incident.severity])
    st.caption(note)
