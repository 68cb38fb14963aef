"""The script that Streamlit runs for each reader: pages and navigation."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.i18n import words
from dashboard.incident_panels import ALERTS_URL
from dashboard.views import alerts, live, model
from dashboard.views.sidebar import language

_said = words(language())
# Before the pages are known: without an icon of ours the browser would fetch the page's from a font service.
_icon = Path(__file__).parent.parent / "components" / "icon.svg"
st.set_page_config(page_icon=str(_icon), layout="wide", initial_sidebar_state="auto")
_pages = {
    "live": st.Page(live.page, title=_said("page.live"), icon=":material/monitoring:", url_path="live", default=True),
    "alerts": st.Page(alerts.page, title=_said("page.alerts"), icon=":material/notifications:", url_path=ALERTS_URL),
    "model": st.Page(model.page, title=_said("page.model"), icon=":material/psychology:", url_path="model"),
}
# Parts that redraw themselves send the reader to another page by it.
st.session_state["pages"] = _pages
_chosen = st.navigation(list(_pages.values()), position="top")
st.set_page_config(page_title=_said("page.title", page=_chosen.title))
# Streamlit leaves a hand's breadth free on every side; a page that is watched all day needs it. It also pales what
# is being drawn anew and says "running": the strip tells of age and connection, so nothing else may flicker.
st.html(
    "<style>.stMainBlockContainer{padding:3.9rem 1.5rem 1.5rem}"
    ".stSidebar [data-testid=stSidebarHeader]{height:2.75rem;margin-bottom:0;padding-top:0.5rem}"
    ".stMain [data-testid=stVerticalBlock]{gap:0.75rem}"
    ".stMain [data-stale=true]{opacity:1!important}[data-testid=stStatusWidget]{visibility:hidden}"
    # Beside one incident there is no room for the list on a narrow screen: a button leads back to it.
    "@media(max-width:640px){.stMain .st-key-alerts_beside{display:none}}</style>"
)
_chosen.run()
