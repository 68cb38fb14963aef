"""Incidents in words: series, clocks, states, reasons. Text from outside is made one visible line."""

from __future__ import annotations

from typing import Final

from dashboard.formats import Formats
from dashboard.i18n import Words
from dashboard.safe import plain
from stream.core.clocks import CLOCKS
from stream.core.incidents import Incident
from stream.core.series import parse
from stream.store.incident_read import Seen

STEPS_S: Final = {clock.name: clock.step_s for clock in CLOCKS}
# Drawn so that a state is told without its colour.
STATE_MARKS: Final = {"firing": "◉", "recovering": "◎", "resolved": "○"}
_VALUE_CHARS: Final = 60


def series_words(series: str, words: Words) -> str:
    """Return a series id in words, `News · ticker ACME`; what is no series id is shown as it came, as text."""
    try:
        kind, dimension, value = parse(series)
    except ValueError:
        return plain(series, _VALUE_CHARS)
    known = words.catalogue
    kind_name = known.get(f"kind.{kind}", plain(kind, 24))
    if dimension == "market":
        return f"{kind_name} · {words('series.market')}"
    value_name = known.get(f"topic.{value}") if dimension == "topic" else None
    value_name = known.get(f"lang.{value}") if dimension == "lang" else value_name
    return f"{kind_name} · {words(f'series.{dimension}', value=value_name or plain(value, _VALUE_CHARS))}"


def incident_words(incident: Incident, words: Words) -> str:
    """Return an incident's series in words, and the ticker that most of its stories are about."""
    name = series_words(incident.series, words)
    return words("series.led", series=name, ticker=plain(incident.led_by, 24)) if incident.led_by else name


def clock_words(clock: str, formats: Formats) -> str:
    """Return a clock in words: `steps of 5 min`."""
    step_s = STEPS_S.get(clock)
    return plain(clock, 12) if step_s is None else formats.words("clock.steps", step=formats.length(step_s))


def budget_words(incident: Incident, formats: Formats) -> str:
    """Return the false-alarm budget in words."""
    return formats.words("alerts.budget_value", n=formats.upto(incident.false_alarms_per_week, 4))


def state_words(seen: Seen, words: Words) -> str:
    """Return state, with its mark."""
    state = seen.incident.state
    return f"{STATE_MARKS.get(state, '○')} {words.catalogue.get(f'state.{state}', plain(state, 24))}"


def reason_words(reason: str | None, words: Words) -> str:
    """Return why an incident was resolved; somebody's own words as they are."""
    if not reason:
        return ""
    return words.catalogue.get(f"reason.{reason}", plain(reason))


def notes(seen: Seen, formats: Formats) -> list[str]:
    """Return what a reader has to know of an incident before trusting its figures, in plain words."""
    incident, words = seen.incident, formats.words
    step = formats.length(STEPS_S.get(incident.clock, STEPS_S["5m"]))
    told = []
    if incident.early and incident.state != "resolved":
        told.append(words("note.early", step=step))
    if incident.reason == "not_confirmed":
        told.append(words("note.not_confirmed", step=step))
    if incident.late:
        told.append(words("note.late"))
    if incident.state == "recovering":
        told.append(words("note.recovering"))
    if incident.reason in ("no_data", "new_baseline"):
        told.append(words(f"note.{incident.reason}"))
    return told
