"""Why the stories of an incident were read as they were: their words in colours, by the role `serve` when asked."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from dashboard.i18n import Words
from dashboard.palette import Palette
from dashboard.safe import plain
from dashboard.serving import reader
from dashboard.try_it import coloured
from stream.core.incidents import Incident
from stream.serve.client import ServeError

_KEPT: Final = "alerts_why"


def why(incident: Incident, said: Words, palette: Palette) -> None:
    """Draw the button, and once it was pressed for this incident, each story's words on their weights' colours."""
    documents = [
        {"text": story.title, "kind": incident.series.split("/")[0]} for story in incident.evidence if story.title
    ]
    if not documents:
        return
    if st.button(said("alerts.why"), key="alerts_why_button", icon=":material/format_color_text:"):
        try:
            st.session_state[_KEPT] = (incident.incident_id, reader().explain(documents))
        except ServeError as exc:
            st.session_state.pop(_KEPT, None)
            st.warning(said("model.down", reason=plain(str(exc), 200)))
    kept: tuple[str, dict[str, Any]] | None = st.session_state.get(_KEPT)
    if kept is not None and kept[0] == incident.incident_id:
        _shown(kept[1], said, palette)


def _shown(answer: dict[str, Any], said: Words, palette: Palette) -> None:
    with st.container(border=True):
        for result in answer["results"]:
            st.html(coloured(result, "sentiment", palette))
        st.caption(said("alerts.why_note", revision=plain(str(answer["revision"]), 40)))
