"""Incidents and their events: the values that the detector, the notifier and the pages share."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

RULE: Final = "negative"

State = Literal["firing", "recovering", "resolved"]
Severity = Literal["warning", "critical"]
Kind = Literal["negative_share", "negative_surge"]
EventType = Literal[
    "fired",
    "escalated",
    "reminder",
    "reopened",
    "acknowledged",
    "assigned",
    "commented",
    "silenced",
    "unsilenced",
    "false_alarm",
    "resolved",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One story of an incident's evidence, as its first copy told it. All text is from outside: never trust it.

    Attributes:
        score: in [-1, 1].
        event_s: event time, unix seconds.
        copies: documents that told it when it was looked at.
    """

    id: str
    title: str
    source: str
    lang: str
    score: float
    event_s: int
    copies: int = 1
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """What is known of one incident; its figures are those of the look that changed it last, the highest z apart.

    Attributes:
        clock: name of the clock that opened it: `5m`, `1h`, `6h`, `1d`.
        early: opened before its window closed, and not confirmed by a closed window yet.
        opened_at_s: start of the opening window, unix seconds, UTC.
        fired_at_ms: when it was decided, on the detector's clock.
        window_start_s, window_end_s: the span that was looked at last, `[start, end)`.
        z: evidence, standard-normal-like; `z_peak` the highest so far.
        share, baseline_share: negative stories among all, seen and expected, in [0, 1].
        negative, total: unique stories in the span; `expected_total` from the baseline.
        late: decided more than ten minutes after its window closed, because nothing decided in time.
        parent: id of the open incident of a wider series that it belongs to; None where it stands alone.
        announced: False where it was part of its parent when it opened: then nobody is told of it by itself.
        reason: of `resolved`: cleared, not_confirmed, no_data, new_baseline, or somebody's words.
        false_alarms_per_week: the budget in force when it opened, per series.
        invented: its documents are those of the demonstration.
        led_by: the ticker that most of its negative stories were about when it opened, where the series is wider.
    """

    incident_id: str
    rule: str
    series: str
    state: State
    severity: Severity
    kind: Kind
    clock: str
    opened_at_s: int
    fired_at_ms: int
    window_start_s: int
    window_end_s: int
    z: float
    z_peak: float
    share: float
    baseline_share: float
    negative: int
    total: int
    expected_total: float
    false_alarms_per_week: float
    early: bool = False
    late: bool = False
    announced: bool = True
    parent: str | None = None
    resolved_at_s: int | None = None
    reason: str | None = None
    model_revision: str | None = None
    invented: bool = False
    evidence: tuple[Story, ...] = ()
    led_by: str | None = None

    @property
    def lift(self) -> float:
        """Return how far the share is above its baseline, in [-1, 1]."""
        return self.share - self.baseline_share

    @property
    def span_s(self) -> int:
        """Return the length of the span that was looked at, seconds."""
        return self.window_end_s - self.window_start_s


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentEvent:
    """One entry of an incident's history.

    Attributes:
        seq: 1, 2, 3 … within the incident, given by the store.
        at_ms: when, unix milliseconds.
        actor: who, where a person did it; None for the detector.
        text: a comment, or a reason.
        incident: as it stood after the event.
    """

    incident_id: str
    seq: int
    type: EventType
    at_ms: int
    incident: Incident
    actor: str | None = None
    text: str | None = None


def incident_id(series: str, opening_s: int, rule: str = RULE) -> str:
    """Return the id of the incident that this rule opens on this window: 32 hexadecimal digits.

    A function of what is decided and nothing else: a restart cannot open a second one, a replay names it the same.
    """
    return hashlib.sha256(f"{rule}|{series}|{opening_s}".encode()).hexdigest()[:32]


def event_id(event: IncidentEvent) -> str:
    """Return the id of one event, everywhere the same.

    A store that came back from a copy gives a seq a second time: type and instant tell the two events apart.
    """
    return f"{event.incident_id}-{event.seq}-{event.type}-{event.at_ms}"
