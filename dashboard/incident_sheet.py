"""One incident, written out: what happened against what was expected, who said so, what was done about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard.formats import Formats
from dashboard.i18n import Words
from dashboard.incident_panels import Href
from dashboard.incident_words import (
    budget_words,
    clock_words,
    incident_words,
    notes,
    reason_words,
    series_words,
    state_words,
)
from dashboard.palette import MARKS, SEVERITY_MARKS, TONES
from dashboard.safe import link, plain
from stream.core.aggregates import share_interval
from stream.core.incidents import Incident, IncidentEvent, Story
from stream.store.acts import MAX_COMMENT_CHARS
from stream.store.incident_read import Seen

Panel = dict[str, Any]
_NEUTRAL = 0.15  # a score nearer to zero than this has no direction worth a mark


def sheet_head(seen: Seen, parent: Seen | None, children: Sequence[Seen], formats: Formats, href: Href) -> list[Panel]:
    """Return title, sentence, notes and figures of an incident, block by block."""
    incident, words = seen.incident, formats.words
    severity = f"{SEVERITY_MARKS[incident.severity]} {words(f'severity.{incident.severity}')}"
    badges = [
        {"text": severity, "tone": incident.severity},
        {"text": state_words(seen, words), "tone": "plain"},
    ]
    if incident.early and incident.state != "resolved":
        badges.append({"text": words("tag.early"), "tone": "plain"})
    if incident.late:
        badges.append({"text": words("tag.late"), "tone": "plain"})
    if incident.invented:
        badges.append({"text": words("tag.invented"), "tone": "plain"})
    head = {
        "type": "head",
        "key": "head",
        "title": incident_words(incident, words),
        "badges": badges,
        "text": _sentence(incident, formats),
        "notes": [{"text": note} for note in notes(seen, formats)]
        + _relatives(incident, parent, children, words, href),
    }
    return [head, {"type": "facts", "key": "facts", "facts": _facts(seen, formats)}]


def sheet_stories(incident: Incident, formats: Formats) -> Panel:
    """Return the stories that drove an incident. Titles and sources are text; only http and https links open."""
    words = formats.words
    return _table(
        "stories",
        words("alerts.stories"),
        [words(f"headlines.{name}") for name in ("score", "headline", "from", "copies", "time")],
        [_story(story, formats) for story in incident.evidence],
        words("alerts.no_stories"),
    )


def sheet_history(history: Sequence[IncidentEvent], formats: Formats) -> Panel:
    """Return what was done, by whom and when; newest first."""
    words = formats.words
    return _table(
        "history",
        words("alerts.history"),
        [words(f"history.{name}") for name in ("time", "what", "who", "text")],
        [_event(event, formats) for event in reversed(history)],
        words("alerts.no_history"),
    )


def _sentence(incident: Incident, formats: Formats) -> str:
    low, high = share_interval(incident.negative, incident.total)
    return formats.words(
        f"kind_text.{incident.kind}",
        span=formats.exact_span(incident.window_start_s, incident.window_end_s),
        negative=formats.whole(incident.negative),
        total=formats.whole(incident.total),
        share=formats.percent(incident.share),
        low=formats.percent(low),
        high=formats.percent(high),
        usual=formats.percent(incident.baseline_share),
        expected=formats.about(incident.expected_total),
    )


def _relatives(
    incident: Incident, parent: Seen | None, children: Sequence[Seen], words: Words, href: Href
) -> list[Panel]:
    told: list[Panel] = []
    if incident.parent is not None:
        name = series_words(parent.incident.series, words) if parent is not None else words("alerts.gone")
        link_id = incident.parent if parent is not None else None
        text = words("note.joined") if incident.announced else words("note.attached")
        told.append({"text": text, "links": [_leading(name, link_id, href)]})
    if children:
        links = [
            _leading(series_words(child.incident.series, words), child.incident.incident_id, href)
            for child in sorted(children, key=lambda one: one.incident.z_peak, reverse=True)
        ]
        told.append({"text": words("note.has"), "links": links})
    return told


def _leading(name: str, incident_id: str | None, href: Href) -> Panel:
    return {"name": name} if incident_id is None else {"name": name, "id": incident_id, "href": href(incident_id)}


def _facts(seen: Seen, formats: Formats) -> list[Panel]:
    incident, words = seen.incident, formats.words
    low, high = share_interval(incident.negative, incident.total)
    interval = words("tile.interval", low=formats.percent(low), high=formats.percent(high))
    lift = words("tile.points", value=formats.signed(incident.lift * 100, 1))
    expected_negative = incident.baseline_share * incident.expected_total
    facts = [
        ("share", formats.percent(incident.share), interval),
        ("usual", formats.percent(incident.baseline_share), lift),
        (
            "counts",
            words("alerts.counts", negative=formats.whole(incident.negative), total=formats.whole(incident.total)),
            words(
                "alerts.expected",
                negative=formats.about(expected_negative),
                total=formats.about(incident.expected_total),
            ),
        ),
        ("z", formats.upto(incident.z, 1), words("alerts.peak", z=formats.upto(incident.z_peak, 1))),
        ("span", formats.length(incident.span_s), clock_words(incident.clock, formats)),
        ("opened", formats.moment(incident.fired_at_ms / 1000), _window_from(incident, formats)),
        ("acknowledged", *_acknowledged(seen, formats)),
        ("budget", budget_words(incident, formats), plain(incident.model_revision or "", 40)),
    ]
    if incident.resolved_at_s is not None:
        why = reason_words(incident.reason, words)
        facts.insert(6, ("resolved", formats.moment(incident.resolved_at_s), why))
    return [{"label": words(f"fact.{name}"), "value": value, "sub": sub} for name, value, sub in facts]


def _window_from(incident: Incident, formats: Formats) -> str:
    return formats.words("alerts.window_from", time=formats.clock(incident.opened_at_s))


def _acknowledged(seen: Seen, formats: Formats) -> tuple[str, str]:
    if seen.acknowledged_by is None:
        return formats.words("alerts.nobody"), ""
    at_ms = seen.acknowledged_at_ms
    return plain(seen.acknowledged_by, 80), formats.moment(at_ms / 1000) if at_ms is not None else ""


def _story(story: Story, formats: Formats) -> list[Panel]:
    label = "negative" if story.score < -_NEUTRAL else "positive" if story.score > _NEUTRAL else "neutral"
    words = formats.words
    return [
        {
            "text": f"{MARKS[label]} {formats.signed(story.score, 2)}",
            "tone": TONES[label],
            "hint": words(f"label.{label}"),
        },
        {"text": plain(story.title) or words("headlines.untitled"), "url": link(story.url), "wide": True},
        {"text": f"{plain(story.source, 40)} · {plain(story.lang, 8)}"},
        {"text": f"×{formats.whole(story.copies)}"},
        {"text": formats.moment(story.event_s)},
    ]


def _event(event: IncidentEvent, formats: Formats) -> list[Panel]:
    words = formats.words
    severity = event.incident.severity
    what = words.catalogue.get(f"event.{event.type}", plain(event.type, 24))
    tells_z = event.type in ("fired", "escalated", "reopened", "reminder")
    z = words("alerts.z", z=formats.upto(event.incident.z, 1)) if tells_z else ""
    reason = event.text or event.incident.reason
    text = reason_words(reason, words) if event.type == "resolved" else plain(event.text or "", MAX_COMMENT_CHARS)
    return [
        {"text": formats.moment(event.at_ms / 1000)},
        {"text": f"{SEVERITY_MARKS[severity]} {what}" if tells_z else what, "tone": severity if tells_z else ""},
        {"text": plain(event.actor, 80) if event.actor is not None else words("history.detector")},
        {"text": " · ".join(part for part in (z, text) if part), "wide": True},
    ]


def _table(key: str, title: str, columns: list[str], rows: list[list[Panel]], empty: str) -> Panel:
    return {"type": "table", "key": key, "title": title, "columns": columns, "rows": rows, "empty": empty}
