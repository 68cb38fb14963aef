"""The Model page: what the model is, and what it makes of a text that a reader tries."""

from __future__ import annotations

import time
from importlib import resources
from typing import Any, Final

import streamlit as st

from dashboard import data, panels
from dashboard.formats import Formats, zone_of
from dashboard.i18n import Words, words
from dashboard.palette import Palette
from dashboard.panels import Moment
from dashboard.safe import plain
from dashboard.serving import reader
from dashboard.try_it import By, chances, coloured, summary, weights
from dashboard.views.drift import drift
from dashboard.views.frame import strip
from dashboard.views.sidebar import chosen_palette, display, language
from model.labels import KINDS
from stream.serve.client import ServeError
from stream.store.client import StoreError

STRIP_EVERY_S: Final = 1.0
MOST_CHARS: Final = 2_000
WAYS: Final[tuple[By, ...]] = ("sentiment", "topic")


def page() -> None:
    """Draw the page."""
    said = words(language())
    formats = Formats(said, zone_of(st.context.timezone))
    with st.sidebar:
        st.markdown("#### Barograph")
        display(said, formats, time.time())
    palette = chosen_palette()
    st.fragment(_strip, run_every=STRIP_EVERY_S)(formats, palette)
    st.markdown(f"#### {said('model.try')}")
    _asked(said)
    tried = st.session_state.get("model_tried")
    if tried is not None:
        _shown(tried, formats, palette)
    drift(formats)
    with st.expander(said("model.card")):
        st.markdown(resources.files("model").joinpath("card.md").read_text(encoding="utf-8"))


def _strip(formats: Formats, palette: Palette) -> None:
    now = Moment(time.time())
    try:
        panel = panels.strip(data.totals(now.now_s), panels.LIVE, now, None, formats)
    except StoreError:
        panel = panels.down_strip(None, now, formats)
    strip(panel, now.now_s, formats, palette)


def _asked(said: Words) -> None:
    """Draw the form; what came of it is kept for this reader."""
    with st.form("model_form", border=False):
        text = st.text_area(said("model.text"), max_chars=MOST_CHARS, height=100, key="model_text")
        kind: Any = st.segmented_control(
            said("model.kind"), KINDS, format_func=lambda name: said(f"kind.{name}"), default=KINDS[0], required=True
        )
        wanted = st.form_submit_button(said("model.read"), type="primary")
    if not wanted or not text.strip():
        return
    try:
        st.session_state["model_tried"] = reader().explain([{"text": text, "kind": str(kind)}])
    except ServeError as exc:
        st.session_state.pop("model_tried", None)
        st.warning(said("model.down", reason=plain(str(exc), 200)))


def _shown(tried: dict[str, Any], formats: Formats, palette: Palette) -> None:
    said, result = formats.words, tried["results"][0]
    st.markdown(f"**{summary(result, formats)}**")
    way: Any = st.segmented_control(
        said("model.coloured"),
        WAYS,
        format_func=lambda name: said(f"model.by.{name}"),
        default=WAYS[0],
        required=True,
        key="model_by",
    )
    st.html(coloured(result, way, palette))
    st.caption(said("model.note", revision=plain(str(tried["revision"]), 40)))
    left, right = st.columns(2)
    left.dataframe(chances(result, formats).columns, hide_index=True, key="model_chances")
    right.dataframe(weights(result, formats).columns, hide_index=True, key="model_weights")
