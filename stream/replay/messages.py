"""What an endpoint gets of a replay: the notifier's message, marked so that nobody takes it for a live one. Pure."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from stream.core.incidents import IncidentEvent, event_id
from stream.delivery.body import body_of
from stream.delivery.signing import delivery_id

# What opens, escalates and ends an incident; a reminder has nobody to remind.
TOLD: Final = frozenset({"fired", "reopened", "escalated", "resolved"})


def is_told(event: IncidentEvent) -> bool:
    """Return whether an endpoint hears of it: as live, not of what opened as part of another incident."""
    return event.type in TOLD and event.incident.announced


def message_of(event: IncidentEvent, run: str) -> bytes:
    """Return the bytes that every endpoint gets: UTF-8 JSON, `replay` naming the run.

    The incident's id is one of the replay, too: an incident of the same window may be open live, and this one's end
    is not its end.
    """
    message: dict[str, Any] = msgspec.json.decode(body_of(event, public_url=None))
    data: dict[str, Any] = message.pop("data")
    for name in ("incident_id", "parent"):
        if data.get(name) is not None:
            data[name] = f"replay:{run}:{data[name]}"
    data["title_en"] = f"[replay {run}] {data['title_en']}"
    data["title_zh"] = f"[回放 {run}] {data['title_zh']}"
    return msgspec.json.encode(message | {"replay": run, "data": data})


def message_id(event: IncidentEvent, token: str, endpoint: str) -> str:
    """Return the id of an event's message: the same each time that the run tells it, and no other's.

    Args:
        token: the run's own; two runs of one name in two homes are two.
    """
    return delivery_id(f"replay:{token}:{event_id(event)}", endpoint)
