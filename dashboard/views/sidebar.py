"""The sidebar: filters, which the URL follows, and how things are displayed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any, Final

import streamlit as st

from dashboard.filters import (
    AT,
    CUSTOM,
    EARLIEST_S,
    ENDS,
    KIND_CHOICES,
    LATEST_S,
    NOW,
    RANGES_S,
    Filters,
    from_query,
    known_topics,
    to_query,
)
from dashboard.formats import HOUR_S, Formats
from dashboard.i18n import LANGUAGES, NAMES, Words, first_choice
from dashboard.palette import PALETTES, Palette, palette
from dashboard.wall import comes_twice, instant_s, offset_name, wall
from model.labels import TOPICS

LANG_COOKIE: Final = "barograph_lang"
PALETTE_COOKIE: Final = "barograph_palette"


def language() -> str:
    """Return the language in use; the first choice is the one remembered, then the browser's."""
    if "lang" not in st.session_state:
        st.session_state["lang"] = first_choice(st.context.locale, st.context.cookies.get(LANG_COOKIE))
    return str(st.session_state["lang"])


def remembered() -> dict[str, str]:
    """Return what the browser is to remember."""
    return {LANG_COOKIE: language(), PALETTE_COOKIE: chosen_palette().name}


def chosen_palette() -> Palette:
    """Return the palette in use."""
    if "palette" not in st.session_state:
        st.session_state["palette"] = palette(st.context.cookies.get(PALETTE_COOKIE)).name
    return palette(st.session_state["palette"])


def sidebar(words: Words, formats: Formats, now_s: float) -> Filters:
    """Draw the sidebar and return the filters; the URL then says the same."""
    if "f_kind" not in st.session_state:
        # Streamlit forgets the widgets of a page that is left; a link says more than what was kept.
        query, kept = st.query_params.to_dict(), st.session_state.get("live_kept")
        set_filters(kept if kept is not None and not query else from_query(query), formats.zone)
    with st.sidebar:
        st.markdown("#### Barograph")
        filters = _filters(words, formats, now_s)
        display(words, formats, now_s)
    st.session_state["live_kept"] = filters
    wanted = to_query(filters)
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)
    return filters


def set_filters(filters: Filters, zone: tzinfo) -> None:
    """Put the filters into the widgets; to be called before they are drawn, or from a callback."""
    state = st.session_state
    state["f_kind"], state["f_range"], state["f_end"] = filters.kind, filters.range, filters.end
    state["f_topics"] = list(filters.topics)
    for key, at_s in (("f_at", filters.at_s), ("f_from", filters.from_s), ("f_to", filters.to_s)):
        if at_s is not None:
            shown = wall(at_s, zone)
            state[key], state[f"{key}_fold"] = shown, shown.fold


def _filters(words: Words, formats: Formats, now_s: float) -> Filters:
    kind = _segments(words, "filter.kind", KIND_CHOICES, "kind", "f_kind")
    span = st.pills(
        words("filter.range"),
        (*RANGES_S, CUSTOM),
        format_func=lambda name: words(f"range.{name}"),
        key="f_range",
        required=True,
    )
    from_s = to_s = at_s = None
    end = NOW
    if span == CUSTOM:
        from_s = moment(words, "filter.from", "f_from", now_s - HOUR_S, formats.zone)
        to_s = moment(words, "filter.to", "f_to", now_s, formats.zone)
        if from_s >= to_s:
            st.caption(f":orange[{words('filter.order')}]")
            span, from_s, to_s = Filters().range, None, None
    else:
        end = str(st.selectbox(words("filter.end"), ENDS, format_func=lambda name: words(f"end.{name}"), key="f_end"))
        at_s = moment(words, "filter.at", "f_at", now_s, formats.zone) if end == AT else None
    topics = st.multiselect(
        words("filter.topics"),
        TOPICS,
        format_func=lambda name: words(f"topic.{name}"),
        placeholder=words("filter.all_topics"),
        key="f_topics",
    )
    return Filters(kind, str(span), end, at_s, from_s, to_s, known_topics(topics))


def display(words: Words, formats: Formats, now_s: float) -> None:
    """Draw how things are shown: zone, language, colours."""
    palette_in_use = chosen_palette()
    st.caption(words("filter.zone", zone=formats.zone_name(now_s)))
    with st.expander(words("display.title"), key="display"):
        _kept_choice(words("display.language"), LANGUAGES, words.lang, lambda name: NAMES[name], "lang")
        names = tuple(p.name for p in PALETTES)
        _kept_choice(words("display.palette"), names, palette_in_use.name, lambda n: words(f"palette.{n}"), "palette")


def _kept_choice(label: str, options: tuple[str, ...], chosen: str, names: Callable[[str], str], key: str) -> None:
    # Streamlit drops a widget's own state when its label changes with the language: the choice is kept apart.
    def keep() -> None:
        # On the way to another page Streamlit may call this for a widget that it has forgotten already.
        st.session_state[key] = st.session_state.get(f"w_{key}", chosen)

    st.selectbox(
        label,
        options,
        index=options.index(chosen),
        format_func=names,
        key=f"w_{key}",
        on_change=keep,
    )


def _segments(words: Words, label: str, options: tuple[str, ...], prefix: str, key: str) -> str:
    chosen: Any = st.segmented_control(
        words(label), options, format_func=lambda name: words(f"{prefix}.{name}"), key=key, required=True
    )
    return str(chosen)


def moment(words: Words, label: str, key: str, default_s: float, zone: tzinfo) -> int:
    """Draw an input of date and time in the zone and return the instant, unix seconds."""
    if key not in st.session_state:
        st.session_state[key] = wall(int(default_s // 60 * 60), zone)
    # Without limits of ours a time of more than ten years ago would turn into now.
    earliest, latest = wall(EARLIEST_S, zone), wall(LATEST_S, zone)
    chosen: Any = st.datetime_input(
        words(label), key=key, step=60, format="YYYY-MM-DD", min_value=earliest, max_value=latest
    )
    shown = chosen if isinstance(chosen, datetime) else wall(int(default_s), zone)
    if comes_twice(shown, zone):
        shown = shown.replace(fold=_fold(words, key, shown.replace(tzinfo=zone)))
    return instant_s(shown, zone)


def _fold(words: Words, key: str, at: datetime) -> int:
    # The widget above knows no zones and drops the fold: it is asked for, and kept, apart.
    st.session_state.setdefault(f"{key}_fold", 0)
    chosen: Any = st.segmented_control(
        words("filter.twice"),
        (0, 1),
        format_func=lambda fold: offset_name(at.replace(fold=fold)),
        key=f"{key}_fold",
        required=True,
    )
    return int(chosen)
