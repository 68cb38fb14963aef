"""The body of a message: one event of an incident as JSON, made once and kept for every attempt. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import msgspec

from stream.core.incidents import Incident, IncidentEvent, Story
from stream.core.links import web_link
from stream.delivery.titles import title
from stream.delivery.words import one_line

MOST_STORIES: Final = 5
# Some receivers take no more than 20 KB.
MOST_TITLE_CHARS: Final = 280
MOST_SOURCE_CHARS: Final = 80


def message_type(event: IncidentEvent) -> str:
    """Return the `type` of an event's message."""
    return f"sentiment.incident.{event.type}"


def body_of(event: IncidentEvent, *, public_url: str | None, superseded: bool = False) -> bytes:
    """Return the bytes that every endpoint gets of this event: UTF-8 JSON, keys in a fixed order.

    Args:
        public_url: where people reach the dashboard; None: no link.
        superseded: the incident had resolved before this could be told.
    """
    message = {
        "type": message_type(event),
        "timestamp": instant(event.at_ms / 1_000),
        "data": _data(event, public_url) | ({"superseded": True} if superseded else {}),
    }
    return msgspec.json.encode(message)


def superseded_body(body: bytes) -> bytes:
    """Return the bytes of a message that `body_of` made, now that its incident has resolved."""
    message = msgspec.json.decode(body)
    message["data"]["superseded"] = True
    return msgspec.json.encode(message)


def _data(event: IncidentEvent, public_url: str | None) -> dict[str, Any]:
    incident = event.incident
    data: dict[str, Any] = {
        "incident_id": incident.incident_id,
        "seq": event.seq,
        "state": incident.state,
        "severity": incident.severity,
        "kind": incident.kind,
        "clock": incident.clock,
        "early": incident.early,
        "series": incident.series,
        "window": {"start": instant(incident.window_start_s), "end": instant(incident.window_end_s)},
        "opened_at": instant(incident.opened_at_s),
        "resolved_at": None if incident.resolved_at_s is None else instant(incident.resolved_at_s),
        "reason": incident.reason,
        "z": _rounded(incident.z, 3),
        "probability": probability(incident.z),
        "share": _rounded(incident.share, 4),
        "baseline_share": _rounded(incident.baseline_share, 4),
        "lift": _rounded(incident.lift, 4),
        "negative": incident.negative,
        "total": incident.total,
        "expected_total": _rounded(incident.expected_total, 2),
        "span_min": _rounded(incident.span_s / 60, 2),
        "false_alarms_per_week": incident.false_alarms_per_week,
        "model_revision": incident.model_revision,
        "evidence": [_evidence(story) for story in incident.evidence[:MOST_STORIES]],
        "links": {"dashboard": incident_link(public_url, incident)},
        "title_en": title(event, "en"),
        "title_zh": title(event, "zh"),
        "late": incident.late,
    }
    extra = {
        "actor": event.actor,
        "text": event.text,
        "parent": incident.parent,
        "led_by": incident.led_by,
        "invented": incident.invented or None,
    }
    return data | {name: value for name, value in extra.items() if value is not None}


def _evidence(story: Story) -> dict[str, Any]:
    return {
        "id": story.id,
        "title": one_line(story.title, MOST_TITLE_CHARS),
        "source": one_line(story.source, MOST_SOURCE_CHARS),
        "url": web_link(story.url),
        "score": _rounded(story.score, 4),
        "story_copies": story.copies,
    }


def incident_link(public_url: str | None, incident: Incident) -> str | None:
    """Return where the dashboard shows an incident; None where nobody said how people reach the dashboard."""
    return f"{public_url}/alerts?incident={quote(incident.incident_id, safe='')}" if public_url else None


def probability(z: float) -> float:
    """Return the chance that chance alone reaches z, three digits: the upper tail of the normal distribution."""
    return float(f"{0.5 * math.erfc(z / math.sqrt(2)):.3g}")


def instant(at_s: float) -> str:
    """Return an instant as RFC 3339 in UTC, to the millisecond.

    >>> instant(1767323045.678)
    '2026-01-02T03:04:05.678Z'
    """
    return datetime.fromtimestamp(round(at_s * 1_000) / 1_000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _rounded(value: float, digits: int) -> float | None:
    return round(value, digits) if math.isfinite(value) else None
