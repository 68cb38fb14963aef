"""What every page has around it: the strip, the way to the alerts, the table behind a chart or list."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote

import streamlit as st

from dashboard import incident_data, panels
from dashboard.alert_filters import AlertFilters, alert_query
from dashboard.components import draw_strip
from dashboard.formats import Formats
from dashboard.incident_panels import strip_incidents
from dashboard.palette import Palette
from dashboard.safe import plain
from dashboard.source import source
from dashboard.tables import Table
from dashboard.views.sidebar import remembered
from stream.store.acts import MAX_ACTOR_CHARS
from stream.store.client import StoreError

NAME_COOKIE: Final = "barograph_name"
FOLLOW: Final = "alerts_follow"


def strip(panel: panels.Panel, now_s: float, formats: Formats, palette: Palette) -> None:
    """Draw the strip, with the number of open incidents where the store tells it; a click leads to them."""
    words = formats.words
    more: dict[str, Any] = {"demo": words("strip.demo") if source().demo else "", "incidents": None}
    with suppress(StoreError):  # then the strip says already that there is no answer
        more["incidents"] = strip_incidents(incident_data.open_incidents(now_s), formats)
    name = {NAME_COOKIE: actor()} if actor() else {}
    if draw_strip(panel | more, remembered() | name, palette) is not None:
        go_to_alerts()


def actor() -> str:
    """Return the name that the reader acts under; "" where none was given. The browser remembers it."""
    if "actor" not in st.session_state:
        st.session_state["actor"] = plain(unquote(st.context.cookies.get(NAME_COOKIE) or ""), MAX_ACTOR_CHARS)
    return str(st.session_state["actor"])


def go_to_alerts(incident_id: str = "") -> None:
    """Show the Alerts page: one incident, or those that are open."""
    # The page takes its filters from the link, also where it is this very page.
    st.session_state[FOLLOW] = True
    filters = AlertFilters(incident=incident_id or None)
    st.switch_page(st.session_state["pages"]["alerts"], query_params=alert_query(filters))


def frozen_table(name: str, view: str, formats: Formats, make: Callable[[], Table]) -> None:
    """Draw a table when it is opened; it then stays as it is, so that it can be read."""
    words, kept = formats.words, f"table_{name}"
    opened = st.expander(words(f"table.{name}"), key=f"open_{name}", on_change="rerun")
    if not opened.open:
        st.session_state.pop(kept, None)
        return
    state = (view, words.lang)
    if kept not in st.session_state or st.session_state[kept][0] != state:
        st.session_state[kept] = (state, time.time(), make())
    _, at_s, table = st.session_state[kept]
    with opened:
        st.caption(words("table.frozen", time=formats.clock(at_s)))
        st.dataframe(table.columns, hide_index=True, height=280, placeholder="–", key=f"rows_{name}")
        st.download_button(
            words("table.download"),
            table.csv,
            file_name=f"barograph-{name}.csv",
            mime="text/csv",
            key=f"csv_{name}",
            on_click="ignore",
        )
