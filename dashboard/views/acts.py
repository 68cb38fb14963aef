"""What people do to an incident: acknowledge it, and comment on it, under a name that the browser remembers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

import streamlit as st

from dashboard import incident_data
from dashboard.alert_filters import is_open
from dashboard.i18n import Words
from dashboard.safe import plain
from dashboard.views.frame import actor
from stream.store.acts import MAX_ACTOR_CHARS, MAX_COMMENT_CHARS
from stream.store.client import StoreError
from stream.store.incident_read import Seen

_TOLD: Final = "alerts_told"

_log = logging.getLogger(__name__)


def acts(seen: Seen, words: Words) -> None:
    """Draw the buttons of one incident; they stand still while the figures around them change."""
    name = seen.incident.incident_id
    with st.container(horizontal=True, vertical_alignment="bottom", key="alerts_acts"):
        st.text_input(
            words("alerts.name"), value=actor(), key="w_actor", max_chars=MAX_ACTOR_CHARS, on_change=_keep, width=150
        )
        if is_open(seen) and seen.acknowledged_by is None:
            st.button(
                words("alerts.acknowledge"),
                key=f"acknowledge_{name}",
                type="primary",
                icon=":material/check:",
                on_click=_acknowledge,
                args=(name,),
            )
        st.text_input(words("alerts.comment"), key=f"comment_{name}", max_chars=MAX_COMMENT_CHARS, width="stretch")
        st.button(words("alerts.send"), key=f"send_{name}", on_click=_comment, args=(name,))
    told = st.session_state.get(_TOLD)
    if told is not None and told[0] == name:
        st.caption(f":orange[{words(told[1])}]")


def _keep() -> None:
    # On the way to another page Streamlit may call this for a field that it has forgotten already.
    st.session_state["actor"] = plain(st.session_state.get("w_actor", actor()), MAX_ACTOR_CHARS)


def _acknowledge(name: str) -> None:
    _keep()  # a name typed just now: its own callback may come after this one
    if not actor():
        _tell(name, "alerts.need_name")
        return
    _do(name, lambda: incident_data.acknowledge(name, actor(), time.time()))


def _comment(name: str) -> None:
    _keep()
    text = plain(st.session_state[f"comment_{name}"], MAX_COMMENT_CHARS)
    if not actor() or not text:
        _tell(name, "alerts.need_text" if actor() else "alerts.need_name")
        return
    if _do(name, lambda: incident_data.comment(name, actor(), text, time.time())):
        st.session_state[f"comment_{name}"] = ""


def _do(name: str, act: Callable[[], bool]) -> bool:
    try:
        done = act()
    except StoreError as exc:
        _log.warning("%s", exc)
        _tell(name, "alerts.not_recorded")
        return False
    if done:
        st.session_state.pop(_TOLD, None)
    else:
        _tell(name, "alerts.not_done")
    return done


def _tell(name: str, key: str) -> None:
    st.session_state[_TOLD] = (name, key)
