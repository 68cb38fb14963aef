"""Whether what comes in is still like what came before: measured out of the archive when a reader asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from dashboard.formats import Formats
from dashboard.safe import plain
from dashboard.tables import Table
from stream.settings import ConfigurationError, load_settings

if TYPE_CHECKING:
    from stream.archive.drifting import Drifting

KEPT_S: Final = 300
MARKS: Final = {"steady": "●", "watch": "▲", "drifted": "✕"}


def drift(formats: Formats) -> None:
    """Draw the button, and what was measured last."""
    from stream.archive.values import ArchiveError

    said, state = formats.words, st.session_state
    st.markdown(f"#### {said('drift.title')}")
    if st.button(said("drift.measure"), key="drift_button", icon=":material/compare_arrows:"):
        try:
            state["drift"] = _measured()
        except (ArchiveError, ConfigurationError) as exc:
            state.pop("drift", None)
            st.warning(said("drift.down", reason=plain(str(exc), 200)))
    found: Drifting | None = state.get("drift")
    if found is None:
        st.caption(said("drift.what"))
        return
    start_s, end_s = (at_ms / 1000 for at_ms in found.window_ms)
    st.caption(said(f"drift.beside.{'past' if found.own_past else 'training'}", span=formats.span(start_s, end_s)))
    if found.found:
        st.dataframe(drift_table(found, formats).columns, hide_index=True, key="drift_table")
    for language, kind, count in found.few:
        st.caption(said("drift.few", language=plain(language, 8), kind=said(f"kind.{kind}"), n=formats.whole(count)))


def drift_table(found: Drifting, formats: Formats) -> Table:
    """Return a row for each language and kind, and a column for each measure: its mark and its value."""
    said = formats.words
    names = list(dict.fromkeys(name for one in found.found for name in one.measures))
    rows: list[tuple[object, ...]] = []
    for one in found.found:
        values = (one.measures.get(name) for name in names)
        cells = ("" if part is None else f"{MARKS[part.level]} {formats.upto(part.value, 3)}" for part in values)
        where = f"{plain(one.language, 8)} · {said(f'kind.{one.kind}')}"
        rows.append((where, f"{MARKS[one.level]} {said(f'drift.level.{one.level}')}", one.documents, *cells))
    heads = (said("drift.where"), said("drift.level"), said("drift.documents"))
    return Table((*heads, *(said(f"drift.of.{name}") for name in names)), rows)


@st.cache_data(ttl=KEPT_S, show_spinner=False, max_entries=1)
def _measured() -> Drifting:
    from model.drift_file import read_references
    from model.errors import ModelError
    from stream.archive.drifting import drifting
    from stream.archive.reading import Archive
    from stream.detector.confusion import shipped

    settings = load_settings()
    try:
        training = read_references((settings.model_path or shipped()) / "reference.json")
    except ModelError as exc:
        raise ConfigurationError(str(exc)) from None
    found = drifting(Archive(settings.archive_root), training)
    if found is None:
        raise ConfigurationError("nothing is archived here")
    return found
